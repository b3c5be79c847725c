import type { Clock } from '../clock.ts'
import type { Log } from './log.ts'

/** A request whose answer has ended. */
export interface EndedRequest {
  readonly id: string
  readonly method: string
  /** The pattern of the path, never the path itself. */
  readonly route: string
  readonly status: number
  readonly seconds: number
  /** Written for it, headers included. */
  readonly bytes: number
}

/** What machines ask again and again, to see whether all is well. */
const probes: ReadonlySet<string> = new Set(['/livez', '/readyz', '/healthz', '/metrics', '/metrics/fleet'])
const probeLineMs = 60_000

/** The last line of one probe that was answered well, and how many of its kind were not shown since. */
interface Shown {
  readonly atMs: number
  leftOut: number
}

/**
 * One line for each request. Of probes that are answered well there is one a minute, which says how many were left
 * out; every other answer to a probe is shown.
 */
export function logRequests(log: Log, clock: Clock): (request: EndedRequest) => void {
  const shown = new Map<string, Shown>()
  return ({ id, method, route, status, seconds, bytes }) => {
    const fields = { request_id: id, method, route, status, ms: Math.round(seconds * 1000), bytes }
    if (!probes.has(route) || status >= 400) return log('request', fields)
    const last = shown.get(route)
    const atMs = clock.now()
    if (last !== undefined && atMs - last.atMs < probeLineMs) {
      last.leftOut++
      return
    }
    shown.set(route, { atMs, leftOut: 0 })
    log('request', { ...fields, left_out: last?.leftOut ?? 0 })
  }
}
