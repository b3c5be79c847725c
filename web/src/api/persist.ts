import type { PageClock } from '../clock.ts'
import { Problem } from './problem.ts'

/** From here on the pause between two attempts grows no more. */
const pauseMsMax = 10_000

/** An attempt that lasted so long was a success that ended: the next pause is short again. */
const lastedMs = 10_000

/** What is being waited for and the seconds that are left, or null when the wait is over. */
export type Tell = (problem: Problem | null, seconds: number) => void

export interface Patience {
  readonly clock: PageClock
  /** Calls back when the network is there again. Returns a function that takes that back. */
  readonly onOnline: (callback: () => void) => () => void
}

export interface PersistOptions extends Patience {
  readonly tell: Tell
  readonly signal?: AbortSignal | undefined
}

/**
 * Makes the attempt until it succeeds or fails in a way that waiting cannot mend. While it waits, `tell` is given
 * the problem and the seconds that are left, and null when the wait is over.
 */
export async function persist<Result>(
  attempt: () => Promise<Result>,
  options: PersistOptions,
): Promise<Result> {
  const { clock } = options
  for (let failures = 0; ; failures++) {
    const startedAt = clock.date()
    try {
      return await attempt()
    } catch (problem) {
      if (!(problem instanceof Problem) || !problem.isPassing) throw problem
      if (clock.date() - startedAt > lastedMs) failures = 0
      await countdown(problem, failures, options)
    }
  }
}

/** Waits as long as the server asked for, or longer with every failure. A network that comes back ends the wait. */
async function countdown(problem: Problem, failures: number, options: PersistOptions): Promise<void> {
  const { clock, tell } = options
  const asked = (problem.retryAfterSeconds ?? 0) * 1000
  const pauseMs = asked || Math.min(500 * 2 ** failures, pauseMsMax)
  const endsAt = clock.date() + pauseMs
  let isOnline = false
  try {
    for (let left = pauseMs; left > 0 && !isOnline; left = endsAt - clock.date()) {
      tell(problem, Math.ceil(left / 1000))
      isOnline = await pause(Math.min(left, 1000), problem.isOffline, options)
    }
  } finally {
    tell(null, 0)
  }
}

/** True when it ended early, because the network is back. */
function pause(
  ms: number,
  isOffline: boolean,
  { clock, onOnline, signal }: PersistOptions,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      release()
      reject(signal?.reason)
    }
    const end = (isOnline: boolean): void => {
      release()
      resolve(isOnline)
    }
    const cancelTimer = clock.after(ms, () => end(false))
    const cancelOnline = isOffline ? onOnline(() => end(true)) : undefined
    function release(): void {
      cancelTimer()
      cancelOnline?.()
      signal?.removeEventListener('abort', onAbort)
    }
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted === true) onAbort()
  })
}
