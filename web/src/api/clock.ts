/** The only source of time in the page. Tests pass a clock that they advance by hand. */
export interface PageClock {
  /** Milliseconds since 1970. */
  date(): number
  /** Calls `callback` once after `delayMs`. Returns a function that cancels it. */
  after(delayMs: number, callback: () => void): () => void
}

export const pageClock: PageClock = {
  date: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
}
