import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { sleep, systemClock } from '../../src/clock.ts'

type Direction = 'request' | 'reply'

/** A network between a client and a server that a test breaks. Whoever opens it closes it. */
export class TcpRelay {
  /** How long every piece takes in each direction. */
  delayMs = 0
  readonly #target: { readonly host: string; readonly port: number }
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #closed = new AbortController()
  #lost: Direction | undefined
  #isRefusing = false
  /** Resolved unless the two sides are parted. */
  #healed = Promise.resolve()
  #heal = (): void => {}

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target
    this.#server = createServer((client) => this.#accept(client))
  }

  static async open(target: { readonly host: string; readonly port: number }): Promise<TcpRelay> {
    const relay = new TcpRelay(target)
    relay.#server.listen(0, '127.0.0.1')
    await once(relay.#server, 'listening')
    return relay
  }

  get port(): number {
    return portOf(this.#server)
  }

  /** Connections at this moment. */
  get connections(): number {
    return this.#sockets.size / 2
  }

  /** Breaks every connection. New ones can be made at once. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** The next piece in this direction is lost, and its connection with it: a lost reply is to a request that was taken. */
  loseNext(direction: Direction): void {
    this.#lost = direction
  }

  /** Nothing arrives any more on either side, and nobody is told. What is sent arrives when it is over. */
  part(): void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#healed = promise
    this.#heal = resolve
  }

  heal(): void {
    this.#heal()
  }

  /** Breaks every connection, and every new one, until it is taken back. */
  refuse(isRefusing = true): void {
    this.#isRefusing = isRefusing
    if (isRefusing) this.cut()
  }

  async close(): Promise<void> {
    this.#closed.abort()
    this.#heal()
    this.cut()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #accept(client: Socket): void {
    if (this.#isRefusing) {
      client.destroy()
      return
    }
    const server = connect(this.#target)
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
    }
    void this.#carry(client, server, 'request')
    void this.#carry(server, client, 'reply')
  }

  async #carry(from: Socket, to: Socket, direction: Direction): Promise<void> {
    try {
      for await (const piece of from) {
        if (this.delayMs > 0) await sleep(systemClock, this.delayMs, this.#closed.signal)
        await this.#healed
        if (this.#lost === direction) {
          this.#lost = undefined
          return
        }
        to.write(piece)
      }
    } catch {
      // One side broke the connection: so does the other.
    } finally {
      from.destroy()
    }
  }
}

/** Of a server that listens. */
export function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('It does not listen on a port.')
  return address.port
}
