import { isIP } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type * as redis from '@redis/client'
import type { Clock } from '../clock.ts'
import { StoreError } from '../log/store.ts'
import { meaningOf, meaningOfReply, NoAnswerError, objectionTo } from './redis-failures.ts'
import type { Script } from './redis-scripts.ts'

/** Where a server of Redis or Valkey is, and as whom it is used. */
export interface RedisAddress {
  readonly host: string
  readonly port: number
  readonly isTls: boolean
  /** Null for the default user. */
  readonly user: string | null
  readonly password: string | null
  readonly database: number
}

export interface RedisConnectionOptions {
  readonly address: RedisAddress
  readonly clock: Clock
  /** Spreads reconnections, from 0 to 1. */
  readonly random: () => number
  /** How long a server that cannot be used is waited for at the start; default 10 s. */
  readonly waitMs?: number
  /** Called once, when that wait begins, with a sentence that says why. */
  readonly onWaiting?: (reason: string) => void
  /** The connection broke, for this reason, or is there again. */
  readonly onLost?: (reason: string) => void
  readonly onRestored?: () => void
}

export type RedisClient = ReturnType<typeof createRedisClient>

/** What one question may take in all: waiting for a connection, the answer, and asking again. */
const answerMs = 1500
/** How long it may take until a connection is there, and until it is known to be of use. */
const connectMs = 1000
const attemptMs = 1500
const pauseMs = { first: 50, max: 1000 }

/**
 * One connection to a Redis server, made anew whenever it breaks. Questions are sent in the order in which they are
 * asked, and each is answered or refused within `answerMs`: at once, while the server is known to be away.
 */
export class RedisConnection {
  /** Without credentials. */
  readonly description: string
  readonly #options: RedisConnectionOptions
  readonly #sdk: typeof redis
  readonly #running = new Set<Promise<unknown>>()
  /** The newest attempt to connect; rejects with a `StoreError`. */
  #attempt: Promise<RedisClient>
  /** The next attempt that succeeds. */
  #arrival = Promise.withResolvers<RedisClient>()
  #client: RedisClient | undefined
  /** Attempts since the last answer, and when that came. */
  #attempts = 0
  #answeredAt = -Infinity
  #cancelAttempt = (): void => {}
  #closed = false

  private constructor(options: RedisConnectionOptions, sdk: typeof redis) {
    const { host, port, isTls, database } = options.address
    const shownHost = isIP(host) === 6 ? `[${host}]` : host
    this.description = `${isTls ? 'rediss' : 'redis'}://${shownHost}:${port}/${database}`
    this.#options = options
    this.#sdk = sdk
    this.#attempt = this.#begin()
  }

  /** Connects. Waits for a server that cannot be used yet, but not for ever. */
  static async open(options: RedisConnectionOptions): Promise<RedisConnection> {
    // Who has another store does not pay for it, in time and memory.
    const sdk = await import('@redis/client')
    const connection = new RedisConnection(options, sdk)
    try {
      await connection.#attempt.catch((error: Error) => connection.#waitForServer(error.message))
      return connection
    } catch (error) {
      await connection.close()
      throw error
    }
  }

