import { every, type Clock } from '../clock.ts'
import type { LoopDelays } from './delays.ts'

export interface EventLoopMonitorOptions {
  /** Begins to measure, each time anew. */
  readonly watch: () => LoopDelays
  readonly clock: Clock
  /** The loop is overloaded while it is later than this; 0 is never. */
  readonly boundSeconds: number
  /** Called when the overload begins and when it ends. */
  readonly onOverload?: (active: boolean) => void
}

const sampleMs = 1000

/** So many seconds are judged together. A single block, however long, is in one of them. */
const judgedSeconds = 5

/** The overload ends below this part of the bound, so that one guest more or less does not switch it. */
const hysteresis = 0.5

/** At least so much is shown: as long as those who scrape us wait, so that they miss nothing. */
const shownMs = 30_000

interface Measuring {
  readonly sinceSample: LoopDelays
  readonly shown: LoopDelays
  /** Takes the place of `shown` as soon as it is old enough itself. */
  readonly next: LoopDelays
}

/** Watches how late the event loop comes to its callbacks, and whether it is overloaded. */
export class EventLoopMonitor {
  readonly boundSeconds: number
  readonly #watch: () => LoopDelays
  readonly #clock: Clock
  readonly #onOverload: (active: boolean) => void
  readonly #judged: number[] = []
  #measuring: Measuring | undefined
  #samples = 0
  #overloaded = false
  #stop: (() => void) | undefined

  constructor(options: EventLoopMonitorOptions) {
    this.boundSeconds = options.boundSeconds
    this.#watch = options.watch
    this.#clock = options.clock
    this.#onOverload = options.onOverload ?? (() => {})
  }

  /** Whether the loop has been later than the bound for most of the last seconds. */
  get overloaded(): boolean {
    return this.#overloaded
  }

  /**
   * The delay that this part of all callbacks, 0 to 1, did not exceed in the last 30 to 60 seconds. It is the same for
   * everybody who asks: nobody takes from others what he reads, as he would if each reading began anew.
   */
  delaySeconds(part: number): number {
    return this.#measuring?.shown.quantileSeconds(part) ?? 0
  }

  start(): void {
    if (this.#stop !== undefined) return
    this.#measuring = { sinceSample: this.#watch(), next: this.#watch(), shown: this.#watch() }
    this.#stop = every(this.#clock, sampleMs, () => this.#sample())
  }

  stop(): void {
    this.#stop?.()
    for (const delays of Object.values(this.#measuring ?? {})) delays.stop()
    this.#stop = undefined
    this.#measuring = undefined
  }

  #sample(): void {
    if (this.#measuring === undefined) return
    const { sinceSample, next, shown } = this.#measuring
    this.#judge(sinceSample.meanSeconds)
    sinceSample.reset()
    this.#samples++
    if ((this.#samples * sampleMs) % shownMs !== 0) return
    shown.reset()
    this.#measuring = { sinceSample, next: shown, shown: next }
  }

  #judge(meanSeconds: number): void {
    if (this.boundSeconds === 0) return
    this.#judged.push(meanSeconds)
    if (this.#judged.length < judgedSeconds) return
    const overloaded = median(this.#judged) > this.boundSeconds * (this.#overloaded ? hysteresis : 1)
    this.#judged.shift()
    if (overloaded === this.#overloaded) return
    this.#overloaded = overloaded
    this.#onOverload(overloaded)
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0
}
