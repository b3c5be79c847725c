import { histogram, latencyTable, type LatencySeries } from './latencies.ts'
import type { LoadPlan } from './load-run.ts'
import type { LoadTally } from './load-tally.ts'
import type { WatchResult } from './server-watch.ts'
import {
  alignColumns,
  describeCount,
  describeDuration,
  describeLatency,
  describeNumber,
  inMegabytes,
} from './terminal.ts'

export interface LoadOutcome {
  readonly url: string
  readonly plan: LoadPlan
  readonly tally: LoadTally
  readonly seconds: number
  readonly wasStopped: boolean
  /** Null where the server's metrics could not be read. */
  readonly server: WatchResult | null
  /** By how much 99 of 100 callbacks of the load itself were late at most, and the latest. */
  readonly ownDelayMs: { readonly p99: number; readonly max: number }
  /** Whether a receipt was of another bar than the simulated one. */
  readonly wasPaymentReal: boolean
}

/** What the load has shown, for people: lines of up to 80 characters where codes and addresses are not long. */
export function loadSummary(outcome: LoadOutcome): string {
  const { tally, server } = outcome
  const series: readonly LatencySeries[] = [
    { name: 'first text', valuesMs: known(tally.turns.map(({ firstTextMs }) => firstTextMs)) },
    { name: 'first sound', valuesMs: known(tally.turns.map(({ firstSoundMs }) => firstSoundMs)) },
    { name: 'whole turn', valuesMs: tally.turns.map(({ wholeMs }) => wholeMs) },
  ]
  const paragraphs = [
    headLines(outcome),
    latencyTable(series),
    ...series.map(histogram),
    server === null ? ["The server's own metrics could not be read."] : serverLines(server),
    [...limitLines(outcome), ...warningLines(outcome), ...sizeLines(outcome)],
  ]
  const shown = paragraphs.filter((lines) => lines.length > 0).map((lines) => lines.join('\n'))
  return `${shown.join('\n\n')}\n`
}

function headLines({ url, plan, tally, seconds, wasStopped }: LoadOutcome): readonly string[] {
  const { turns, failed, stopped, visits, payments, turnFailures, otherFailures } = tally
  const ended = wasStopped ? ', stopped early' : ''
  const left = stopped === 0 ? '' : `, ${stopped} left`
  return [
    `${describeDuration(seconds)} with ${plan.guests} guests at ${url}${ended}`,
    `${turns.length} turns answered, ${failed} failed${codes(turnFailures)}${left}; ` +
      `${visits} visits, ${payments} paid`,
    ...(otherFailures.size === 0 ? [] : [`Beside the turns there failed:${codes(otherFailures)}`]),
  ]
}

/** ` (MODEL_TIMEOUT 2)` */
function codes(counts: ReadonlyMap<string, number>): string {
  return counts.size === 0 ? '' : ` (${[...counts].map(([code, count]) => `${code} ${count}`).join(', ')})`
}

function serverLines({ before, peak, after, cpuCores }: WatchResult): readonly string[] {
  const states = [before, peak, after]
  const containers = states.map((state) => String(state.containers))
  return [
    ...alignColumns([
      ['server', 'before', 'peak', 'after'],
      ...(peak.containers > 1 ? [['containers', ...containers]] : []),
      ['sessions', ...states.map(({ sessions }) => describeCount(sessions))],
      ['turns running', ...states.map(({ turnsRunning }) => describeCount(turnsRunning))],
      ['memory, MB', ...states.map(({ memoryBytes }) => inMegabytes(memoryBytes))],
      ['event loop, p99 late', ...states.map(({ loopDelaySeconds }) => describeLatency(loopDelaySeconds))],
    ]),
    `CPU of the container, all that runs in it: ${describeNumber(cpuCores)} cores`,
    ...(after.containers > 1
      ? ['Containers that share a store tell this every 10 s: "after" may be of before.']
      : []),
  ]
}

/** What to do about a refusal. */
const remedies: Readonly<Record<string, string>> = {
  SESSION_LIMIT: 'raised by MAYA_SESSIONS_PER_CONTAINER',
  MEMORY_PRESSURE: 'raised by more memory or MAYA_CONTAINER_MEMORY_THRESHOLD',
  OVERLOADED: 'raised by more CPU or MAYA_EVENT_LOOP_DELAY_MS',
  TURN_QUEUE_FULL: 'raised by MAYA_TURN_QUEUE',
  BUDGET_EXHAUSTED: 'raised by MAYA_SESSION_TOKENS, MAYA_SESSION_TOOL_CALLS or MAYA_WORKSPACE_DAILY_TOKENS',
  VOICE_BUSY: 'raised by CARTESIA_CONCURRENCY',
  DRAINING: 'the server was told to stop',
  STORE_UNAVAILABLE: 'the store did not answer',
}

const rateSettings: Readonly<Record<string, string>> = {
  session: 'MAYA_SESSION_RATE_LIMIT',
  burst: 'MAYA_BURST_LIMIT',
  workspace: 'MAYA_WORKSPACE_RATE_LIMIT',
  address: 'MAYA_ADDRESS_RATE_LIMIT',
  app: 'MAYA_APP_RATE_LIMIT',
}

function limitLines({ tally, server }: LoadOutcome): readonly string[] {
  return [...tally.refusals].map(([code, count]) => {
    const remedy = code === 'RATE_LIMITED' ? `raised by ${rateSettingOf(server)}` : remedies[code]
    return `Refused ${count} times with ${code}${remedy === undefined ? '' : ` (${remedy})`}.`
  })
}

/** The limits that have refused, as the metrics tell them; all of them where these cannot be read. */
function rateSettingOf(server: WatchResult | null): string {
  const limited = Object.keys(server?.limited ?? {})
  const names = limited.length === 0 ? Object.keys(rateSettings) : limited
  return names.map((limit) => rateSettings[limit]).join(', ')
}

/** Beyond it, what is measured is partly the load itself. */
const ownDelayMsMax = 50

function warningLines({ ownDelayMs, wasPaymentReal }: LoadOutcome): readonly string[] {
  const { p99, max } = ownDelayMs
  const late =
    `The load itself was late: its event loop by ${Math.round(p99)} ms (p99), ${Math.round(max)} ms at most.\n` +
    'All times above are too long by about that. Run it elsewhere, or with fewer guests.'
  const paid = 'A receipt was not of the simulated bar: from then on nobody paid.'
  return [...(p99 > ownDelayMsMax ? [late] : []), ...(wasPaymentReal ? [paid] : [])]
}

const roomCodes = ['SESSION_LIMIT', 'MEMORY_PRESSURE', 'OVERLOADED']

/** What an operator wanted to know. */
function sizeLines({ plan: { guests }, tally, server }: LoadOutcome): readonly string[] {
  const { insideMax, neverAdmitted, refusals } = tally
  const room = roomCodes.filter((code) => refusals.has(code)).join(', ')
  const fitted =
    insideMax >= guests
      ? `All ${guests} guests fitted at once.`
      : `${insideMax} of ${guests} guests fitted at once${room === '' ? '' : `; refused with ${room}`}.`
  const grown = server === null ? 0 : server.peak.memoryBytes - server.before.memoryBytes
  return [
    fitted,
    ...(neverAdmitted > 0 ? [`${neverAdmitted} never came in.`] : []),
    ...(server === null ? [] : [`The memory grew by up to ${inMegabytes(grown)} MB.`]),
  ]
}

function known(values: readonly (number | null)[]): readonly number[] {
  return values.filter((value) => value !== null)
}
