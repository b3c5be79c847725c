import { assertNoRedirect, notMaya } from './answer-fields.ts'
import type { Connection } from './connection.ts'
import { NoAnswerError } from './no-answer.ts'
import { Samples } from './samples.ts'

/** What one reading of the metrics shows. */
export interface Scrape {
  /** By the name of the container; the one that answered has the empty name where only it is shown. */
  readonly containers: ReadonlyMap<string, Samples>
}

/** A missing token is no failure of the server: whoever asks can mend it. */
export type ScrapeResult =
  | { readonly ok: true; readonly scrape: Scrape }
  | { readonly ok: false; readonly status: 401 | 403 | 404 }

export interface ScrapeOptions {
  readonly connection: Connection
  /** Of MAYA_METRICS_TOKEN. */
  readonly token: string | undefined
  readonly timeoutMs: number
}

/** The bound of the text of a whole fleet: 100 containers with 512 KB each. */
const textBytesMax = 52 * 1024 * 1024

/**
 * Reads the metrics of all containers that share the store, and where there is only one, those of the container
 * itself: the fleet's are up to 10 seconds old.
 */
export async function scrapeServer(options: ScrapeOptions, signal: AbortSignal): Promise<ScrapeResult> {
  const fleet = await read('/metrics/fleet', options, signal)
  if (fleet.ok && fleet.samples.sum('maya_fleet_board_up') === 1) {
    const containers = fleet.samples.byContainer()
    if (containers.size > 1) return { ok: true, scrape: { containers } }
  }
  const own = await read('/metrics', options, signal)
  return own.ok ? { ok: true, scrape: { containers: new Map([['', own.samples]]) } } : own
}

type Read = { readonly ok: true; readonly samples: Samples } | Extract<ScrapeResult, { ok: false }>

async function read(path: string, options: ScrapeOptions, signal: AbortSignal): Promise<Read> {
  const { connection, token, timeoutMs } = options
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const question = { method: 'GET', path, headers, timeoutMs, bytesMax: textBytesMax } as const
  const answer = await connection.ask(question, signal)
  const { status } = answer
  if (status === 401 || status === 403 || status === 404) return { ok: false, status }
  const url = `${connection.url}${path}`
  assertNoRedirect(answer, url)
  if (status === 503) throw new NoAnswerError('NOT_MAYA', `${url} answers 503.`)
  const samples = Samples.read(answer.text)
  if (status !== 200 || !(samples.has('maya_active_sessions') || samples.has('maya_fleet_board_up'))) {
    throw notMaya(answer, url)
  }
  return { ok: true, samples }
}
