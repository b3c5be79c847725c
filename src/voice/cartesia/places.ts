import type { Clock } from '../../clock.ts'
import { busy } from './failures.ts'

export interface PlacesOptions {
  /** How many may be taken at the same time. */
  readonly placesMax: number
  /** How many may wait for one, and for how long. */
  readonly queueMax: number
  readonly queueMs: number
  readonly clock: Clock
}

/** The places of a plan. Who finds none waits, in the order of arrival, and is told `VOICE_BUSY` when it is too much. */
export class Places {
  readonly #options: PlacesOptions
  readonly #waiting = new Set<() => void>()
  #taken = 0

  constructor(options: PlacesOptions) {
    this.#options = options
  }

  /** Takes a place. What it returns gives it back, once. */
  async take(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    if (this.#taken < this.#options.placesMax) this.#taken++
    else await this.#wait(signal)
    let isTaken = true
    return () => {
      if (isTaken) this.#giveBack()
      isTaken = false
    }
  }

  /** Resolves with the place that somebody else has given back. */
  #wait(signal: AbortSignal): Promise<void> {
    const { queueMax, queueMs, clock } = this.#options
    if (this.#waiting.size >= queueMax) throw busy()
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.delete(enter)
        signal.removeEventListener('abort', onAbort)
        cancel()
      }
      const enter = (): void => {
        leave()
        resolve()
      }
      const onAbort = (): void => {
        leave()
        reject(signal.reason)
      }
      const cancel = clock.after(queueMs, () => {
        leave()
        reject(busy())
      })
      this.#waiting.add(enter)
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** A place that somebody waits for is never free in between: nobody can overtake. */
  #giveBack(): void {
    const [first] = this.#waiting
    if (first === undefined) this.#taken--
    else first()
  }
}
