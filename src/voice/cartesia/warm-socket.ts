import type { Clock } from '../../clock.ts'
import { textOf, type Fields } from '../../llm/fields.ts'
import type { VoiceError } from '../text-to-speech.ts'
import { closed, refusalOf, silent } from './failures.ts'
import { dial, type CartesiaSocket } from './socket.ts'
import { untilAborted } from '../until-aborted.ts'

export interface WarmSocketOptions {
  readonly url: URL
  readonly key: string
  readonly clock: Clock
  readonly limits: { readonly voiceConnectMs: number }
}

/** Whoever speaks over the line. */
export interface LineUser {
  heard(message: Fields): void
  /** The connection has ended, and with it whatever was being said. */
  dropped(error: VoiceError): void
}

/** Cartesia closes a connection that was idle for five minutes; ours is never that old when it is needed. */
const idleMs = 4 * 60_000

/** The one connection over which all turns speak, kept open between them, so that none waits for a connection. */
export class WarmSocket {
  readonly #options: WarmSocketOptions
  readonly #closing = new AbortController()
  #line: Line | null = null
  #dialling: Promise<Line> | null = null

  constructor(options: WarmSocketOptions) {
    this.#options = options
  }

  /** The line as it is, or a new one. All who wait for a new one wait for the same, and none of them can end it. */
  async line(signal: AbortSignal): Promise<Line> {
    if (this.#closing.signal.aborted) throw closed()
    if (this.#line?.isOpen === true) return this.#line
    this.#dialling ??= this.#dial().finally(() => (this.#dialling = null))
    return await untilAborted(this.#dialling, signal)
  }

  async close(): Promise<void> {
    this.#closing.abort(closed())
    await this.#dialling?.catch(() => {})
    await this.#line?.close()
  }

  async #dial(): Promise<Line> {
    const { url, key, clock, limits } = this.#options
    const users = new Map<string, LineUser>()
    const socket = await dial(
      {
        url,
        key,
        clock,
        connectMs: limits.voiceConnectMs,
        onMessage: (message, from) => hand(message, users, from),
        onClose: (error) => drop(users, error),
      },
      this.#closing.signal,
    )
    this.#line = new Line(socket, users, clock)
    return this.#line
  }
}

/** One connection, and who speaks over it. */
export class Line {
  readonly #socket: CartesiaSocket
  readonly #users: Map<string, LineUser>
  readonly #clock: Clock
  #cancelIdle: () => void

  constructor(socket: CartesiaSocket, users: Map<string, LineUser>, clock: Clock) {
    this.#socket = socket
    this.#users = users
    this.#clock = clock
    this.#cancelIdle = this.#startIdle()
    void socket.closed.then(() => this.#cancelIdle())
  }

  get isOpen(): boolean {
    return this.#socket.isOpen
  }

  /** What its end means for those who still need it. */
  get error(): VoiceError {
    return this.#socket.error
  }

  join(id: string, user: LineUser): void {
    this.#users.set(id, user)
    this.#cancelIdle()
  }

  leave(id: string): void {
    if (!this.#users.delete(id)) return
    if (this.#users.size === 0 && this.isOpen) this.#cancelIdle = this.#startIdle()
  }

  send(message: object): void {
    this.#socket.send(JSON.stringify(message))
  }

  /** Ends the connection for all if nobody has heard anything for so long: it is dead, though nobody has said so. */
  endIfSilentFor(durationMs: number): void {
    if (this.#socket.isSilentFor(durationMs)) this.#socket.end(silent())
  }

  async close(): Promise<void> {
    this.#cancelIdle()
    await this.#socket.close()
  }

  #startIdle(): () => void {
    return this.#clock.after(idleMs, () => void this.#socket.close())
  }
}

/** Late events of a context that was left are for nobody. An error that names no context is everybody's. */
function hand(message: Fields, users: ReadonlyMap<string, LineUser>, socket: CartesiaSocket): void {
  const id = contextOf(message)
  if (id !== '') users.get(id)?.heard(message)
  else if (message['type'] === 'error') socket.end(refusalOf(message).error)
}

/** Some errors name their context only within the id of the request, between two others. */
function contextOf(message: Fields): string {
  const [, fromRequest = ''] = textOf(message['request_id']).split(':')
  return textOf(message['context_id']) || fromRequest
}

function drop(users: ReadonlyMap<string, LineUser>, error: VoiceError): void {
  for (const user of users.values()) user.dropped(error)
}
