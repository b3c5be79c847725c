import { connect, type Socket } from 'node:net'
import { AnswerReader } from '../load/answer-reader.ts'

/** How one turn went; all times are milliseconds from sending its request. */
export interface SpokenTurn {
  readonly firstTextMs: number
  /** The text up to the end of the first sentence was there. */
  readonly writtenMs: number
  /** The server said that this was the first sentence: that takes the beginning of the next one. */
  readonly cutMs: number
  readonly firstAudioMs: number
  /** The contents of all sentences, as they were written. */
  readonly sentences: readonly string[]
  /** What was heard altogether. */
  readonly soundSeconds: number
  /** Whether it was answered to its end and, if it was to be, spoken. */
  readonly isRight: boolean
}

export interface TurnRequest {
  readonly sessionId: string
  readonly message: string
  readonly isSpoken: boolean
}

/** What is read of the events on the wire. */
interface WireEvent {
  readonly type: string
  readonly content?: string
  readonly audio?: string
  readonly sample_rate?: number
  readonly status?: string
}

/** A keep-alive connection of one guest. On the raw socket, so that reading takes little of the machine. */
export class GuestConnection {
  readonly #socket: Socket
  readonly #host: string
  #reader: AnswerReader | undefined
  #answered = Promise.withResolvers<void>()

  private constructor(socket: Socket, host: string) {
    this.#socket = socket
    this.#host = host
    socket.setNoDelay(true)
    socket.on('data', (bytes) => {
      this.#reader?.read(bytes.toString('latin1'))
      if (this.#reader?.isEnded === true) this.#answered.resolve()
    })
    socket.on('error', () => {}) // `close` follows.
    socket.on('close', () => this.#answered.resolve())
  }

  static async open(url: string): Promise<GuestConnection> {
    const { hostname, port, host } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port) })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return new GuestConnection(socket, host)
  }

  async ask(request: TurnRequest): Promise<SpokenTurn> {
    const notes = new TurnNotes()
    const reader = new AnswerReader((line) => notes.take(line))
    this.#reader = reader
    this.#answered = Promise.withResolvers()
    if (!this.#socket.destroyed) this.#socket.write(httpRequest(this.#host, request))
    await this.#answered.promise
    return notes.turn({ isSpoken: request.isSpoken, isEnded: reader.isEnded && reader.status === 200 })
  }

  close(): void {
    this.#socket.destroy()
  }
}

function httpRequest(host: string, { sessionId, message, isSpoken }: TurnRequest): string {
  const body = JSON.stringify({ user_input: message, voice: isSpoken })
  const head = [
    'POST /api/v1/chat/stream HTTP/1.1',
    `host: ${host}`,
    `x-session-id: ${sessionId}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}

/** What is written down while the events of one turn come in. */
class TurnNotes {
  readonly #startedMs = performance.now()
  /** How many characters of text were there, and when. */
  readonly #texts: { readonly characters: number; readonly atMs: number }[] = []
  readonly #sentences: string[] = []
  #characters = 0
  #cutMs = NaN
  #firstAudioMs = NaN
  #soundSeconds = 0
  #isComplete = false
  #hasFailed = false

  take(line: string): void {
    const atMs = performance.now() - this.#startedMs
    // It was read as Latin-1.
    const text = Buffer.from(line.slice('data:'.length), 'latin1').toString()
    const event: WireEvent = JSON.parse(text)
    switch (event.type) {
      case 'text_chunk':
        this.#characters += event.content?.length ?? 0
        this.#texts.push({ characters: this.#characters, atMs })
        break
      case 'sentence':
        if (this.#sentences.length === 0) this.#cutMs = atMs
        this.#sentences.push(event.content ?? '')
        break
      case 'audio_chunk':
        if (this.#soundSeconds === 0) this.#firstAudioMs = atMs
        this.#soundSeconds += secondsOf(event)
        break
      case 'status':
        this.#hasFailed ||= event.status === 'voice_failed'
        break
      case 'complete':
        this.#isComplete = true
        break
    }
  }

  turn({ isSpoken, isEnded }: { readonly isSpoken: boolean; readonly isEnded: boolean }): SpokenTurn {
    // The blank behind a sentence may come with the next word.
    const first = this.#sentences[0]?.trimEnd().length ?? Infinity
    const isAnswered = isEnded && this.#isComplete && !this.#hasFailed
    return {
      firstTextMs: this.#texts[0]?.atMs ?? NaN,
      writtenMs: this.#texts.find(({ characters }) => characters >= first)?.atMs ?? NaN,
      cutMs: this.#cutMs,
      firstAudioMs: this.#firstAudioMs,
      sentences: this.#sentences,
      soundSeconds: this.#soundSeconds,
      isRight: isAnswered && isSpoken === this.#soundSeconds > 0,
    }
  }
}

function secondsOf({ audio = '', sample_rate: sampleRate = NaN }: WireEvent): number {
  return Buffer.byteLength(audio, 'base64') / 2 / sampleRate
}
