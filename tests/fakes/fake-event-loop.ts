import type { LoopDelays } from '../../src/event-loop/delays.ts'
import type { FakeClock } from './fake-clock.ts'

/** An event loop whose callbacks come as late as the test says. */
export class FakeEventLoop {
  readonly #watching = new Set<number[]>()

  /** How many measure it now. */
  get watchers(): number {
    return this.#watching.size
  }

  /** Callbacks come, each so late. */
  tick(...delaysMs: readonly number[]): void {
    for (const seconds of this.#watching) seconds.push(...delaysMs.map((delayMs) => delayMs / 1000))
  }

  /** Second by second passes, in each of which every callback comes this late. */
  async pass(clock: FakeClock, delaysMs: readonly number[]): Promise<void> {
    for (const delayMs of delaysMs) {
      this.tick(delayMs)
      await clock.advanceAsync(1000)
    }
  }

  readonly watch = (): LoopDelays => {
    const seconds: number[] = []
    this.#watching.add(seconds)
    return {
      get meanSeconds() {
        return seconds.reduce((sum, one) => sum + one, 0) / Math.max(1, seconds.length)
      },
      quantileSeconds: (part) =>
        seconds.toSorted((one, other) => one - other)[Math.ceil(part * seconds.length) - 1] ?? 0,
      reset: () => void seconds.splice(0),
      stop: () => void this.#watching.delete(seconds),
    }
  }
}
