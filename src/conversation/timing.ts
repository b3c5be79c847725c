import type { Clock } from '../clock.ts'

/** When something began, and how long ago that is. */
export interface Timing {
  /** Milliseconds since 1970. */
  readonly startedAtMs: number
  /** From the start up to now. */
  seconds(): number
}

/** Begins now. */
export function startTiming(clock: Clock): Timing {
  const startedAt = clock.now()
  return { startedAtMs: clock.date(), seconds: () => (clock.now() - startedAt) / 1000 }
}
