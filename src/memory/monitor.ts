import { every, type Clock } from '../clock.ts'
import type { MemoryReading } from './readers.ts'

export interface MemoryMonitorOptions {
  readonly read: () => MemoryReading
  readonly clock: Clock
  /** The part of the limit that may be used, 0.1 to 0.95. */
  readonly threshold: number
  /** A reading older than this is taken anew. */
  readonly sampleMs?: number
  /** Called when pressure begins and when it ends. */
  readonly onPressure?: (active: boolean) => void
}

/** Pressure ends this far below the threshold, so that one session more or less does not switch it. */
const hysteresis = 0.05

/** Watches the container's memory: how much there is, how much is left, and whether it is under pressure. */
export class MemoryMonitor {
  readonly #read: () => MemoryReading
  readonly #clock: Clock
  readonly #threshold: number
  readonly #sampleMs: number
  readonly #onPressure: (active: boolean) => void
  #reading: MemoryReading | undefined
  #sampledAtMs = 0
  #pressure = false
  #stop: (() => void) | undefined

  constructor(options: MemoryMonitorOptions) {
    this.#read = options.read
    this.#clock = options.clock
    this.#threshold = options.threshold
    this.#sampleMs = options.sampleMs ?? 1000
    this.#onPressure = options.onPressure ?? (() => {})
  }

  /** The latest reading, never older than `sampleMs`. */
  get reading(): MemoryReading {
    const ageMs = this.#clock.now() - this.#sampledAtMs
    return this.#reading === undefined || ageMs > this.#sampleMs ? this.sample() : this.#reading
  }

  get pressure(): boolean {
    void this.reading // An old reading is taken anew, which may begin or end the pressure.
    return this.#pressure
  }

  /** Usage as a part of the limit; 0 with no limit. */
  get utilization(): number {
    return utilizationOf(this.reading)
  }

  /** What is left below the limit; null with no limit. */
  get availableBytes(): number | null {
    const { limitBytes, usageBytes } = this.reading
    return limitBytes === null ? null : Math.max(0, limitBytes - usageBytes)
  }

  /** What may be used in all before no session is admitted; null with no limit. */
  get admissionBytes(): number | null {
    const { limitBytes } = this.reading
    return limitBytes === null ? null : limitBytes * this.#threshold
  }

  /** What is left below the threshold, where sessions are admitted; `Infinity` with no limit, 0 under pressure. */
  get roomBytes(): number {
    const { admissionBytes } = this
    if (admissionBytes === null) return Infinity
    return this.#pressure ? 0 : Math.max(0, admissionBytes - this.reading.usageBytes)
  }

  hasRoomFor(bytes: number): boolean {
    return bytes <= this.roomBytes && !this.#pressure
  }

  /** Reads now, however young the latest reading is. */
  sample(): MemoryReading {
    const reading = this.#read()
    this.#reading = reading
    this.#sampledAtMs = this.#clock.now()
    this.#judge(utilizationOf(reading))
    return reading
  }

  /** Samples now and then regularly, so that pressure is noticed without a request. */
  start(): void {
    if (this.#stop !== undefined) return
    this.sample()
    this.#stop = every(this.#clock, this.#sampleMs, () => void this.sample())
  }

  stop(): void {
    this.#stop?.()
    this.#stop = undefined
  }

  #judge(utilization: number): void {
    const pressure = utilization >= this.#threshold - (this.#pressure ? hysteresis : 0)
    if (pressure === this.#pressure) return
    this.#pressure = pressure
    this.#onPressure(pressure)
  }
}

function utilizationOf({ limitBytes, usageBytes }: MemoryReading): number {
  return limitBytes === null ? 0 : usageBytes / limitBytes
}
