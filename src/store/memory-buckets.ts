import type { Clock } from '../clock.ts'
import { oneMsOf, roundingMs, type Bucket, type Buckets, type Taken } from '../log/buckets.ts'

export interface MemoryBucketsOptions {
  readonly clock: Clock
  /** Buckets that are remembered of each limit. */
  readonly keysMax: number
}

/** Full buckets are cleared away so often, at the most. */
const sweepMs = 1000

/**
 * The buckets of one process, one number each (GCRA): the moment at which it will be full again. A bucket that is full
 * needs no entry. When a limit has too many, the one that was taken from the longest ago is forgotten, that is, filled.
 */
export class MemoryBuckets implements Buckets {
  readonly #clock: Clock
  readonly #keysMax: number
  /** Of each limit, in the order in which they were taken from. */
  readonly #fullAtMs = new Map<string, Map<string, number>>()
  #sweptAtMs = -Infinity

  constructor({ clock, keysMax }: MemoryBucketsOptions) {
    this.#clock = clock
    this.#keysMax = keysMax
  }

  /** Buckets that are remembered, of all limits together. */
  get size(): number {
    return [...this.#fullAtMs.values()].reduce((sum, { size }) => sum + size, 0)
  }

  async ask(buckets: readonly Bucket[]): Promise<Taken> {
    return this.#ask(buckets, this.#clock.now())
  }

  async take(buckets: readonly Bucket[]): Promise<Taken> {
    const nowMs = this.#clock.now()
    const asked = this.#ask(buckets, nowMs)
    if (!asked.ok) return asked
    this.#sweep(nowMs)
    for (const bucket of buckets) this.#takeOne(bucket, nowMs)
    return { ...this.#ask(buckets, nowMs), ok: true }
  }

  letGo(buckets: readonly Pick<Bucket, 'limit' | 'key'>[]): void {
    for (const { limit, key } of buckets) this.#fullAtMs.get(limit)?.delete(key)
  }

  #ask(buckets: readonly Bucket[], nowMs: number): Taken {
    const missingMs = buckets.map((bucket) => this.#missingMs(bucket, nowMs))
    const ok = buckets.every(
      (bucket, index) => bucket.windowMs - (missingMs[index] ?? 0) + roundingMs >= oneMsOf(bucket),
    )
    return { ok, missingMs }
  }

  #missingMs({ limit, key }: Bucket, nowMs: number): number {
    return Math.max(0, (this.#fullAtMs.get(limit)?.get(key) ?? nowMs) - nowMs)
  }

  #takeOne(bucket: Bucket, nowMs: number): void {
    const { limit, key } = bucket
    const fullAtMs = nowMs + this.#missingMs(bucket, nowMs) + oneMsOf(bucket)
    const ofLimit = this.#fullAtMs.get(limit) ?? new Map<string, number>()
    this.#fullAtMs.set(limit, ofLimit)
    ofLimit.delete(key)
    const [oldest] = ofLimit.keys()
    if (oldest !== undefined && ofLimit.size >= this.#keysMax) ofLimit.delete(oldest)
    ofLimit.set(key, fullAtMs)
  }

  #sweep(nowMs: number): void {
    if (nowMs - this.#sweptAtMs < sweepMs) return
    this.#sweptAtMs = nowMs
    for (const ofLimit of this.#fullAtMs.values()) {
      for (const [key, fullAtMs] of ofLimit) if (fullAtMs <= nowMs) ofLimit.delete(key)
    }
  }
}
