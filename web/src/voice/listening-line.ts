import type { PageClock } from '../clock.ts'
import { frameMs } from './frame-maker.ts'

/** The little of a WebSocket that is needed. */
export interface LineSocket {
  readonly readyState: number
  readonly bufferedAmount: number
  send(content: ArrayBuffer | string): void
  close(): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  addEventListener(type: 'open' | 'close', listener: () => void): void
}

export type LineEvent =
  | { readonly type: 'speech_start' }
  | { readonly type: 'partial'; readonly text: string }
  | { readonly type: 'final'; readonly text: string }

export interface ListeningLineOptions {
  readonly openSocket: () => LineSocket
  readonly clock: PageClock
  /** Whether it connects again by itself. */
  readonly isLasting: boolean
  readonly onEvent: (event: LineEvent) => void
  /** The connection is new: what was begun on the last one is lost. */
  readonly onReconnect: () => void
  /** It is over: why, in a sentence for the guest. */
  readonly onFail: (problem: string) => void
}

const readyWithinMs = 5_000
/**
 * Sound that waits for a connection; of more, the oldest is dropped. It is more than can wait for the first one, and
 * less than a server takes at once.
 */
const waitingMaxMs = 6_000
const waitingMax = waitingMaxMs / frameMs
/** Half a megabyte is 16 seconds of sound: a network that is so far behind never catches up. */
const bufferedBytesMax = 524_288
const triesMax = 6
/** A connection that lasted so long was a good one. */
const lastsMs = 10_000
const firstDelayMs = 500
const delayMaxMs = 8_000

const unreachable = 'Maya cannot listen right now. Please try again in a moment, or type.'
const tooSlow = 'The connection is too slow for the microphone. Please type instead.'

/** The connection that carries the guest's sound to the server and brings back what was said. */
export class ListeningLine {
  readonly #options: ListeningLineOptions
  #socket: LineSocket | null = null
  #isReady = false
  #waiting: ArrayBuffer[] = []
  #hasEnded = false
  #isClosed = false
  /** Connections in a row that did not last. */
  #tries = 0
  #readyAtMs = 0
  #problem = unreachable
  #cancelTimer: () => void = () => {}

  constructor(options: ListeningLineOptions) {
    this.#options = options
    this.#connect()
  }

  /** Sound that comes before the connection waits for it. */
  send(frame: ArrayBuffer): void {
    if (this.#isClosed || this.#hasEnded) return
    if (this.#isReady) this.#transmit(frame)
    else this.#waiting = [...this.#waiting.slice(1 - waitingMax), frame]
  }

  /** No more sound follows. */
  end(): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    if (this.#isReady) this.#transmit(JSON.stringify({ type: 'end' }))
  }

  close(): void {
    this.#isClosed = true
    this.#waiting = []
    this.#disconnect()
  }

  #connect(): void {
    this.#tries++
    const socket = this.#options.openSocket()
    this.#socket = socket
    this.#cancelTimer = this.#options.clock.after(readyWithinMs, () => this.#lose(true))
    // A socket that was given up may still speak: it is not listened to.
    socket.addEventListener('message', ({ data }) => {
      if (this.#socket === socket) this.#receive(data)
    })
    socket.addEventListener('close', () => {
      if (this.#socket === socket) this.#lose(true)
    })
  }

  #receive(content: unknown): void {
    const message = parseMessage(content)
    switch (message?.type) {
      case 'ready':
        this.#become()
        break
      case 'error':
        this.#problem = message.message
        this.#lose(message.retryable)
        break
      case 'speech_start':
      case 'partial':
      case 'final':
        this.#options.onEvent(message)
        break
      default: // A message of a newer server.
    }
  }

  #become(): void {
    this.#cancelTimer()
    this.#isReady = true
    this.#readyAtMs = this.#options.clock.now()
    this.#problem = unreachable
    const waiting = this.#waiting
    this.#waiting = []
    for (const frame of waiting) this.#transmit(frame)
    if (this.#hasEnded) this.#transmit(JSON.stringify({ type: 'end' }))
  }

  #transmit(content: ArrayBuffer | string): void {
    if (this.#socket === null) return
    this.#socket.send(content)
    if (this.#socket.bufferedAmount > bufferedBytesMax) this.#fail(tooSlow)
  }

  #lose(isRetryable: boolean): void {
    if (this.#isReady && this.#options.clock.now() - this.#readyAtMs >= lastsMs) this.#tries = 0
    this.#disconnect()
    if (!this.#options.isLasting || !isRetryable || this.#tries >= triesMax) {
      this.#fail(this.#problem)
      return
    }
    this.#options.onReconnect()
    const delayMs = Math.min(delayMaxMs, firstDelayMs * 2 ** this.#tries)
    this.#cancelTimer = this.#options.clock.after(delayMs, () => this.#connect())
  }

  #fail(problem: string): void {
    this.close()
    this.#options.onFail(problem)
  }

  #disconnect(): void {
    this.#cancelTimer()
    const socket = this.#socket
    this.#socket = null
    this.#isReady = false
    if (socket !== null) closeWhenOpen(socket)
  }
}

/** As `WebSocket.CONNECTING`. */
const connecting = 0

/** A browser complains of a socket that is closed while it is being opened. */
function closeWhenOpen(socket: LineSocket): void {
  if (socket.readyState === connecting) socket.addEventListener('open', () => socket.close())
  else socket.close()
}

type Message =
  | LineEvent
  | { readonly type: 'ready' }
  | { readonly type: 'error'; readonly message: string; readonly retryable: boolean }

/** Null for what is no message of the server. */
function parseMessage(content: unknown): Message | null {
  const fields = parseFields(content)
  switch (fields.type) {
    case 'ready':
    case 'speech_start':
      return { type: fields.type }
    case 'partial':
    case 'final':
      return { type: fields.type, text: sentence(fields.text) }
    case 'error':
      return {
        type: 'error',
        message: sentence(fields.message) || unreachable,
        retryable: fields.retryable === true,
      }
    default:
      return null
  }
}

function sentence(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function parseFields(content: unknown): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(String(content))
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}
