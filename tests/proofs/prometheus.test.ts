// Real servers, real load, and Debian's Prometheus, which is asked everything that the dashboards and the rules ask.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readRules } from '../grafana/alert-rules.ts'
import { filled, panelQueries, type Choice } from '../grafana/panel-queries.ts'
import {
  away,
  barkeeper,
  beDifficult,
  comeWithAForgery,
  crowdIn,
  failToPay,
  findNoMemory,
  getNoAnswer,
  hold,
  loseTheStore,
  spendEvening,
  stayUnheard,
  talkFast,
  tipTwice,
  waitForTheStore,
} from './busy-minutes.ts'
import type { Range } from './prometheus-server.ts'
import { WatchedFleet } from './watched-fleet.ts'

/** Alerts that have nothing to say here at any time, and why. Everything else has to answer. */
const quiet: Readonly<Record<string, string>> = {
  MayaSessionsNearLimit: 'one of the containers has room for many',
  MayaGuardFailing: 'the guard decides by rules, which nothing from outside makes fail',
  MayaPaymentsUnknown: 'the simulated payment provider always says what became of a charge',
}

/** Alerts that may answer or not: what they see depends on how fast this machine is, and on what else it does. */
const either: Readonly<Record<string, string>> = {
  MayaNotScraped: 'here a scrape has one second',
  MayaFleetBoardDown: 'Redis hangs now and then',
  MayaFleetIncomplete: 'the full container loses its way to Redis, perhaps while it publishes',
  MayaContainerRestarts: 'after a scrape that failed, young containers look like dead ones',
  MayaEventLoopSlow: 'how late a busy event loop is depends on what else this machine does',
  MayaFirstTextSlow: 'the models answer at once, but for the time that everything waits for Redis',
  MayaVoiceFailing: 'the ear fails too seldom, and on a slow machine other voices may fail as well',
  MayaStoreConflicts: 'how often two containers write past each other is a matter of moments',
}

/** The same of the queries of panels. */
const unseen: Readonly<Record<string, string>> = {
  'turns.json: Refused by limits and budgets: budget: {{budget}}': 'nobody uses up a budget',
}

/** On two cores that others use as well it takes five times as long as alone. */
const startMs = 240_000
const rules = readRules()
const closing = new AbortController()
let fleet: WatchedFleet
let holding: Promise<void> | undefined
let range: Range

beforeAll(async () => {
  fleet = await WatchedFleet.open()
  const fromSeconds = Math.ceil(Date.now() / 1000)
  // What has no series before it happens first can be seen to grow the second time.
  for (let round = 0; round < 2; round++) {
    await spendMinutes(fleet)
    await fleet.seen()
  }
  // It counts how long, and so comes last.
  await fleet.until(rules.find(({ name }) => name === 'MayaEventLoopOverloaded')?.expr ?? '')
  range = { fromSeconds, toSeconds: Math.ceil(Date.now() / 1000), stepSeconds: 1 }
}, startMs)

afterAll(async () => {
  closing.abort()
  await holding
  await fleet.close()
})

async function spendMinutes(among: WatchedFleet): Promise<void> {
  await spendAtFull(among)
  await Promise.all([spendAtOpen(among), spendAtSmall(among)])
}

async function spendAtOpen(among: WatchedFleet): Promise<void> {
  among.openai.otherwise = barkeeper
  await Promise.all([
    spendEvening(among),
    beDifficult(among),
    failToPay(among),
    failToPay(among),
    tipTwice(among),
    comeWithAForgery(among),
    waitForTheStore(among),
  ])
  await stayUnheard(among)
  among.openai.otherwise = away
  await Promise.all([beDifficult(among), beDifficult(among), beDifficult(among)])
}

async function spendAtSmall(among: WatchedFleet): Promise<void> {
  await talkFast(among)
  for (let guest = 0; guest < 10; guest++) await getNoAnswer(among)
  await crowdIn(among)
}

async function spendAtFull(among: WatchedFleet): Promise<void> {
  await findNoMemory(among)
  await loseTheStore(among)
  holding ??= hold(among, closing.signal)
}

/** Whether there ever was something to draw or to fire; NaN is nothing to see. */
async function isAnswered(expression: string): Promise<boolean> {
  // The last moment alone would not do: nothing is there when the last scrape came too late.
  const answer = await fleet.prometheus.queryRange(expression, range)
  return answer.some(({ values }) => values.some(([, value]) => Number.isFinite(value)))
}

async function emptyOf(choice: Choice): Promise<readonly string[]> {
  const answered = await Promise.all(panelQueries.map(({ expr }) => isAnswered(filled(expr, choice))))
  return panelQueries.filter((_, at) => !answered[at]).map(({ name }) => name)
}

/** Where the kernel names a limit, no setting makes it smaller. */
async function whyNoPressure(): Promise<string | undefined> {
  const health = await (await fetch(`${fleet.containers.full.url}/healthz`)).text()
  return health.includes('memory pressure') ? undefined : 'the kernel names a limit that is far away'
}

describe('Prometheus', () => {
  it('has taken every rule, and finds no fault with any', async () => {
    const loaded = await fleet.prometheus.rules()
    expect(loaded.map(({ name }) => name).toSorted()).toEqual(rules.map(({ name }) => name).toSorted())
    expect(loaded.filter(({ health }) => health !== 'ok')).toEqual([])
  })

  it('answers every query of every panel, for all containers, or there is a reason', async () => {
    expect(await emptyOf({ containers: null, interval: '2m' })).toEqual(Object.keys(unseen))
  })

  it('answers them for the containers that Grafana lets one choose, and for no others', async () => {
    const containers = await fleet.prometheus.labelValues('maya_active_sessions', 'container')
    expect(containers).toHaveLength(3)
    expect(await emptyOf({ containers, interval: '5m' })).toEqual(Object.keys(unseen))
    const [one = ''] = containers
    const ofOne = filled('count by (container) (maya_active_sessions{container=~"$container"})', {
      containers: [one],
      interval: '5m',
    })
    const shown = await fleet.prometheus.queryRange(ofOne, range)
    expect(shown.map(({ labels }) => labels)).toEqual([{ container: one }])
    const ofNobody = await emptyOf({ containers: ['nobody'], interval: '5m' })
    const withContainer = panelQueries.filter(({ expr }) => expr.includes('$container'))
    expect(withContainer.map(({ name }) => name).filter((name) => !ofNobody.includes(name))).toEqual([])
  })

  const decided = rules.filter(({ name }) => !(name in either))
  it.each(decided)('answers $name, or there is a reason', async ({ name, expr }) => {
    const reason = name === 'MayaMemoryPressure' ? await whyNoPressure() : quiet[name]
    expect([name, await isAnswered(expr)]).toEqual([name, reason === undefined])
  })

  it('knows every alert that is said to be quiet or not to matter', () => {
    const names = rules.map(({ name }) => name)
    expect(Object.keys({ ...quiet, ...either }).filter((name) => !names.includes(name))).toEqual([])
  })
})
