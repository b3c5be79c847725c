import type { Clock } from '../../clock.ts'
import type { Mark, SpeechEvent, SpeechRequest } from '../text-to-speech.ts'
import { EventQueue } from './event-queue.ts'
import { tooMuchSound } from './failures.ts'
import type { Places } from './places.ts'
import {
  SpeechContext,
  type ContextEnding,
  type ContextMarks,
  type ContextRequest,
} from './speech-context.ts'
import { untilAborted } from '../until-aborted.ts'
import type { WarmSocket } from './warm-socket.ts'

export interface SpeechOptions {
  readonly socket: WarmSocket
  readonly places: Places
  readonly clock: Clock
  readonly limits: { readonly speechSilenceMs: number; readonly turnAudioBytesMax: number }
  /** What every message says, with a voice; the first of the voices that is taken speaks. */
  readonly requests: readonly ContextRequest[]
  /** Bytes of sound in a millisecond. */
  readonly bytesPerMs: number
}

interface Sentence {
  readonly index: number
  readonly text: string
  /** How often it was said. */
  times: number
}

/** A sentence that makes no sound the second time either has none. */
const timesMax = 2
/** Sentences that are said before the first of them is heard: enough that no gap arises, few to be paid for in vain. */
const aheadMax = 2
/** Sound that waits for a slow reader, as a multiple of what lets the next sentence wait. */
const waitingFactorMax = 4
/** What a mark counts for among the bytes that wait. */
const markBytes = 64

/**
 * One speech: its sentences in one context, or in as many as it takes when they come slowly, on one timeline. A slow
 * reader makes the next sentence wait. The connection is never paused for it: others speak over it too.
 */
export class Speech {
  readonly #options: SpeechOptions
  readonly #sentences: AsyncIterator<string>
  readonly #events = new EventQueue<SpeechEvent>()
  readonly #requests: ContextRequest[]
  #upcoming: Promise<Sentence | null> | null = null
  #count = 0
  #soundBytes = 0
  #oddByte: Buffer = Buffer.alloc(0)
  #waitingBytes = 0
  #makeRoom = (): void => {}
  #hasBegun = false
  #hasRedialled = false
  #fail: (error: unknown) => void = () => {}

  constructor(request: SpeechRequest, options: SpeechOptions) {
    this.#options = options
    this.#sentences = request.sentences[Symbol.asyncIterator]()
    this.#requests = [...options.requests]
  }

