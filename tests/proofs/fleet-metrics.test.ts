// Prometheus itself judges the metrics of the fleet: promtool reads them, and computes rates over scrapes that reach one
// container at random, as they do behind a load balancer.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { gaugeText, mergeTexts, withLabel } from '../../src/metrics/exposition.ts'
import { createMemoryBoard } from '../../src/store/memory-board.ts'
import { scrape, seriesOf } from '../fakes/exposition.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { startService } from '../fakes/test-service.ts'
import { facts } from '../fakes/test-settings.ts'
import { unreachableBoard } from '../fakes/unreachable-board.ts'
import { temporaryDirectory } from '../process/server-process.ts'
import { Random } from '../simulation/random.ts'
import { promtool } from './promtool.ts'

const scrapeSeconds = 15
const secondsPerSession = 5
const counter = 'maya_sessions_created_total'

async function startFleet() {
  const clock = new FakeClock()
  const board = createMemoryBoard({ clock, containersMax: 10, textBytesMax: 1024 * 1024 })
  const environment = { MAYA_SESSIONS_PER_CONTAINER: '1000' }

  async function startContainer(containerName: string) {
    const process = { isDead: false }
    const service = await startService({
      clock,
      board: unreachableBoard(board, () => process.isDead),
      environment,
      facts: { ...facts, containerName },
    })
    const openSession = async () => {
      const { statusCode } = await service.app.inject({ method: 'POST', url: '/api/v1/sessions' })
      if (statusCode !== 201) throw new Error(`A session was refused with ${statusCode}.`)
    }
    return { service, openSession, kill: () => (process.isDead = true) }
  }
  return { clock, startContainer }
}

type Container = Awaited<ReturnType<Awaited<ReturnType<typeof startFleet>>['startContainer']>>

/** What Prometheus keeps of scrapes: each series with a value for each scrape, or none. */
class Scrapes {
  readonly #scrapes: ReadonlyMap<string, number>[] = []

  add(series: ReadonlyMap<string, number>): void {
    this.#scrapes.push(series)
  }

