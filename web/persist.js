/** From here on the pause between two attempts grows no more. */
const pauseMsMax = 10_000

/** An attempt that lasted so long was a success that ended: the next pause is short again. */
const lastedMs = 10_000

/**
 * Makes the attempt until it succeeds or fails in a way that waiting cannot mend. While it waits, `tell` is given
 * the problem and the seconds that are left, and null when the wait is over.
 */
export async function persist(attempt, { tell, signal }) {
  for (let failures = 0; ; failures++) {
    const startedAt = Date.now()
    try {
      return await attempt()
    } catch (problem) {
      if (problem.isPassing !== true) throw problem
      if (Date.now() - startedAt > lastedMs) failures = 0
      await countdown(problem, { failures, tell, signal })
    }
  }
}

/** Waits as long as the server asked for, or longer with every failure. A network that comes back ends the wait. */
async function countdown(problem, { failures, tell, signal }) {
  const isOffline = problem.status === 0
  const pauseMs = problem.retryAfterSeconds * 1000 || Math.min(500 * 2 ** failures, pauseMsMax)
  const endsAt = Date.now() + pauseMs
  let isOnline = false
  for (let left = pauseMs; left > 0 && !isOnline; left = endsAt - Date.now()) {
    tell(problem, Math.ceil(left / 1000))
    isOnline = await pause(Math.min(left, 1000), { isOffline, signal })
  }
  tell(null)
}

/** True when it ended early, because the network is back. */
function pause(ms, { isOffline, signal }) {
  return new Promise((resolve, reject) => {
    const over = new AbortController()
    const end = (settle, value) => {
      over.abort()
      clearTimeout(timer)
      settle(value)
    }
    const timer = setTimeout(() => end(resolve, false), ms)
    const options = { signal: over.signal }
    if (isOffline) addEventListener('online', () => end(resolve, true), options)
    signal?.addEventListener('abort', () => end(reject, signal.reason), options)
    if (signal?.aborted) end(reject, signal.reason)
  })
}
