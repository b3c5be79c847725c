import { WebSocket, type RawData } from 'ws'
import type { Clock } from '../../clock.ts'
import { isFields, parseJson, type Fields } from '../../llm/fields.ts'
import type { VoiceError } from '../text-to-speech.ts'
import { headersFor } from './address.ts'
import { brokenOff, garbled, refused, silent, tooSlow, unreachable } from './failures.ts'
import { untilAborted } from '../until-aborted.ts'

export interface SocketOptions {
  readonly url: URL
  readonly key: string
  readonly connectMs: number
  readonly clock: Clock
  readonly onMessage: (message: Fields, socket: CartesiaSocket) => void
  /** Called once, whoever ended the connection, with what that means for those who still needed it. */
  readonly onClose: (error: VoiceError, isClean: boolean) => void
}

/** Bytes of one message. A second of sound has 64 KiB as text. */
const messageBytesMax = 4 * 1024 * 1024
/** Sound on its way out that makes the next one wait: half a second of it. */
const sendingBytesMax = 16 * 1024
/** What a connection is closed with by one who has nothing more to say: with so many words, or with none. */
const cleanCodes: readonly number[] = [1000, 1005]
const socketOptions = {
  maxPayload: messageBytesMax,
  perMessageDeflate: false,
  followRedirects: false,
  /** How long the other side may take to close. Its types do not know of it. */
  closeTimeout: 1000,
}

/** Makes a connection; throws a `VoiceError`, or the signal's reason. */
export async function dial(options: SocketOptions, signal: AbortSignal): Promise<CartesiaSocket> {
  signal.throwIfAborted()
  const { url, key, connectMs, clock } = options
  const socket = new WebSocket(url, { ...socketOptions, headers: headersFor(key) })
  const opening = Promise.withResolvers<CartesiaSocket>()
  // Once it is open an error is followed by the close; until then it is the answer. There must always be a listener.
  socket.on('error', (error) => opening.reject(unreachable(error)))
  socket.on('unexpected-response', (_request, response) =>
    opening.reject(refused(response.statusCode ?? 500)),
  )
  socket.once('open', () => opening.resolve(new CartesiaSocket(socket, options)))
  const cancelTimer = clock.after(connectMs, () => opening.reject(tooSlow()))
  try {
    return await untilAborted(opening.promise, signal)
  } catch (error) {
    socket.terminate()
    throw error
  } finally {
    cancelTimer()
  }
}

/** An open connection on which JSON comes in. The SDK's own never tells that it has ended, and shows the key. */
export class CartesiaSocket {
  readonly #socket: WebSocket
  readonly #clock: Clock
  readonly #closed = Promise.withResolvers<void>()
  #error = brokenOff()
  #isPaused = false
  #heardAt: number
  /** Whether a sign of life was asked for, and none has come. */
  #isAsked = false
  #cancelWatch = (): void => {}

  constructor(socket: WebSocket, { clock, onMessage, onClose }: SocketOptions) {
    this.#socket = socket
    this.#clock = clock
    this.#heardAt = clock.now()
    socket.on('message', (data) => {
      this.#hear()
      const message = messageOf(data)
      if (message === null) this.end(garbled())
      else if (this.isOpen) onMessage(message, this)
    })
    socket.on('pong', () => this.#hear())
    socket.once('close', (code) => {
      this.#cancelWatch()
      this.#closed.resolve()
      onClose(this.#error, cleanCodes.includes(code))
    })
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN
  }

  /** Resolves when it has ended. */
  get closed(): Promise<void> {
    return this.#closed.promise
  }

  /** What its end means for those who still needed it. */
  get error(): VoiceError {
    return this.#error
  }

  isSilentFor(durationMs: number): boolean {
    return this.#clock.now() - this.#heardAt >= durationMs
  }

  /** Sends a text. One that can no longer be sent is dropped: the close follows, or came before. */
  send(text: string): void {
    if (this.isOpen) this.#socket.send(text)
  }

  /** Sends bytes; resolves when more may follow, which on a connection that ends is when it has ended. */
  async sendBytes(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    if (this.isOpen) {
      const sent = new Promise<void>((resolve) => this.#socket.send(bytes, () => resolve()))
      if (this.#socket.bufferedAmount > sendingBytesMax) await untilAborted(sent, signal)
    }
    if (!this.isOpen) await untilAborted(this.closed, signal)
  }

  /** Reads nothing until `resume`, so that the other side has to wait. */
  pause(): void {
    this.#isPaused = true
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#hear()
    this.#socket.resume()
  }

  /** Asks for a sign of life whenever there was none for so long, and fails when none comes for as long again. */
  watch(silenceMs: number): void {
    this.#cancelWatch = this.#clock.after(silenceMs, () => {
      if (this.#isPaused || !this.isSilentFor(silenceMs)) this.watch(silenceMs)
      else this.#ping(silenceMs)
    })
  }

  #ping(silenceMs: number): void {
    this.#socket.ping()
    this.#isAsked = true
    this.#cancelWatch = this.#clock.after(silenceMs, () => {
      if (this.#isPaused || !this.#isAsked) this.watch(silenceMs)
      else this.end(silent())
    })
  }

  #hear(): void {
    this.#heardAt = this.#clock.now()
    this.#isAsked = false
  }

  /** Ends the connection at once. */
  end(error = brokenOff()): void {
    if (this.isOpen) this.#error = error
    this.#socket.terminate()
  }

  /** Ends the connection as is polite. */
  async close(): Promise<void> {
    this.#socket.close(1000)
    await this.closed
  }
}

/** What an event says, if it is one. */
function messageOf(data: RawData): Fields | null {
  const value = parseJson(bytesOf(data).toString('utf8'))
  return isFields(value) ? value : null
}

function bytesOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data)
  return data instanceof ArrayBuffer ? Buffer.from(data) : data
}
