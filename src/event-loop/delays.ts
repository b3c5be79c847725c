import { monitorEventLoopDelay } from 'node:perf_hooks'

/** How late callbacks came since the beginning, or since the last `reset`. */
export interface LoopDelays {
  /** 0 where nothing came yet. */
  readonly meanSeconds: number
  /** The delay that this part of all callbacks, 0 to 1, did not exceed. */
  quantileSeconds(part: number): number
  reset(): void
  stop(): void
}

/** So often a callback of our own is due. */
const resolutionMs = 20

/** Begins to measure the event loop of this process. */
export function watchEventLoop(): LoopDelays {
  const ticks = monitorEventLoopDelay({ resolution: resolutionMs })
  ticks.enable()
  return {
    get meanSeconds() {
      return delayOf(ticks.mean)
    },
    quantileSeconds: (part) => delayOf(ticks.percentile(part * 100)),
    reset: () => ticks.reset(),
    stop: () => void ticks.disable(),
  }
}

/** What is measured is the time between two ticks, of which the resolution is no delay. NaN is no tick at all. */
function delayOf(intervalNanoseconds: number): number {
  return Math.max(0, (intervalNanoseconds || 0) / 1e9 - resolutionMs / 1000)
}
