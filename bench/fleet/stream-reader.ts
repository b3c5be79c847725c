import { connect, type Socket } from 'node:net'
import { AnswerReader } from '../load/answer-reader.ts'

const textMark = '"type":"text_chunk"'
const completeMark = '"type":"complete"'

/** Reads one stream on the raw socket and notes when its texts came. */
export class StreamReader {
  /** By `performance.now()`. */
  readonly textsMs: number[] = []
  readonly #socket: Socket
  readonly #turnId = Promise.withResolvers<string>()
  readonly #firstTextMs = Promise.withResolvers<number>()
  readonly #ended = Promise.withResolvers<void>()
  #isComplete = false

  private constructor(socket: Socket) {
    this.#socket = socket
    const reader = new AnswerReader((line) => this.#read(line))
    socket.setNoDelay(true)
    socket.on('data', (bytes) => {
      reader.read(bytes.toString('latin1'))
      if (reader.isEnded) socket.destroy()
    })
    socket.on('error', () => {}) // `close` follows.
    socket.on('close', () => this.#onClose())
    // Whoever waits for them is told; nobody has to.
    this.#turnId.promise.catch(() => {})
    this.#firstTextMs.promise.catch(() => {})
  }

  /** Sends the request over a connection of its own. */
  static ask(url: string, request: string): StreamReader {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port) })
    socket.write(request)
    return new StreamReader(socket)
  }

  /** Rejects when the stream ends before it says that. */
  get turnId(): Promise<string> {
    return this.#turnId.promise
  }

  /** By `performance.now()`; rejects when the stream ends without a text. */
  get firstTextMs(): Promise<number> {
    return this.#firstTextMs.promise
  }

  /** Resolves when the connection is over, whoever ended it. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  get isComplete(): boolean {
    return this.#isComplete
  }

  leave(): void {
    this.#socket.destroy()
  }

  #read(line: string): void {
    const nowMs = performance.now()
    if (line.includes(textMark)) {
      this.textsMs.push(nowMs)
      this.#firstTextMs.resolve(nowMs)
    } else if (line.includes(completeMark)) {
      this.#isComplete = true
    } else {
      const [, turnId] = /"type":"session".*"turn_id":"([^"]+)"/.exec(line) ?? []
      if (turnId !== undefined) this.#turnId.resolve(turnId)
    }
  }

  #onClose(): void {
    const error = new Error('A stream ended too soon.')
    this.#turnId.reject(error)
    this.#firstTextMs.reject(error)
    this.#ended.resolve()
  }
}
