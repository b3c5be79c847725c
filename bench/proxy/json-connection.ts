import { connect, type Socket } from 'node:net'
import { jsonBody, jsonRequest } from './requests.ts'

const headEnd = '\r\n\r\n'

/** A keep-alive connection for one GET after the other. On the raw socket: a client costs more than some proxies. */
export class JsonConnection {
  readonly #socket: Socket
  #received = ''
  #answered = Promise.withResolvers<void>()

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      this.#received += text
      const bodyAt = this.#received.indexOf(headEnd) + headEnd.length
      if (bodyAt >= headEnd.length && this.#received.length >= bodyAt + jsonBody.length)
        this.#answered.resolve()
    })
    socket.on('error', () => {}) // `close` follows.
    socket.on('close', () => this.#answered.resolve())
  }

  static async open(url: string): Promise<JsonConnection> {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port) })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    return new JsonConnection(socket)
  }

  get isClosed(): boolean {
    return this.#socket.destroyed
  }

  /** Resolves with whether the whole answer has come, and nothing else. */
  async ask(): Promise<boolean> {
    this.#received = ''
    this.#answered = Promise.withResolvers()
    this.#socket.write(jsonRequest)
    await this.#answered.promise
    return this.#received.startsWith('HTTP/1.1 200') && this.#received.endsWith(headEnd + jsonBody)
  }

  close(): void {
    this.#socket.destroy()
  }
}
