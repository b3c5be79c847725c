import { sleep } from '../clock.ts'
import type { ErrorCode } from '../errors.ts'
import { alignWords } from '../voice/align-words.ts'
import { SentenceSplitter } from '../voice/sentences.ts'
import { spokenText } from '../voice/spoken-text.ts'
import { VoiceError, type Mark, type SpeechEvent, type VoiceErrorCode } from '../voice/text-to-speech.ts'
import { SpeechWatch } from './speech-watch.ts'
import { startTiming, type Timing } from './timing.ts'
import type { TurnContext, TurnSpeechWish, TurnVoice } from './turn-context.ts'
import { earlyEndOf, TurnStop } from './turn-stop.ts'

/** Given as the reason, because without one every abort makes an exception with its stack. */
const speechOver = 'The speech is over.'

const tooLong = 'This took too long to be spoken whole.'

/** Sound is told in pieces of at most so many bytes: the first one can be heard while the next are on their way. */
const pieceBytesMax = 32 * 1024

/** About how long one character is spoken for, to know how much is still to be heard of what is not sound yet. */
const msPerCharacter = 65

export interface SpeechOptions {
  /** The turn's: ends the speech, too. */
  readonly signal: AbortSignal
  readonly onFirstAudio: () => void
}

/** The voice of a turn that wants one; undefined where there is none, and then its readers were told why. */
export function beginSpeech(context: TurnContext, options: SpeechOptions): TurnSpeech | undefined {
  const { speech: wish, chooseVoice } = context
  if (wish === null) return undefined
  try {
    const voice = chooseVoice()
    if (voice === null) throw new VoiceError('VOICE_UNAVAILABLE', 'This server does not speak.')
    return new TurnSpeech(context, { ...options, wish, voice })
  } catch (error) {
    tellFailure(context, error)
    return undefined
  }
}

function tellFailure({ events, reportDefect }: TurnContext, error: unknown): void {
  const isForeseen = error instanceof VoiceError
  if (!isForeseen) reportDefect(error)
  const code: VoiceErrorCode = isForeseen ? error.code : 'VOICE_UNAVAILABLE'
  const message = isForeseen ? error.message : 'The voice failed. The text goes on without it.'
  events.emit({ type: 'status', status: 'voice-failed', code, message })
}

/** A slice of the text. */
interface Sentence {
  readonly index: number
  readonly content: string
  /** Where it begins in the content of the turn. */
  readonly from: number
  /** What is read aloud. */
  readonly spoken: string
}

/**
 * Speaks the text of one turn while it is written. The text never waits for the voice, and a voice that fails is told
 * of once. Bound: the text of a turn; what is much further than it can be heard is not handed to the voice yet.
 */
export class TurnSpeech {
  readonly #context: TurnContext
  readonly #options: SpeechOptions & { readonly wish: TurnSpeechWish; readonly voice: TurnVoice }
  readonly #splitter: SentenceSplitter
  readonly #watch: SpeechWatch
  readonly #ending = new AbortController()
  readonly #broken = Promise.withResolvers<never>()
  /** Resolves when no more of it is to be heard. */
  readonly whenOver: Promise<void>
  readonly #timing: Timing
  /** What is to be spoken and was not handed to the voice. */
  readonly #waiting: Sentence[] = []
  /** What was handed to the voice, by the place that it has there. */
  readonly #handed: Sentence[] = []
  #more = Promise.withResolvers<void>()
  #sentences = 0
  #characters = 0
  #isTextOver = false
  /** Whether the voice has to wait for more to speak, although there is more. */
  #isHolding = false
  #isOver = false
  /** The place of the newest sentence that sounds, and its words so far. */
  #sounding = -1
  #words: readonly Mark[] = []
  #firstAudioAt: number | undefined
  #soundMs = 0

