import type { Clock } from '../clock.ts'
import { ExpiryQueue } from './expiry-queue.ts'

interface Counter {
  readonly name: string
  sum: number
  expiresAt: number
  place: number
}

/** Named sums in memory, each until it expires. Every count first drops what has expired, so no more than that stays. */
export class Counters {
  readonly #counters = new Map<string, Counter>()
  readonly #byExpiry = new ExpiryQueue<Counter>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#counters.size
  }

  /** Adds to the counter and answers its sum; 0 only looks. */
  count(name: string, amount: number, expiresAt: number): number {
    this.#dropExpired()
    const present = this.#counters.get(name)
    if (amount === 0) return present?.sum ?? 0
    const counter = present ?? this.#begin(name, expiresAt)
    counter.sum += amount
    counter.expiresAt = expiresAt
    this.#byExpiry.reorder(counter)
    return counter.sum
  }

  #begin(name: string, expiresAt: number): Counter {
    const counter: Counter = { name, sum: 0, expiresAt, place: 0 }
    this.#counters.set(name, counter)
    this.#byExpiry.add(counter)
    return counter
  }

  #dropExpired(): void {
    const now = this.#clock.date()
    for (let first = this.#byExpiry.first; first !== undefined; first = this.#byExpiry.first) {
      if (first.expiresAt > now) return
      this.#byExpiry.remove(first)
      this.#counters.delete(first.name)
    }
  }
}
