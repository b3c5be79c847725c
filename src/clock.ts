/** The only source of time in the service. Tests pass a clock they advance by hand. */
export interface Clock {
  /** Milliseconds that only move forward; compare two readings, never show one to a user. */
  now(): number
  /** Milliseconds since 1970: what is written down and shown. May jump when the machine's clock is set. */
  date(): number
  /** Calls `callback` once after `delayMs`. Returns a function that cancels it. */
  after(delayMs: number, callback: () => void): () => void
}

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    timer.unref() // A pending timer must never keep the process alive through shutdown.
    return () => clearTimeout(timer)
  },
}

/** Resolves after `delayMs`; rejects with the signal's reason as soon as it is aborted. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason)
      return
    }
    const onAbort = (): void => {
      cancel()
      reject(signal.reason)
    }
    const cancel = clock.after(delayMs, () => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** Calls `task` every `intervalMs`, the next time counted from its end. Returns a function that stops it. */
export function every(clock: Clock, intervalMs: number, task: () => void | Promise<void>): () => void {
  let stopped = false
  let cancel = clock.after(intervalMs, run)
  function run(): void {
    void Promise.resolve(task()).finally(() => {
      if (!stopped) cancel = clock.after(intervalMs, run)
    })
  }
  return () => {
    stopped = true
    cancel()
  }
}
