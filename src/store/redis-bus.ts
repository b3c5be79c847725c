import { every, type Clock } from '../clock.ts'
import type { Bus } from '../log/bus.ts'
import { ignoreStoreError, StoreError } from '../log/store.ts'
import { RedisConnection, type RedisClient, type RedisConnectionOptions } from './redis-connection.ts'

/** How often a connection that only listens is asked whether it is still one. */
const pingMs = 2000

/**
 * Publish/subscribe of Redis or Valkey. It speaks over a connection that others use and close, and listens over one
 * of its own. Rejects with a `StoreError` where that cannot be made.
 */
export async function openRedisBus(
  speaking: RedisConnection,
  options: Omit<RedisConnectionOptions, 'onRestored'>,
): Promise<Bus> {
  const made = Promise.withResolvers<RedisBus>()
  const onRestored = (): void => void made.promise.then((bus) => bus.listenAgain())
  const listening = await RedisConnection.open({ ...options, onRestored })
  made.resolve(new RedisBus(speaking, listening, options.clock))
  return made.promise
}

type Listener = (message: string) => void

class RedisBus implements Bus {
  readonly #speaking: RedisConnection
  readonly #listening: RedisConnection
  readonly #channels = new Map<string, Set<Listener>>()
  readonly #stopPinging: () => void
  #closed = false

  constructor(speaking: RedisConnection, listening: RedisConnection, clock: Clock) {
    this.#speaking = speaking
    this.#listening = listening
    // Also so that a connection that died without a word is noticed and made anew.
    this.#stopPinging = every(clock, pingMs, () => this.#ping())
  }

  async publish(channel: string, message: string): Promise<number> {
    this.#assertOpen()
    return this.#speaking.ask((client) => client.publish(channel, message), { isRepeatable: false })
  }

  async subscribe(channel: string, listener: Listener): Promise<() => void> {
    this.#assertOpen()
    const known = this.#channels.get(channel)
    const listeners = known ?? new Set()
    this.#channels.set(channel, listeners)
    // Of its own, so that one who listens twice hears everything twice.
    const own: Listener = (message) => listener(message)
    listeners.add(own)
    const leave = (): void => this.#leave(channel, own)
    try {
      // Also when another listens already: his subscription may still be under way.
      await this.#listening.ask((client) => this.#subscribeAt(client, [channel]))
      return leave
    } catch (error) {
      leave()
      throw error
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#stopPinging()
    this.#channels.clear()
    await this.#listening.close()
  }

  async #ping(): Promise<void> {
    await this.#listening.ask((client) => client.ping()).catch(ignoreStoreError)
  }

  #leave(channel: string, listener: Listener): void {
    const listeners = this.#channels.get(channel)
    if (listeners?.delete(listener) !== true || listeners.size > 0) return
    this.#channels.delete(channel)
    // A connection that is made anew does not listen to it in any case.
    void this.#listening.ask((client) => this.#unsubscribeAt(client, channel)).catch(ignoreStoreError)
  }

  /** On a new connection. */
  async listenAgain(): Promise<void> {
    const channels = [...this.#channels.keys()]
    if (channels.length === 0) return
    await this.#listening.ask((client) => this.#subscribeAt(client, channels)).catch(ignoreStoreError)
  }

  /** The client calls the same function once for a channel, however often it is subscribed with it. */
  #subscribeAt(client: RedisClient, channels: string[]): Promise<void> {
    return client.subscribe(channels, this.#onMessage)
  }

  /** Asked once more on a new connection it may come late: somebody may listen again. */
  async #unsubscribeAt(client: RedisClient, channel: string): Promise<void> {
    if (!this.#channels.has(channel)) await client.unsubscribe(channel)
  }

  readonly #onMessage = (message: string, channel: string): void => {
    const listeners = [...(this.#channels.get(channel) ?? [])]
    for (const listener of listeners) listener(message)
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError('The bus is closed.')
  }
}