  constructor(
    context: TurnContext,
    options: SpeechOptions & { readonly wish: TurnSpeechWish; readonly voice: TurnVoice },
  ) {
    const { clock, limits } = context
    this.#context = context
    this.#options = options
    this.#splitter = new SentenceSplitter(limits.sentenceCharactersMax)
    this.#watch = new SpeechWatch({ clock, limits, onSilence: (error) => this.#broken.reject(error) })
    this.#timing = startTiming(clock)
    this.whenOver = this.#run()
  }

  /** The next piece of the turn's text. */
  say(text: string): void {
    this.#add(this.#splitter.push(text))
  }

  /** Nothing is said for a while: what has been said is spoken without waiting for more of its sentence. */
  pause(): void {
    this.#add(this.#splitter.end())
  }

  /** All has been said. Resolves when it was spoken, or when there is nothing more to hear for whatever reason. */
  async end(): Promise<void> {
    this.pause()
    this.#isTextOver = true
    this.#wake()
    await this.whenOver
  }

  /** No event of it follows. */
  cancel(): void {
    this.pause()
    this.#isOver = true
    this.#broken.reject(speechOver)
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { signal, voice } = this.#options
    const onAbort = (): void => this.#broken.reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    let code: ErrorCode | null = null
    try {
      await Promise.race([this.#listen(), this.#broken.promise])
    } catch (error) {
      code = this.#codeOf(error)
      if (!this.#isOver) this.#tellWhy(error)
    } finally {
      this.#isOver = true
      signal.removeEventListener('abort', onAbort)
      this.#watch.close()
      this.#ending.abort(speechOver)
      this.#wake()
      voice.release()
      this.#report(code)
    }
  }

  #codeOf(error: unknown): ErrorCode {
    const { signal } = this.#options
    if (signal.aborted) return earlyEndOf(signal.reason).code
    if (error === speechOver) return 'INTERRUPTED'
    return error instanceof VoiceError ? error.code : 'VOICE_UNAVAILABLE'
  }

  #report(code: ErrorCode | null): void {
    this.#context.observer.stepEnded({
      kind: 'speech',
      provider: this.#options.voice.textToSpeech.name,
      startedAtMs: this.#timing.startedAtMs,
      seconds: this.#timing.seconds(),
      characters: this.#handed.reduce((sum, { spoken }) => sum + spoken.length, 0),
      soundSeconds: this.#soundMs / 1000,
      code,
    })
  }

  /** Who ends the turn knows why it is silent, but for the time-out when all text has been said. */
  #tellWhy(error: unknown): void {
    const { signal } = this.#options
    const isLate = this.#isTextOver && signal.reason instanceof TurnStop && signal.reason.kind === 'time'
    if (isLate) tellFailure(this.#context, new VoiceError('VOICE_UNAVAILABLE', tooLong))
    else if (!signal.aborted) tellFailure(this.#context, error)
  }

  async #listen(): Promise<void> {
    const { voice, wish } = this.#options
    const request = { sentences: this.#toSpeak(), voice: wish.voice, speed: wish.speed }
    for await (const event of voice.textToSpeech.speak(request, this.#ending.signal)) {
      if (this.#isOver) return
      this.#hear(event)
    }
    const isWhole = this.#isTextOver && this.#waiting.length === 0
    if (!isWhole)
      throw new VoiceError('VOICE_UNAVAILABLE', 'The voice broke off. The text goes on without it.')
  }

  #add(contents: readonly string[]): void {
    const { events } = this.#context
    for (const content of contents) {
      const sentence = {
        index: this.#sentences++,
        content,
        from: this.#characters,
        spoken: spokenText(content),
      }
      this.#characters += content.length
      events.emit({ type: 'sentence', index: sentence.index, content })
      if (sentence.spoken !== '' && !this.#isOver) this.#waiting.push(sentence)
    }
    this.#wake()
  }

  #wake(): void {
    this.#watchVoice()
    this.#more.resolve()
    this.#more = Promise.withResolvers()
  }

  /** The voice has to make sound of all that it could have, and to come to its end when it could have had all. */
  #watchVoice(): void {
    const known = this.#handed.length + (this.#isHolding ? 0 : this.#waiting.length)
    const knowsAll = !this.#isOver && this.#isTextOver && !this.#isHolding
    this.#watch.expect({ sound: !this.#isOver && this.#sounding + 1 < known, end: knowsAll })
  }

  /** The sentences as the voice takes them. */
  async *#toSpeak(): AsyncGenerator<string, void> {
    while (!this.#isOver) {
      await this.#untilWanted()
      const sentence = this.#waiting.shift()
      if (sentence !== undefined) {
        this.#handed.push(sentence)
        yield sentence.spoken
      } else if (this.#isTextOver) return
      else await this.#more.promise
    }
  }

  /** Holds back what would be sound too long before it can be heard: that sound would have to be kept, or be lost. */
  async #untilWanted(): Promise<void> {
    const { clock } = this.#context
    for (let early = this.#msTooEarly; this.#waiting.length > 0 && early > 0; early = this.#msTooEarly) {
      this.#hold(true)
      await sleep(clock, early, this.#ending.signal)
    }
    this.#hold(false)
  }

  #hold(isHolding: boolean): void {
    if (this.#isHolding === isHolding) return
    this.#isHolding = isHolding
    this.#watchVoice()
  }

  /** By how much the end of what was handed over lies further ahead than half of the sound that is kept. */
  get #msTooEarly(): number {
    const { clock, limits } = this.#context
    const { voice, wish } = this.#options
    const keptMs = (limits.turnAudioBytesMax / 2 / (voice.textToSpeech.sampleRate * 2)) * 1000
    const silent = this.#handed.slice(this.#sounding + 1)
    const characters = silent.reduce((sum, { spoken }) => sum + spoken.length, 0)
    const heardMs = this.#firstAudioAt === undefined ? 0 : clock.now() - this.#firstAudioAt
    return this.#soundMs + (characters * msPerCharacter) / wish.speed - heardMs - keptMs
  }

  #hear(event: SpeechEvent): void {
    const sentence = this.#handed[event.sentence]
    if (sentence === undefined) throw new Error('A voice speaks a sentence that it was not given.')
    if (event.sentence > this.#sounding) {
      this.#sounding = event.sentence
      this.#words = []
    }
    if (event.type === 'audio') this.#tellAudio(event.audio, event.startMs, sentence)
    else this.#tellMarks(event, sentence)
    this.#watch.heard()
    this.#watchVoice()
  }

  #tellAudio(audio: Buffer, startMs: number, { index }: Sentence): void {
    const { events, clock } = this.#context
    const { voice, onFirstAudio } = this.#options
    const { sampleRate } = voice.textToSpeech
    const bytesPerMs = (sampleRate * 2) / 1000
    for (let at = 0; at < audio.byteLength; at += pieceBytesMax) {
      events.emit({
        type: 'audio-chunk',
        index,
        audio: audio.subarray(at, at + pieceBytesMax),
        sampleRate,
        startMs: startMs + at / bytesPerMs,
      })
    }
    this.#soundMs = startMs + audio.byteLength / bytesPerMs
    if (this.#firstAudioAt !== undefined) return
    this.#firstAudioAt = clock.now()
    onFirstAudio()
  }

  /** A voice may tell the words of one sentence little by little: each is looked for behind those before it. */
  #tellMarks({ words, phonemes }: SpeechEvent & { readonly type: 'marks' }, sentence: Sentence): void {
    const { index, content, from } = sentence
    const before = this.#words.length
    this.#words = [...this.#words, ...words]
    const placed = alignWords(content, this.#words).slice(before)
    this.#context.events.emit({
      type: 'speech-marks',
      index,
      words: placed.map((word) => ({ ...word, from: from + word.from, to: from + word.to })),
      phonemes,
    })
  }
}