  async *speak(signal: AbortSignal): AsyncGenerator<SpeechEvent, void, void> {
    const ending = new AbortController()
    this.#fail = (error) => {
      this.#events.fail(error)
      ending.abort(error)
    }
    const onAbort = (): void => this.#fail(signal.reason)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    const work = this.#work(ending.signal).then(
      () => this.#events.end(),
      (error: unknown) => this.#events.fail(error),
    )
    try {
      for await (const event of this.#events.read()) {
        this.#waitingBytes -= bytesOf(event)
        this.#makeRoom()
        yield event
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
      ending.abort(leftReason)
      await work
    }
  }

  async #work(signal: AbortSignal): Promise<void> {
    try {
      let unheard: readonly Sentence[] = []
      for (;;) {
        if (unheard.length === 0) {
          const sentence = await untilAborted(this.#peek(), signal)
          if (sentence === null) return
          await untilAborted(this.#room(), signal)
          this.#upcoming = null
          unheard = [sentence]
        }
        unheard = await this.#speakInContext(unheard, signal)
      }
    } finally {
      // Whoever makes the sentences may be busy with the next one for as long as it likes.
      this.#sentences.return?.()?.catch(() => {})
    }
  }

  /** Says these, and as many more as come in time. Returns those that have to be said again. */
  async #speakInContext(sentences: readonly Sentence[], signal: AbortSignal): Promise<readonly Sentence[]> {
    const giveBack = await this.#options.places.take(signal)
    const said: Sentence[] = []
    let context: SpeechContext | undefined
    try {
      context = await this.#open(said, signal)
      for (const sentence of sentences) this.#say(sentence, said, context)
      await this.#sayMore(said, context, signal)
      const ending = await untilAborted(context.over, signal)
      return this.#unheardOf(ending, said, context)
    } finally {
      context?.leave()
      giveBack()
    }
  }

  async #open(said: readonly Sentence[], signal: AbortSignal): Promise<SpeechContext> {
    const { socket, clock, limits } = this.#options
    const line = await socket.line(signal)
    const [request = {}] = this.#requests
    const beginMs = this.#nowMs
    // What the context before has left behind would make noise of everything that follows.
    this.#oddByte = Buffer.alloc(0)
    return new SpeechContext({
      line,
      request,
      clock,
      silenceMs: limits.speechSilenceMs,
      onSound: (place, sound) => this.#pushSound(said[place]?.index ?? 0, sound),
      onMarks: (place, marks) => this.#pushMarks(said[place]?.index ?? 0, marks, beginMs),
      onProgress: () => this.#makeRoom(),
    })
  }

  async #sayMore(said: Sentence[], context: SpeechContext, signal: AbortSignal): Promise<void> {
    const over = context.over.then(() => 'over' as const)
    while (!context.isEnding) {
      const next = await untilAborted(Promise.race([this.#peek(), over]), signal)
      if (next === 'over') return
      if (next === null) {
        context.end()
        return
      }
      await untilAborted(Promise.race([this.#room(context), over]), signal)
      // The sentence is for the next context when this one takes none any more.
      if (context.isEnding) return
      this.#upcoming = null
      this.#say(next, said, context)
    }
  }

  #say(sentence: Sentence, said: Sentence[], context: SpeechContext): void {
    sentence.times++
    said.push(sentence)
    context.say(sentence.text)
  }

  /** Those of the sentences that have to be said again, in another context; throws where that is of no use. */
  #unheardOf(ending: ContextEnding, said: readonly Sentence[], context: SpeechContext): readonly Sentence[] {
    const rest = said.slice(context.heardSentences).filter(({ times }) => times < timesMax)
    if (ending.how === 'done') return rest
    const isExpired = ending.how === 'refused' && ending.isWrongRequest && context.hasSounded
    if (isExpired && rest.length > 0) return rest
    if (!this.#hasBegun && this.#canBeginAgain(ending)) return said
    throw ending.error
  }

  /** Before anything was heard, a connection that had died unseen and an unknown voice are made good, once each. */
  #canBeginAgain(ending: Exclude<ContextEnding, { how: 'done' }>): boolean {
    if (ending.error.code !== 'VOICE_UNAVAILABLE') return false
    if (ending.how === 'refused' && ending.isWrongRequest && this.#requests.length > 1) {
      this.#requests.shift()
      return true
    }
    if (ending.how !== 'dropped' || this.#hasRedialled) return false
    this.#hasRedialled = true
    return true
  }

  /** The next sentence that has something to say, asked for once; null after the last one. */
  #peek(): Promise<Sentence | null> {
    if (this.#upcoming === null) {
      this.#upcoming = this.#next()
      this.#upcoming.catch(() => {}) // Whoever waits for it sees why.
    }
    return this.#upcoming
  }

  async #next(): Promise<Sentence | null> {
    for (;;) {
      const { value, done } = await this.#sentences.next()
      if (done === true) return null
      const index = this.#count++
      if (value.trim() !== '') return { index, text: value, times: 0 }
    }
  }

  get #nowMs(): number {
    return this.#soundBytes / this.#options.bytesPerMs
  }

  /** Half of a sample waits for its other half. */
  #pushSound(sentence: number, sound: Buffer): void {
    const whole = this.#oddByte.byteLength === 0 ? sound : Buffer.concat([this.#oddByte, sound])
    const length = whole.byteLength - (whole.byteLength % 2)
    this.#oddByte = whole.subarray(length)
    if (length === 0) return
    const startMs = this.#nowMs
    this.#soundBytes += length
    this.#push({ type: 'audio', sentence, startMs, audio: whole.subarray(0, length) })
  }

  #pushMarks(sentence: number, { words, phonemes }: ContextMarks, beginMs: number): void {
    const moved = ({ text, startMs, endMs }: Mark): Mark => ({
      text,
      startMs: beginMs + startMs,
      endMs: beginMs + endMs,
    })
    this.#push({ type: 'marks', sentence, words: words.map(moved), phonemes: phonemes.map(moved) })
  }

  #push(event: SpeechEvent): void {
    this.#hasBegun = true
    this.#waitingBytes += bytesOf(event)
    if (this.#waitingBytes > this.#options.limits.turnAudioBytesMax * waitingFactorMax) {
      this.#fail(tooMuchSound())
    } else this.#events.push(event)
  }

  /** Resolves when so little waits, here and at Cartesia, that another sentence may be said. */
  async #room(context?: SpeechContext): Promise<void> {
    const { turnAudioBytesMax } = this.#options.limits
    const isFull = (): boolean =>
      (context?.sentencesAhead ?? 0) >= aheadMax || this.#waitingBytes > turnAudioBytesMax
    while (isFull()) {
      await new Promise<void>((resolve) => (this.#makeRoom = resolve))
    }
  }
}

const leftReason = 'The listener has left.'

function bytesOf(event: SpeechEvent): number {
  if (event.type === 'audio') return event.audio.byteLength
  return (event.words.length + event.phonemes.length) * markBytes
}
