/** The page's time. Tests pass a clock that they advance by hand. */
export interface PageClock {
  /** Milliseconds since the page was opened: no change of the device's time moves it. */
  now(): number
  /** Milliseconds since 1970. */
  date(): number
  /** Calls `callback` once after `delayMs`. Returns a function that cancels it. */
  after(delayMs: number, callback: () => void): () => void
}

export const pageClock: PageClock = {
  now: () => performance.now(),
  date: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
}
