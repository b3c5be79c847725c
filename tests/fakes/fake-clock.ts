import type { Clock } from '../../src/clock.ts'

interface Timer {
  readonly dueMs: number
  readonly callback: () => void
}

/** A clock that moves only when told to, firing due timers in order. */
export class FakeClock implements Clock {
  #nowMs = 0
  readonly #startDate: number
  readonly #timers = new Set<Timer>()

  constructor(startDate = Date.UTC(2026, 0, 1)) {
    this.#startDate = startDate
  }

  now(): number {
    return this.#nowMs
  }

  date(): number {
    return this.#startDate + this.#nowMs
  }

  /** Timers that are still to fire. */
  get pending(): number {
    return this.#timers.size
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, callback }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  advance(durationMs: number): void {
    const endMs = this.#nowMs + durationMs
    for (;;) {
      const next = this.#next(endMs)
      if (next === undefined) break
      this.#fire(next)
    }
    this.#nowMs = endMs
  }

  /** Like `advance`, but lets promises settle between the timers, so that what they start can start timers too. */
  async advanceAsync(durationMs: number): Promise<void> {
    const endMs = this.#nowMs + durationMs
    await settle()
    for (;;) {
      const next = this.#next(endMs)
      if (next === undefined) break
      this.#fire(next)
      await settle()
    }
    this.#nowMs = endMs
  }

  #next(endMs: number): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.dueMs <= endMs && (next === undefined || timer.dueMs < next.dueMs)) next = timer
    }
    return next
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer)
    this.#nowMs = Math.max(this.#nowMs, timer.dueMs)
    timer.callback()
  }
}

/** Lets everything that is ready run, until only timers and the outside are waited for. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
}
