import type { Clock } from './clock.ts'

/** Far below the time in which a person presses twice, and far above what npm needs. */
const echoMs = 500

/**
 * Calls the listener for a signal, but not again for its echo: a terminal tells all of its processes of Ctrl-C, and npm
 * then passes it on to the one that it runs.
 */
export function withoutEcho(clock: Clock, listener: () => void): () => void {
  let heardMs = -Infinity
  return () => {
    const nowMs = clock.now()
    const isEcho = nowMs - heardMs < echoMs
    heardMs = nowMs
    if (!isEcho) listener()
  }
}
