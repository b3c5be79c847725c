import type { Bucket, Buckets, Taken } from '../log/buckets.ts'
import { oneMsOf, roundingMs } from '../log/buckets.ts'
import type { RedisConnection } from './redis-connection.ts'
import { takeBucketsScript } from './redis-scripts.ts'

/** The buckets of all containers, by the clock of Redis. All have one tag, so that a script can take from several. */
export class RedisBuckets implements Buckets {
  readonly #connection: RedisConnection

  constructor(connection: RedisConnection) {
    this.#connection = connection
  }

  ask(buckets: readonly Bucket[]): Promise<Taken> {
    return this.#run(buckets, 'ask')
  }

  take(buckets: readonly Bucket[]): Promise<Taken> {
    return this.#run(buckets, 'take')
  }

  /** Another container may count on, so each runs full by time; Redis forgets it then. */
  letGo(): void {}

  async #run(buckets: readonly Bucket[], what: 'ask' | 'take'): Promise<Taken> {
    const keys = buckets.map(({ limit, key }) => `maya:{rates}:${limit}:${key}`)
    const values = buckets.flatMap((bucket) => [bucket.windowMs, oneMsOf(bucket)])
    // Where the answer was lost, too much was taken rather than too little.
    const reply = await this.#connection.evaluate(takeBucketsScript, keys, [what, roundingMs, ...values])
    const [ok, ...missingMs] = Array.isArray(reply) ? reply : []
    return { ok: ok === 'ok', missingMs: missingMs.map(Number) }
  }
}
