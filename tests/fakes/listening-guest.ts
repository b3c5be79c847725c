import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import { WebSocket, type ClientOptions, type RawData } from 'ws'

/** A guest's end of the socket: what came over it, and how it closed. */
export class ListeningGuest {
  readonly socket: WebSocket
  readonly told: unknown[] = []
  /** How the socket was closed; not resolved before. */
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  #wake = Promise.withResolvers<void>()

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', (data) => {
      this.told.push(JSON.parse(textOf(data)))
      this.#wake.resolve()
      this.#wake = Promise.withResolvers()
    })
    socket.on('error', () => {})
    this.closed = new Promise((resolve) => {
      socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }))
    })
  }

  /** Opens a socket, or says how it was refused. */
  static async ask(url: string, options: ClientOptions = {}): Promise<ListeningGuest | Refusal> {
    const socket = new WebSocket(url, options)
    onTestFinished(() => socket.terminate())
    const guest = new ListeningGuest(socket)
    return new Promise((resolve, reject) => {
      socket.once('open', () => resolve(guest))
      socket.once('error', reject)
      socket.once('unexpected-response', (_request, response) => {
        let body = ''
        response.on('data', (text) => (body += String(text)))
        response.on('end', () => {
          socket.terminate()
          resolve({ status: response.statusCode, headers: response.headers, body })
        })
      })
    })
  }

  static async open(url: string, options?: ClientOptions): Promise<ListeningGuest> {
    const guest = await ListeningGuest.ask(url, options)
    if (guest instanceof ListeningGuest) return guest
    throw new Error(`The socket was refused: ${guest.status} ${guest.body}`)
  }

  /** The first so many things that it was told. */
  async hear(count: number): Promise<readonly unknown[]> {
    while (this.told.length < count) await this.#wake.promise
    return this.told.slice(0, count)
  }

  /** Sends a frame and waits until it has left. */
  async send(frame: Buffer | string): Promise<void> {
    await new Promise<void>((resolve) => {
      this.socket.send(frame, () => resolve())
    })
  }

  async leave(): Promise<void> {
    const closed = once(this.socket, 'close')
    this.socket.close()
    await closed
  }
}

export interface Refusal {
  readonly status: number | undefined
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: string
}

function textOf(data: RawData): string {
  return Buffer.isBuffer(data) ? data.toString() : ''
}
