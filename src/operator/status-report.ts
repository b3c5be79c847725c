import { sleep, type Clock } from '../clock.ts'
import type { Connection } from './connection.ts'
import { figuresOf, type ContainerFigures } from './container-figures.ts'
import { askHealth } from './health.ts'
import { areOfDifferentContainers, ratesBetween, ratesSinceStart, silentIn, type Rates } from './rates.ts'
import { scrapeServer, type Scrape, type ScrapeResult } from './scrape.ts'
import { shortName } from './terminal.ts'

/** How a Maya is. */
export interface StatusReport {
  readonly url: string
  readonly isHealthy: boolean
  readonly problems: readonly string[]
  /** Why the metrics are not shown; null where they are. */
  readonly metricsRefused: string | null
  readonly containers: readonly ContainerFigures[]
  readonly now: Rates | null
  readonly sinceStart: Rates | null
  readonly notes: readonly string[]
}

export interface StatusOptions {
  readonly connection: Connection
  readonly clock: Clock
  readonly token: string | undefined
  /** Between the two readings; null for as long as it makes sense. */
  readonly seconds: number | null
  /** Of each answer. */
  readonly timeoutMs: number
}

/** One container shows its metrics as they are; those of a fleet tell them every 10 seconds. */
const secondsOfOne = 3
const secondsOfFleet = 12

/** Asks how a Maya is. Rejects with a `NoAnswerError` where none answers. */
export async function reportStatus(options: StatusOptions, signal: AbortSignal): Promise<StatusReport> {
  const { connection, timeoutMs } = options
  const health = await askHealth({ connection, path: '/healthz', timeoutMs }, signal)
  const readiness = await askHealth({ connection, path: '/readyz', timeoutMs }, signal)
  const said = [...health, ...readiness.map((check) => `Takes no new sessions: ${check}`)]
  const first = await scrapeServer(options, signal)
  if (!first.ok) return withoutMetrics(options, said, first.status)
  const startedMs = options.clock.now()
  const after = await scrapeAgain(options, first.scrape, signal)
  const seconds = (options.clock.now() - startedMs) / 1000
  return withMetrics(options, said, { before: first.scrape, after, seconds })
}

async function scrapeAgain(options: StatusOptions, first: Scrape, signal: AbortSignal): Promise<Scrape> {
  const { clock, seconds } = options
  const usual = first.containers.size > 1 ? secondsOfFleet : secondsOfOne
  await sleep(clock, (seconds ?? usual) * 1000, signal)
  const result = await scrapeServer(options, signal)
  return result.ok ? result.scrape : first
}

function withoutMetrics(
  { connection, token }: StatusOptions,
  problems: readonly string[],
  status: Extract<ScrapeResult, { ok: false }>['status'],
): StatusReport {
  const { url } = connection
  const isHealthy = problems.length === 0
  const metricsRefused = refusalOf(status, token !== undefined)
  return { url, isHealthy, problems, metricsRefused, containers: [], now: null, sinceStart: null, notes: [] }
}

function refusalOf(status: number, hasToken: boolean): string {
  if (status === 404) return 'There are no metrics here (404): a proxy may keep them to itself.'
  return hasToken
    ? `The metrics refuse this MAYA_METRICS_TOKEN (${status}).`
    : `The metrics want a token (${status}): set MAYA_METRICS_TOKEN, here or in .env.`
}

interface Readings {
  readonly before: Scrape
  readonly after: Scrape
  /** Between the two. */
  readonly seconds: number
}

function withMetrics(
  { connection: { url } }: StatusOptions,
  said: readonly string[],
  { before, after, seconds }: Readings,
): StatusReport {
  const containers = [...after.containers].map(([name, samples]) => figuresOf(name, samples))
  const problems = [...new Set([...said, ...containers.flatMap(problemsOf)])]
  return {
    url,
    isHealthy: problems.length === 0,
    problems,
    metricsRefused: null,
    containers,
    now: ratesBetween(before, after),
    sinceStart: ratesSinceStart(after),
    notes: [
      ...(areOfDifferentContainers(before, after)
        ? ['Two containers answered, or one started again: what it counted just now is not known.']
        : []),
      ...(seconds < secondsOfFleet ? [] : silentIn(before, after)).map(
        (name) => `${shortName(name)} told nothing new in ${Math.round(seconds)} s: it may be gone.`,
      ),
    ],
  }
}

/** Of the containers of a fleet, of which only one has answered for itself. */
function problemsOf({ name, hasMemoryPressure, isOverloaded }: ContainerFigures): readonly string[] {
  if (name === '') return []
  return [
    ...(hasMemoryPressure ? [`${shortName(name)}: container memory pressure`] : []),
    ...(isOverloaded ? [`${shortName(name)}: the event loop is overloaded`] : []),
  ]
}