  /** Asks. Where the connection broke before the answer came, a question that `isRepeatable` is asked once more. */
  async ask<Reply>(
    question: (client: RedisClient) => Promise<Reply>,
    { isRepeatable = true } = {},
  ): Promise<Reply> {
    if (this.#closed) throw new StoreError('The store is closed.')
    const asked = this.#askUntilAnswered(question, isRepeatable)
    this.#running.add(asked)
    try {
      return await asked
    } catch (error) {
      throw this.#toStoreError(error)
    } finally {
      this.#running.delete(asked)
    }
  }

  /** Runs a script, as a question. */
  evaluate(script: Script, keys: readonly string[], values: readonly (string | number)[]): Promise<unknown> {
    const given = { keys: [...keys], arguments: values.map(String) }
    return this.ask(async (client) => {
      try {
        return await client.evalSha(script.sha1, given)
      } catch (error) {
        if (this.#refusalIn(error)?.startsWith('NOSCRIPT') !== true) throw error
        return await client.eval(script.text, given)
      }
    }, script)
  }

  /** Waits for the answers to what was asked before. May be called again. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#running)
    this.#cancelAttempt()
    await this.#attempt.catch(() => {})
    this.#client?.destroy()
  }

  async #askUntilAnswered<Reply>(
    question: (client: RedisClient) => Promise<Reply>,
    isRepeatable: boolean,
  ): Promise<Reply> {
    const endsAt = this.#options.clock.now() + answerMs
    const client = await this.#within(endsAt, this.#attempt)
    try {
      return await this.#answer(client, question, endsAt)
    } catch (error) {
      const isLost = this.#refusalIn(error) === undefined && !(error instanceof NoAnswerError)
      if (!isLost || !isRepeatable) throw error
    }
    return await this.#answer(await this.#within(endsAt, this.#arrival.promise), question, endsAt)
  }

  async #answer<Reply>(
    client: RedisClient,
    question: (client: RedisClient) => Promise<Reply>,
    endsAt: number,
  ): Promise<Reply> {
    const askedAt = this.#options.clock.now()
    try {
      const answer = await this.#within(endsAt, question(client))
      this.#noteAnswer()
      return answer
    } catch (error) {
      if (this.#refusalIn(error) !== undefined) this.#noteAnswer()
      if (this.#isBroken(error, askedAt)) this.#lose(client, error)
      throw error
    }
  }

  #noteAnswer(): void {
    this.#attempts = 0
    this.#answeredAt = this.#options.clock.now()
  }

  #isBroken(error: unknown, askedAt: number): boolean {
    const refusal = this.#refusalIn(error)
    // A primary that became a replica answers, and yet the address may lead to another server now.
    if (refusal !== undefined) return refusal.startsWith('READONLY')
    // One that has answered others meanwhile has too much to do, and would have more after a new beginning.
    return !(error instanceof NoAnswerError) || this.#answeredAt < askedAt
  }

  #begin(): Promise<RedisClient> {
    this.#attempts++
    const attempt = this.#connect()
    attempt.then(
      (client) => this.#arrival.resolve(client),
      () => this.#beginLater(),
    )
    return attempt
  }

  /** The pause doubles from attempt to attempt up to a bound, and differs from process to process. */
  #beginLater(): void {
    if (this.#closed) return
    const longestMs = Math.min(pauseMs.max, pauseMs.first * 2 ** (this.#attempts - 1))
    const delayMs = longestMs * (0.5 + this.#options.random() / 2)
    this.#cancelAttempt = this.#options.clock.after(delayMs, () => {
      this.#attempt = this.#begin()
    })
  }

  async #connect(): Promise<RedisClient> {
    const endsAt = this.#options.clock.now() + attemptMs
    const client = createRedisClient(this.#sdk, this.#options.address)
    const broken = Promise.withResolvers<never>()
    client.on('error', (error: unknown) => {
      broken.reject(error)
      this.#lose(client, error)
    })
    try {
      await this.#within(endsAt, Promise.race([client.connect(), broken.promise]))
      const objection = objectionTo(await this.#within(endsAt, this.#readInfo(client)))
      if (objection !== undefined) throw new StoreError(`${this.description} ${objection}.`)
    } catch (error) {
      client.destroy()
      throw this.#toStoreError(error)
    }
    this.#client = client
    return client
  }

  /** What the server says of itself; nothing where the user may not ask. */
  async #readInfo(client: RedisClient): Promise<string> {
    return await client.info().catch((error: unknown) => {
      if (this.#refusalIn(error)?.startsWith('NOPERM') === true) return ''
      throw error
    })
  }

  /** Gives up a connection and, if it was the one in use, begins the next one. */
  #lose(client: RedisClient, error: unknown): void {
    client.destroy()
    if (client !== this.#client || this.#closed) return
    this.#client = undefined
    const failure = this.#toStoreError(error)
    this.#options.onLost?.(failure.message)
    this.#arrival = Promise.withResolvers()
    void this.#arrival.promise.then(() => this.#options.onRestored?.())
    if (this.#attempts === 0) {
      this.#attempt = this.#begin()
      return
    }
    this.#attempt = Promise.reject(failure)
    this.#attempt.catch(() => {}) // Whoever asks until the next attempt is told.
    this.#beginLater()
  }

  async #waitForServer(reason: string): Promise<RedisClient> {
    const { waitMs = 10_000, onWaiting } = this.#options
    if (waitMs > 0) onWaiting?.(reason)
    const arrived = new AbortController()
    // Real time on purpose: the wait has to keep the process alive.
    const giveUp = wait(waitMs, undefined, { signal: arrived.signal }).catch(() => {})
    await Promise.race([this.#arrival.promise, giveUp])
    arrived.abort()
    return this.#attempt
  }

  /** What the server said instead of an answer; undefined for everything else that goes wrong. */
  #refusalIn(error: unknown): string | undefined {
    return error instanceof this.#sdk.ErrorReply ? error.message : undefined
  }

  #toStoreError(error: unknown): StoreError {
    if (error instanceof StoreError) return error
    const refusal = this.#refusalIn(error)
    const meaning = refusal === undefined ? meaningOf(error) : meaningOfReply(refusal)
    return new StoreError(`${this.description} ${meaning}.`)
  }

  #within<Result>(endsAt: number, result: Promise<Result>): Promise<Result> {
    const { clock } = this.#options
    return new Promise((resolve, reject) => {
      const giveUp = (): void => reject(new NoAnswerError())
      // What has arrived while this process stood still is read first.
      const cancel = clock.after(Math.max(0, endsAt - clock.now()), () => setImmediate(giveUp))
      void result.then(resolve, reject).finally(cancel)
    })
  }
}

function createRedisClient(sdk: typeof redis, address: RedisAddress) {
  const { host, port, isTls, user, password, database } = address
  const socket = { host, port, connectTimeout: connectMs, reconnectStrategy: false } as const
  const servername = isIP(host) === 0 && { servername: host }
  return sdk.createClient({
    RESP: 2,
    socket: isTls ? { ...socket, tls: true, ...servername } : socket,
    ...(user !== null && { username: user }),
    ...(password !== null && { password }),
    database,
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
    // Its own would only count until the question is sent.
    commandOptions: { timeout: 0 },
  })
}