  /** In promtool's notation: `_` where a series is not there yet, `stale` from when it has gone. */
  get series(): readonly { readonly series: string; readonly values: string }[] {
    const names = new Set(this.#scrapes.flatMap((scraped) => [...scraped.keys()]))
    return [...names].map((series) => {
      const values = this.#scrapes.map((scraped) => scraped.get(series))
      const first = values.findIndex((value) => value !== undefined)
      return { series, values: values.map((value, at) => value ?? (at < first ? '_' : 'stale')).join(' ') }
    })
  }
}

/**
 * Twelve minutes in which every container opens a session every five seconds: `b` closes after four, `c` is killed after
 * seven, `d` starts after eight. Every quarter of a minute one of those who live is scraped.
 */
async function run(path: string): Promise<Scrapes> {
  const { clock, startContainer } = await startFleet()
  const random = new Random(6)
  const scrapes = new Scrapes()
  const [a, b, c] = [await startContainer('a'), await startContainer('b'), await startContainer('c')]
  const living = new Set<Container>([a, b, c])
  for (let second = 0; second <= 12 * 60; second++) {
    if (second === 4 * 60 + 2) {
      living.delete(b)
      const closed = b.service.close(0)
      await clock.advanceAsync(0)
      await closed
    }
    if (second === 7 * 60 + 2) {
      living.delete(c)
      c.kill()
    }
    if (second === 8 * 60 + 2) living.add(await startContainer('d'))
    if (second % secondsPerSession === 0) for (const { openSession } of living) await openSession()
    if (second % scrapeSeconds === 0) {
      const families = await scrape(random.pick([...living]).service, path)
      scrapes.add(seriesOf(families.filter(({ name }) => name === counter)))
    }
    await clock.advanceAsync(1000)
  }
  return scrapes
}

/** What Prometheus computes of these expressions at these moments, each of which is a truth, as 1, or not. */
function judge(scrapes: Scrapes, questions: readonly { readonly expr: string; readonly at: string }[]) {
  const file = join(temporaryDirectory(), 'fleet.json')
  const promql_expr_test = questions.map(({ expr, at }) => ({
    expr,
    eval_time: at,
    exp_samples: [{ labels: '{}', value: 1 }],
  }))
  const tests = [{ interval: `${scrapeSeconds}s`, input_series: scrapes.series, promql_expr_test }]
  writeFileSync(file, JSON.stringify({ evaluation_interval: `${scrapeSeconds}s`, tests }))
  return promtool(['test', 'rules', file])
}

/** Sessions a second, within what comes of samples that are up to ten seconds old. */
function isRate(containers: number): string {
  const [from, to] = [0.87, 1.13].map((part) => (part * containers) / secondsPerSession)
  return `(sum(rate(${counter}[2m])) > bool ${from}) * (sum(rate(${counter}[2m])) < bool ${to})`
}

describe('sum(rate()) over the fleet', () => {
  const never = `max_over_time(sum(rate(${counter}[2m]))[11m:15s]) < bool ${(3 * 1.13) / secondsPerSession}`
  const noResets = `sum(resets(${counter}[12m])) == bool 0`

  it('stays true while containers close, die and start, whoever is scraped', async () => {
    const verdict = judge(await run('/metrics/fleet'), [
      { expr: isRate(3), at: '4m' },
      { expr: isRate(2), at: '7m' },
      { expr: isRate(2), at: '11m' },
      { expr: isRate(2), at: '12m' },
      { expr: never, at: '12m' },
      { expr: noResets, at: '12m' },
      // The series of those who left have gone; those of the others have not.
      { expr: `count(${counter}) == bool 3`, at: '4m' },
      { expr: `count(${counter}) == bool 2`, at: '4m15s' },
      { expr: `count(${counter}) == bool 1`, at: '7m45s' },
      { expr: `count(${counter}) == bool 2`, at: '8m15s' },
    ])
    expect(verdict.output).toContain('SUCCESS')
    expect(verdict.status).toBe(0)
  })

  it('would not, if every scrape showed only the container that it reached', async () => {
    const scrapes = await run('/metrics')
    expect(judge(scrapes, [{ expr: never, at: '12m' }]).output).toContain('FAILED')
    expect(judge(scrapes, [{ expr: noResets, at: '12m' }]).output).toContain('FAILED')
  })
})

describe('promtool', () => {
  /** Of names: those of prom-client, and of ours that dashboards already know. Every other objection is a fault. */
  const known = [
    /^nodejs_active_\w+_total non-counter metrics should not have "_total" suffix$/,
    /^maya_(?:config_memory_mb|container_memory_available_mb) metric names should not contain abbreviated units$/,
    /^maya_rag_document_count non-histogram and non-summary metrics should not have "_count" suffix$/,
    /^maya_event_loop_delay_seconds non-summary metrics should not have "quantile" label$/,
  ]

  it('reads the text of a fleet without an objection, but for names that are not ours to change', async () => {
    const { clock, startContainer } = await startFleet()
    const [one, other] = [await startContainer('one'), await startContainer('o"th\\er')]
    await one.openSession()
    await clock.advanceAsync(10_000)
    const { body } = await other.service.app.inject('/metrics/fleet')
    const { status, output } = promtool(['check', 'metrics'], body)
    expect([0, 3]).toContain(status)
    const objections = output.split('\n').filter((line) => line !== '')
    expect(objections.filter((line) => !known.some((pattern) => pattern.test(line)))).toEqual([])
  })

  it('reads values of labels that try to be something else', () => {
    const hostile = ['\n# TYPE x counter\nx 1', '",container="b', '} 1', '\\', '\\"', '\r\u2028x 1', '']
    const texts = hostile.map((value) => withLabel(gaugeText('maya_x', 'A word.', 1), 'container', value))
    const { status, output } = promtool(['check', 'metrics'], mergeTexts(texts))
    expect([status, output]).toEqual([0, ''])
  })

  it('would object to a text that is not valid', () => {
    const text = gaugeText('maya_x', 'A word.', 1)
    expect(promtool(['check', 'metrics'], text + text).status).toBe(1)
  })
})
