import type { ContainerFigures } from './container-figures.ts'
import type { Rates } from './rates.ts'
import type { StatusReport } from './status-report.ts'
import {
  alignColumns,
  describeCount,
  describeDuration,
  describeLatency,
  describeNumber,
  inMegabytes,
  shortName,
  type Paint,
} from './terminal.ts'

/** The report for people, in lines of up to 80 characters but for long addresses and reasons. */
export function statusText(report: StatusReport, paint: Paint): string {
  const { url, isHealthy, problems, metricsRefused, containers, now, sinceStart, notes } = report
  const verdict = isHealthy
    ? paint('green', 'is healthy and takes new sessions')
    : paint('red', 'is not healthy')
  const lines = [`${paint('bold', url)} ${verdict}`, ...problems.map((text) => paint('red', `  ${text}`))]
  if (containers.length > 0) lines.push('', ...containerLines(containers, paint))
  if (now !== null && sinceStart !== null) lines.push('', ...rateLines(now, sinceStart, paint))
  lines.push(...[...notes, metricsRefused ?? []].flat().map((text) => paint('yellow', text)))
  return `${lines.join('\n')}\n`
}

function containerLines(containers: readonly ContainerFigures[], paint: Paint): readonly string[] {
  const head = ['', 'sessions', 'room', 'turns', 'memory MB', 'loop p99', 'up']
  const rows = containers.map(containerRow)
  const [first = '', ...others] = alignColumns([head, ...rows, ...sumRow(containers)])
  return [paint('dim', first), ...others]
}

function containerRow(figures: ContainerFigures): readonly string[] {
  const { name, sessions, sessionsMax, admissible, turnsRunning, memoryBytes, memoryLimitBytes } = figures
  return [
    name === '' ? 'this container' : shortName(name),
    ofMax(describeCount(sessions), sessionsMax === undefined ? undefined : describeCount(sessionsMax)),
    describeCount(admissible),
    describeCount(turnsRunning),
    ofMax(
      inMegabytes(memoryBytes),
      memoryLimitBytes === undefined ? undefined : inMegabytes(memoryLimitBytes),
    ),
    describeLatency(figures.loopDelaySeconds),
    describeDuration(figures.uptimeSeconds),
  ]
}

function sumRow(containers: readonly ContainerFigures[]): readonly (readonly string[])[] {
  if (containers.length < 2) return []
  const sum = (value: (figures: ContainerFigures) => number | undefined): number =>
    containers.reduce((before, figures) => before + (value(figures) ?? 0), 0)
  return [
    [
      `${containers.length} containers`,
      ofMax(
        describeCount(sum(({ sessions }) => sessions)),
        describeCount(sum(({ sessionsMax }) => sessionsMax)),
      ),
      describeCount(sum(({ admissible }) => admissible)),
      describeCount(sum(({ turnsRunning }) => turnsRunning)),
      inMegabytes(sum(({ memoryBytes }) => memoryBytes)),
    ],
  ]
}

function ofMax(value: string, max: string | undefined): string {
  return max === undefined ? value : `${value}/${max}`
}

function rateLines(now: Rates, sinceStart: Rates, paint: Paint): readonly string[] {
  const isKnown = now.seconds > 0
  const head = [
    '',
    isKnown ? `last ${describeDuration(now.seconds)}` : 'just now',
    `since start, ${describeDuration(sinceStart.seconds)}`,
  ]
  const rows = rateRows.flatMap(({ name, show, isOptional }) => {
    const value = show(sinceStart)
    return value === '-' && isOptional === true ? [] : [[name, show(now), value]]
  })
  const [first = '', ...others] = alignColumns([head, ...rows])
  const rejected = Object.entries(sinceStart.rejectedByReason).map(([reason, count]) => `${reason} ${count}`)
  return [
    paint('dim', first),
    ...others,
    ...(rejected.length === 0 ? [] : [`Sessions refused since the start: ${rejected.join(', ')}`]),
  ]
}

interface RateRow {
  readonly name: string
  readonly show: (rates: Rates) => string
  /** Left out where the server does not tell it. */
  readonly isOptional?: true
}

const rateRows: readonly RateRow[] = [
  { name: 'turns a minute', show: (rates) => describeNumber(rates.turnsPerMinute) },
  { name: '  failed or interrupted', show: (rates) => describeNumber(rates.turnsFailedPerMinute) },
  { name: 'first text, mean', show: (rates) => describeLatency(rates.firstTextSeconds) },
  { name: '  95 % within', show: (rates) => within(rates.firstTextBoundSeconds) },
  { name: 'whole turn, mean', show: (rates) => describeLatency(rates.turnSeconds) },
  { name: 'sessions made a minute', show: (rates) => describeNumber(rates.sessionsCreatedPerMinute) },
  { name: '  refused', show: (rates) => describeNumber(rates.sessionsRejectedPerMinute) },
  { name: 'requests limited a minute', show: (rates) => describeNumber(rates.rateLimitedPerMinute) },
  { name: 'model failures a minute', show: (rates) => describeNumber(rates.modelFailuresPerMinute) },
  { name: 'tokens a minute', show: (rates) => describeNumber(rates.tokensPerMinute) },
  { name: 'dollars an hour', show: (rates) => describeNumber(rates.dollarsPerHour), isOptional: true },
  { name: 'CPU, cores', show: (rates) => describeNumber(rates.cpuCores) },
]

function within(seconds: number | undefined): string {
  return seconds === Infinity ? 'more' : describeLatency(seconds)
}
