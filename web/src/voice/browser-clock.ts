/** The page's time. Tests pass one that they advance by hand. */
export interface BrowserClock {
  now(): number
  /** Calls `callback` once after `delayMs`. Returns a function that cancels it. */
  after(delayMs: number, callback: () => void): () => void
}

export const browserClock: BrowserClock = {
  now: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
}
