import type { WebSocket } from 'ws'
import type { Clock } from '../../src/clock.ts'

/** A message to a context, as it came over the wire. */
export interface SpeechMessage {
  readonly context_id: string
  readonly transcript?: string
  readonly continue?: boolean
  readonly flush?: boolean
  readonly cancel?: boolean
  readonly model_id?: string
  readonly voice?: { readonly id: string }
  readonly add_timestamps?: boolean
  readonly add_phoneme_timestamps?: boolean
  readonly generation_config?: { readonly speed: number }
  readonly [name: string]: unknown
}

/** A text to be said, and the message that asked for it. */
export interface Utterance {
  readonly text: string
  readonly flushId: number
  readonly message: SpeechMessage
}

export interface CartesiaContextOptions {
  readonly socket: WebSocket
  readonly id: string
  readonly soundDelayMs: number
  readonly clock: Clock
  /** Called when something has happened. */
  readonly tell: () => void
}

/** What no error message of ours may show. */
export const canary = 'Canary: the words of the provider'

const sampleRate = 24_000
/** Each character of a word sounds so long at the usual speed, and each sound comes in pieces of so much. */
const characterMs = 50
const pieceMs = 100

/** One context as the server has it, for a test to answer by hand, or to `play` as Cartesia does. */
export class CartesiaContext {
  readonly id: string
  readonly socket: WebSocket
  /** Everything that was sent to it. */
  readonly messages: SpeechMessage[] = []
  isOver = false
  readonly #options: CartesiaContextOptions
  #transcript = ''
  #flushId = 1
  #seconds = 0
  #before: Promise<void> = Promise.resolve()

  constructor(options: CartesiaContextOptions) {
    this.#options = options
    this.id = options.id
    this.socket = options.socket
  }

  get isCancelled(): boolean {
    return this.messages.some(({ cancel }) => cancel === true)
  }

  /** What it was told to say, word for word. */
  get transcripts(): readonly string[] {
    return this.messages.map(({ transcript }) => transcript ?? '').filter((transcript) => transcript !== '')
  }

  /** Whether it was told that nothing follows. */
  get hasEnded(): boolean {
    return this.messages.some((message) => message.continue === false)
  }

  /** Does what Cartesia does with a message. */
  play(message: SpeechMessage): void {
    if (message.cancel === true) {
      this.#end()
      return
    }
    this.#transcript += message.transcript ?? ''
    if (message.flush !== true && message.continue === true) return
    const text = this.#transcript
    this.#transcript = ''
    const flushId = message.flush === true ? this.#flushId++ : this.#flushId
    this.#before = this.#speakAfter(this.#before, { text, flushId, message })
  }

  /** Sends a text as sound, with the times that were asked for. */
  speak({ text, flushId, message }: Utterance): void {
    const speed = message.generation_config?.speed ?? 1
    const words = text.trim().split(/\s+/)
    const lengths = words.map((word) => (word.length * characterMs) / speed / 1000)
    const starts = lengths.map((_, at) => this.#seconds + sum(lengths.slice(0, at)))
    const ends = starts.map((start, at) => start + (lengths[at] ?? 0))
    if (message.add_timestamps === true) {
      this.send({
        type: 'timestamps',
        flush_id: flushId,
        word_timestamps: { words, start: starts, end: ends },
      })
    }
    if (message.add_phoneme_timestamps === true) {
      const times = { start: starts, end: ends }
      const phonemes = words.map((word) => word[0] ?? '')
      this.send({
        type: 'phoneme_timestamps',
        flush_id: flushId,
        phoneme_timestamps: { phonemes, ...times },
      })
    }
    const seconds = sum(lengths)
    this.sound(seconds * 1000, flushId)
  }

  /** Sends so much of a tone. Without a flush id it has none. */
  sound(durationMs: number, flushId?: number): void {
    for (const piece of pieces(tone(durationMs))) this.chunk(piece, flushId)
    this.#seconds += durationMs / 1000
  }

  /** Sends sound as it is. */
  chunk(sound: Uint8Array, flushId?: number): void {
    this.send({
      type: 'chunk',
      data: Buffer.from(sound).toString('base64'),
      status_code: 206,
      step_time: 12.3,
      ...(flushId !== undefined && { flush_id: flushId }),
    })
  }

  /** Sends an event of the context. */
  send(event: object): void {
    if (this.isOver) return
    this.socket.send(JSON.stringify({ done: false, status_code: 206, context_id: this.id, ...event }))
  }

  /** Says that it is over; also when nobody has asked for it, as for one that expires. */
  done(): void {
    this.send({ type: 'done', done: true })
    this.#end()
  }

  fail(statusCode: number, errorCode: string | null = null): void {
    this.send({
      type: 'error',
      done: true,
      status_code: statusCode,
      error_code: errorCode,
      title: canary,
      message: canary,
      request_id: 'request-1',
    })
    this.#end()
  }

  #end(): void {
    this.isOver = true
    this.#options.tell()
  }

  async #speakAfter(before: Promise<void>, { text, flushId, message }: Utterance): Promise<void> {
    await before
    if (text.trim() !== '') {
      await this.#delay()
      this.speak({ text, flushId, message })
    }
    if (message.flush === true) this.send({ type: 'flush_done', flush_done: true, flush_id: flushId })
    if (message.continue === false) this.done()
  }

  #delay(): Promise<void> {
    const { soundDelayMs, clock } = this.#options
    if (soundDelayMs === 0) return Promise.resolve()
    return new Promise((resolve) => clock.after(soundDelayMs, resolve))
  }
}

/** A quiet note, as `pcm_s16le`. */
export function tone(durationMs: number, rate = sampleRate): Buffer {
  const samples = Int16Array.from({ length: Math.round((durationMs / 1000) * rate) }, (_, at) =>
    Math.round(6000 * Math.sin((2 * Math.PI * 220 * at) / rate)),
  )
  return Buffer.from(samples.buffer)
}

function pieces(sound: Buffer): readonly Buffer[] {
  const length = (pieceMs / 1000) * sampleRate * 2
  return Array.from({ length: Math.ceil(sound.byteLength / length) }, (_, at) =>
    sound.subarray(at * length, (at + 1) * length),
  )
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
