import { figuresOf } from './container-figures.ts'
import { Period, type Span } from './period.ts'
import type { Scrape } from './scrape.ts'

/** How it goes in a time. Undefined is what the server does not tell. */
export interface Rates {
  /** 0 where nothing is known: two readings came from different containers, or nothing was published between them. */
  readonly seconds: number
  readonly turnsPerMinute: number | undefined
  readonly turnsFailedPerMinute: number | undefined
  readonly firstTextSeconds: number | undefined
  /** A bound within which 95 of 100 first texts came. */
  readonly firstTextBoundSeconds: number | undefined
  readonly turnSeconds: number | undefined
  readonly sessionsCreatedPerMinute: number | undefined
  readonly sessionsRejectedPerMinute: number | undefined
  readonly rateLimitedPerMinute: number | undefined
  readonly modelFailuresPerMinute: number | undefined
  readonly tokensPerMinute: number | undefined
  readonly dollarsPerHour: number | undefined
  /** 1 is one core, busy all the time. */
  readonly cpuCores: number | undefined
  readonly rejectedByReason: Readonly<Record<string, number>>
}

/** What was counted between two readings, by the clocks of the containers themselves. */
export function ratesBetween(before: Scrape, after: Scrape): Rates {
  const spans = [...after.containers].flatMap(([name, samples]): readonly Span[] => {
    const earlier = before.containers.get(name)
    if (earlier === undefined) return []
    const [then, now] = [figuresOf(name, earlier), figuresOf(name, samples)]
    if (then.startedSeconds !== now.startedSeconds) return []
    const seconds = (now.uptimeSeconds ?? 0) - (then.uptimeSeconds ?? 0)
    return [{ seconds, before: earlier, after: samples }]
  })
  return ratesIn(new Period(spans))
}

/** What was counted since the containers started. */
export function ratesSinceStart({ containers }: Scrape): Rates {
  const spans = [...containers].map(([name, samples]): Span => {
    const { uptimeSeconds = 0 } = figuresOf(name, samples)
    return { seconds: uptimeSeconds, before: null, after: samples }
  })
  // The kernel counts from the start of the container, and that is not known.
  return { ...ratesIn(new Period(spans)), cpuCores: undefined }
}

/** Whether two readings of what should be one container came from two. */
export function areOfDifferentContainers(before: Scrape, after: Scrape): boolean {
  return startOf(before) !== startOf(after)
}

/** The containers of a fleet that told nothing new between two readings. */
export function silentIn(before: Scrape, after: Scrape): readonly string[] {
  const names = [...after.containers.keys()].filter((name) => name !== '')
  return names.filter((name) => uptimeIn(before, name) === uptimeIn(after, name))
}

function uptimeIn({ containers }: Scrape, name: string): number | undefined {
  return containers.get(name)?.sum('maya_process_uptime_seconds')
}

function startOf({ containers }: Scrape): number | undefined {
  const samples = containers.get('')
  return samples === undefined ? undefined : figuresOf('', samples).startedSeconds
}

function ratesIn(period: Period): Rates {
  const perMinute = (counter: string, labels = {}): number | undefined => {
    const rate = period.rate(counter, labels)
    return rate === undefined ? undefined : rate * 60
  }
  const failed = perMinute('maya_turns_total', { outcome: 'failed' })
  const interrupted = perMinute('maya_turns_total', { outcome: 'interrupted' })
  const dollars = period.rate('maya_llm_cost_dollars_total')
  return {
    seconds: period.seconds,
    turnsPerMinute: perMinute('maya_turns_total'),
    turnsFailedPerMinute: failed === undefined ? undefined : failed + (interrupted ?? 0),
    firstTextSeconds: period.mean('maya_turn_first_text_seconds'),
    firstTextBoundSeconds: period.bound('maya_turn_first_text_seconds', 0.95),
    turnSeconds: period.mean('maya_turn_duration_seconds'),
    sessionsCreatedPerMinute: perMinute('maya_sessions_created_total'),
    sessionsRejectedPerMinute: perMinute('maya_sessions_rejected_total'),
    rateLimitedPerMinute: perMinute('maya_rate_limited_total'),
    modelFailuresPerMinute: perMinute('maya_llm_failures_total'),
    tokensPerMinute: perMinute('maya_llm_tokens_total'),
    dollarsPerHour: dollars === undefined ? undefined : dollars * 3600,
    cpuCores: period.rate('maya_container_cpu_usage_seconds_total'),
    rejectedByReason: rejectionsIn(period),
  }
}

const reasons = ['SESSION_LIMIT', 'MEMORY_PRESSURE', 'OVERLOADED', 'DRAINING']

function rejectionsIn(period: Period): Readonly<Record<string, number>> {
  const counts = reasons.map(
    (reason) => [reason, period.growth('maya_sessions_rejected_total', { reason }) ?? 0] as const,
  )
  return Object.fromEntries(counts.filter(([, count]) => count > 0))
}
