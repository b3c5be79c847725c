import { randomUUID } from 'node:crypto'
import type { Clock } from '../../clock.ts'
import { fieldsOf, textOf, type Fields } from '../../llm/fields.ts'
import type { Mark, VoiceError } from '../text-to-speech.ts'
import { refusalOf, silent, type Refusal } from './failures.ts'
import type { Line, LineUser } from './warm-socket.ts'

/** What every message of a context repeats unchanged. */
export type ContextRequest = Readonly<Record<string, unknown>>

export interface SpeechContextOptions {
  readonly line: Line
  readonly request: ContextRequest
  readonly clock: Clock
  readonly silenceMs: number
  /** The place is that of the sentence among those of this context. */
  readonly onSound: (place: number, sound: Buffer) => void
  /** Times count from the beginning of the context. */
  readonly onMarks: (place: number, marks: ContextMarks) => void
  /** Called when more may have been heard than before. */
  readonly onProgress: () => void
}

export interface ContextMarks {
  readonly words: readonly Mark[]
  readonly phonemes: readonly Mark[]
}

export type ContextEnding =
  /** All that was to be said was said, or it expired while it waited for the next sentence. */
  | { readonly how: 'done' }
  | { readonly how: 'dropped'; readonly error: VoiceError }
  | ({ readonly how: 'refused' } & Refusal)
  | { readonly how: 'failed'; readonly error: VoiceError }

/**
 * A context ends by itself a second after its last sound. We end it before that, when no sentence has come: so it
 * never expires under a sentence that is on its way, and holds no place of the plan while a slow model thinks.
 */
const quietMs = 700

/** One context: sentences that are said in one breath. It is over once, and must be left. */
export class SpeechContext implements LineUser {
  readonly #options: SpeechContextOptions
  readonly #id = randomUUID()
  readonly #over = Promise.withResolvers<ContextEnding>()
  #isOver = false
  #isEnding = false
  #said = 0
  /** The sentence that sounds, and how many Cartesia has been through. */
  #sounding = -1
  #flushed = 0
  #firstFlushId = 1
  #isNumbered = false
  #cancelTimer = (): void => {}

