import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import { systemClock, type Clock } from '../../src/clock.ts'
import { CartesiaListener, hearing, type Hearing, type HearingOptions } from './cartesia-listener.ts'
import { CartesiaContext, canary, type SpeechMessage } from './cartesia-context.ts'
import { Conditions } from './conditions.ts'

export interface CartesiaServerOptions {
  readonly port?: number
  /** The only key that is let in; without it every key is. */
  readonly key?: string
  /** How long each sentence takes to its first sound. */
  readonly soundDelayMs?: number
  readonly clock?: Clock
}

/** A request or an upgrade as it came over the wire. */
export interface CartesiaRequest {
  readonly path: string
  readonly headers: IncomingHttpHeaders
}

export interface CartesiaVoiceFields {
  readonly id: string
  readonly name: string
  readonly language: string
}

/** What a test does in place of the usual answer to a message of a context. */
export type SpeechPlay = (context: CartesiaContext, message: SpeechMessage) => void

export async function startCartesiaServer(options: CartesiaServerOptions = {}): Promise<CartesiaServer> {
  const server = new CartesiaServer(options)
  await server.start()
  return server
}

/**
 * A server that speaks Cartesia's wire format: its voice is a tone as long as the words, and its ear hears what it
 * was told that it will hear. Every part of it can be made to misbehave.
 */
export class CartesiaServer {
  readonly requests: CartesiaRequest[] = []
  /** Every context that was ever begun, and everybody who was ever listened to. */
  readonly contexts: CartesiaContext[] = []
  readonly listeners: CartesiaListener[] = []
  voices: readonly unknown[] = [
    { id: 'voice-of-maya', name: 'Maya', language: 'en' },
    { id: 'voice-of-jules', name: 'Jules', language: 'en' },
  ] satisfies readonly CartesiaVoiceFields[]
  /** A status with which everything is refused. */
  refusal: number | null = null
  /** Whether nothing is answered at all. */
  isMute = false
  /** What is answered to a request over HTTP, in place of the voices. */
  answer: ((request: CartesiaRequest, response: ServerResponse) => void) | null = null
  onSpeech: SpeechPlay = (context, message) => context.play(message)
  /** What is done as soon as a socket is open. */
  onSocket: (socket: WebSocket) => void = () => {}

  readonly #options: CartesiaServerOptions
  readonly #clock: Clock
  readonly #server = createServer((request, response) => this.#serve(request, response))
  readonly #sockets = new WebSocketServer({ noServer: true })
  readonly #connections = new Set<Duplex>()
  readonly #hearings: Hearing[] = []
  readonly #conditions = new Conditions()

  constructor(options: CartesiaServerOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
    this.#server.on('connection', (connection) => {
      this.#connections.add(connection)
      connection.once('close', () => this.#connections.delete(connection))
    })
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#options.port ?? 0, '127.0.0.1', resolve))
  }

  get baseUrl(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('The server does not listen.')
    return `http://127.0.0.1:${address.port}`
  }

  get sockets(): ReadonlySet<WebSocket> {
    return this.#sockets.clients
  }

  get openSockets(): number {
    return this.#sockets.clients.size
  }

  /** Bytes of sound that were heard from everybody. */
  get bytesHeard(): number {
    return this.listeners.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Adds what will be understood next: one message after the other, whoever speaks. */
  hears(text: string, options: HearingOptions = {}): void {
    this.#hearings.push(hearing(text, options))
  }

  /** Waits until something holds that a message or a socket can bring about. */
  until(holds: () => boolean): Promise<void> {
    return this.#conditions.until(holds)
  }

  /** Breaks every connection, without a word. */
  cut(): void {
    for (const connection of this.#connections) connection.destroy()
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const socket of this.sockets) socket.terminate()
    this.cut()
    await closed
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const received = this.#receive(request)
    if (this.isMute) return
    const status = this.#refusalOf(received)
    if (status !== null) response.writeHead(status, { 'content-type': 'application/json' }).end(canaryBody)
    else if (this.answer !== null) this.answer(received, response)
    else {
      const { pathname, searchParams } = new URL(received.path, this.baseUrl)
      // The SDK asks for the next page until one is empty.
      const data = searchParams.has('starting_after') ? [] : this.voices
      const isKnown = pathname.endsWith('/voices')
      response.writeHead(isKnown ? 200 : 404, { 'content-type': 'application/json' })
      response.end(isKnown ? JSON.stringify({ data, has_more: false }) : canaryBody)
    }
  }

  #upgrade(request: IncomingMessage, connection: Duplex, head: Buffer): void {
    connection.on('error', () => {})
    const received = this.#receive(request)
    if (this.isMute) return
    const status = this.#refusalOf(received)
    if (status !== null) {
      connection.end(
        `HTTP/1.1 ${status} Refused\r\ncontent-length: ${canaryBody.length}\r\nconnection: close\r\n\r\n${canaryBody}`,
      )
      return
    }
    this.#sockets.handleUpgrade(request, connection, head, (socket) => this.#open(socket, received))
  }

  #open(socket: WebSocket, { path }: CartesiaRequest): void {
    socket.on('error', () => {})
    socket.on('close', () => this.#conditions.changed())
    const { pathname, searchParams } = new URL(path, this.baseUrl)
    if (pathname.endsWith('/tts/websocket')) this.#speak(socket)
    else if (/\/stt\/(turns\/)?websocket$/.test(pathname)) {
      const mode = pathname.endsWith('/turns/websocket') ? 'hands-free' : 'push-to-talk'
      const tell = (): void => this.#conditions.changed()
      const query = Object.fromEntries(searchParams)
      this.listeners.push(new CartesiaListener({ socket, mode, query, hearings: this.#hearings, tell }))
    } else socket.close(1008)
    this.onSocket(socket)
    this.#conditions.changed()
  }

  #speak(socket: WebSocket): void {
    const contexts = new Map<string, CartesiaContext>()
    socket.on('message', (data: Buffer) => {
      const message: SpeechMessage = JSON.parse(data.toString())
      let context = contexts.get(message.context_id)
      if (context === undefined) {
        const { soundDelayMs = 0 } = this.#options
        context = new CartesiaContext({
          socket,
          id: message.context_id,
          soundDelayMs,
          clock: this.#clock,
          tell: () => this.#conditions.changed(),
        })
        contexts.set(message.context_id, context)
        this.contexts.push(context)
      }
      context.messages.push(message)
      // One that is over takes nothing more.
      if (!context.isOver) this.onSpeech(context, message)
      this.#conditions.changed()
    })
  }

  #receive({ url = '', headers }: IncomingMessage): CartesiaRequest {
    const received = { path: url, headers }
    this.requests.push(received)
    this.#conditions.changed()
    return received
  }

  #refusalOf({ headers }: CartesiaRequest): number | null {
    const { key } = this.#options
    return this.refusal ?? (key === undefined || headers.authorization === `Bearer ${key}` ? null : 401)
  }
}

const canaryBody = JSON.stringify({ error_code: null, title: canary, message: canary })