  constructor(options: SpeechContextOptions) {
    this.#options = options
    options.line.join(this.#id, this)
    if (!options.line.isOpen) this.dropped(options.line.error)
  }

  /** How it ended; never rejects. */
  get over(): Promise<ContextEnding> {
    return this.#over.promise
  }

  /** Whether it takes no more sentences. */
  get isEnding(): boolean {
    return this.#isEnding || this.#isOver
  }

  /** How many of the sentences were heard, or are known to make no sound. */
  get heardSentences(): number {
    // Where nothing is numbered, what was said before a sound is taken for heard: nothing is ever said twice.
    if (!this.#isNumbered && this.#sounding >= 0) return this.#said
    return Math.max(this.#sounding + 1, this.#flushed)
  }

  /** How many of the sentences are still to be heard. */
  get sentencesAhead(): number {
    return this.#said - this.heardSentences
  }

  get hasSounded(): boolean {
    return this.#sounding >= 0
  }

  /** Says a sentence, at once: the flush tells Cartesia not to wait for more, and us whose the sound is. */
  say(sentence: string): void {
    // What is said is joined as it comes, and words must not touch.
    this.#send({ transcript: /\s$/.test(sentence) ? sentence : `${sentence} `, continue: true })
    this.#send({ transcript: '', continue: true, flush: true })
    this.#said++
    this.#watch()
  }

  /** Says that nothing follows. It is over when all was said. */
  end(): void {
    if (this.isEnding) return
    this.#send({ transcript: '', continue: false })
    this.#isEnding = true
    this.#watch()
  }

  /** Ends it in whatever state it is. */
  leave(): void {
    if (!this.#isOver) this.#cancel()
    this.#finish({ how: 'done' })
  }

  #cancel(): void {
    this.#options.line.send({ context_id: this.#id, cancel: true })
  }

  heard(message: Fields): void {
    if (!this.#hear(message)) return
    this.#watch()
    this.#options.onProgress()
  }

  /** Whether it is a sign that something is done: what is new to us, or empty, is none, and nothing wrong either. */
  #hear(message: Fields): boolean {
    switch (message['type']) {
      case 'chunk':
        return this.#hearSound(message)
      case 'timestamps':
        return this.#hearMarks(message, { words: marksOf(message['word_timestamps'], 'words'), phonemes: [] })
      case 'phoneme_timestamps':
        return this.#hearMarks(message, {
          words: [],
          phonemes: marksOf(message['phoneme_timestamps'], 'phonemes'),
        })
      case 'flush_done':
        this.#flushed = Math.max(this.#flushed, this.#placeOf(message) + 1)
        return true
      case 'done':
        this.#finish({ how: 'done' })
        return true
      case 'error':
        this.#finish({ how: 'refused', ...refusalOf(message) })
        return true
      default:
        return false
    }
  }

  dropped(error: VoiceError): void {
    this.#finish({ how: 'dropped', error })
  }

  #hearSound(message: Fields): boolean {
    const sound = Buffer.from(textOf(message['data']), 'base64')
    if (sound.byteLength === 0) return false
    // Where the first sentence has none, the numbers that follow count the flushes before.
    if (this.#sounding < 0 && typeof message['flush_id'] !== 'number') this.#firstFlushId = 0
    this.#sounding = Math.max(this.#sounding, this.#placeOf(message))
    this.#options.onSound(this.#sounding, sound)
    return true
  }

  #hearMarks(message: Fields, marks: ContextMarks): boolean {
    if (marks.words.length + marks.phonemes.length === 0) return false
    this.#options.onMarks(this.#placeOf(message), marks)
    return true
  }

  /** Each sentence has a flush of its own, so that its number is the sentence's. They begin with 1, or with 0. */
  #placeOf(message: Fields): number {
    const flushId = message['flush_id']
    if (typeof flushId !== 'number' || !Number.isInteger(flushId)) return Math.max(this.#sounding, 0)
    this.#isNumbered = true
    if (flushId <= 0) this.#firstFlushId = 0
    return Math.min(Math.max(flushId - this.#firstFlushId, 0), Math.max(this.#said - 1, 0))
  }

  #send(part: Fields): void {
    this.#options.line.send({ ...this.#options.request, context_id: this.#id, ...part })
  }

  /** Waits for the next sign: of sound while there should be some, else for a sentence. */
  #watch(): void {
    this.#cancelTimer()
    if (this.#isOver) return
    const { clock, silenceMs, line } = this.#options
    const isOwed = this.#isEnding || this.sentencesAhead > 0
    this.#cancelTimer = isOwed
      ? clock.after(silenceMs, () => {
          this.#cancel()
          this.#finish({ how: 'failed', error: silent() })
          line.endIfSilentFor(silenceMs)
        })
      : clock.after(quietMs, () => this.end())
  }

  #finish(ending: ContextEnding): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#cancelTimer()
    this.#options.line.leave(this.#id)
    this.#over.resolve(ending)
  }
}

/** The marks of three lists of the same length; what does not fit together is left out. */
function marksOf(value: unknown, name: 'words' | 'phonemes'): readonly Mark[] {
  const { [name]: texts, start, end } = fieldsOf(value)
  if (!Array.isArray(texts) || !Array.isArray(start) || !Array.isArray(end)) return []
  return texts.flatMap((text: unknown, index) => {
    const from: unknown = start[index]
    const to: unknown = end[index]
    if (typeof text !== 'string' || typeof from !== 'number' || typeof to !== 'number') return []
    return from >= 0 && to >= from && to < Infinity ? [{ text, startMs: from * 1000, endMs: to * 1000 }] : []
  })
}
