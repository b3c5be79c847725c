// What Prometheus itself says to the queries of the dashboards and to what grafana/compose.yaml gives it.
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { dashboards } from '../../grafana/source/dashboards.ts'
import { scrape, seriesOf } from '../fakes/exposition.ts'
import { newGuest } from '../fakes/guest.ts'
import { startService } from '../fakes/test-service.ts'
import { temporaryDirectory } from '../process/server-process.ts'
import { promtool } from './promtool.ts'

const expressions = Object.values(dashboards).flatMap(({ panels }) =>
  panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
)

/** With Grafana's variables replaced as it would do. */
function expressionsFor(containers: string): readonly string[] {
  return expressions.map((expr) => expr.replaceAll('$container', containers).replaceAll('$interval', '5m'))
}

/** Has these expressions checked as rules, which is the only way that promtool reads them without a server. */
function check(all: readonly string[]) {
  const file = join(temporaryDirectory(), 'expressions.json')
  const rules = all.map((expr, index) => ({ record: `query_${index}`, expr }))
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'queries', rules }] }))
  return promtool(['check', 'rules', file])
}

/** Whether each expression has an answer ten minutes after every one of these series began to grow. */
function answers(all: readonly string[], series: readonly string[]) {
  const file = join(temporaryDirectory(), 'answers.json')
  const test = {
    interval: '15s',
    input_series: series.map((name) => ({ series: name, values: '0+1x60' })),
    promql_expr_test: all.map((expr) => ({
      expr: `vector(1) and on () (${expr})`,
      eval_time: '10m',
      exp_samples: [{ labels: '{}', value: 1 }],
    })),
  }
  writeFileSync(file, JSON.stringify({ rule_files: [], tests: [test] }))
  return promtool(['test', 'rules', file])
}

/** What Prometheus adds to what it scrapes. */
const builtIn = ['up{job="maya"}', 'ALERTS{alertname="MayaTest", alertstate="firing"}']
/** What has no series before the first collection and the first failing answer. */
const late = [
  'nodejs_gc_duration_seconds_sum{kind="minor"}',
  'maya_http_request_duration_seconds_count{method="POST", route="/api/v1/sessions", status="503"}',
]

async function seriesOfServer(): Promise<readonly string[]> {
  const service = await startService()
  await newGuest(service)
  return [...seriesOf(await scrape(service)).keys(), ...late]
}

function withContainer(series: string): string {
  return series.endsWith('}') ? series.replace('{', '{container="bar-1", ') : `${series}{container="bar-1"}`
}

describe('the queries of the dashboards', () => {
  it('are PromQL', () => {
    const { status, output } = check(expressionsFor('(bar-1|bar-2)'))
    expect([status, output]).toEqual([
      0,
      expect.stringContaining(`SUCCESS: ${expressions.length} rules found`),
    ])
  })

  it('would not be taken with one bracket less', () => {
    const [first = '', ...others] = expressionsFor('.*')
    expect(check([first.replace(/\)([^)]*)$/, '$1'), ...others]).status).toBe(1)
  })

  it('have an answer for a container of the fleet', async () => {
    const ofFleet = (await seriesOfServer()).map(withContainer)
    const series = [...ofFleet, ...builtIn, 'maya_fleet_board_up', 'maya_fleet_containers']
    expect(answers(expressionsFor('(bar-1|bar-2)'), series)).toEqual({
      status: 0,
      output: expect.any(String),
    })
  })

  it('have an answer where one container is scraped, but for the store of the fleet', async () => {
    const ofOne = expressionsFor('.*').filter((expr) => !expr.includes('maya_fleet_board_up'))
    const series = [...(await seriesOfServer()), ...builtIn]
    expect(answers(ofOne, series)).toEqual({ status: 0, output: expect.any(String) })
  })

  it('have none for a container that is not there', async () => {
    const series = (await seriesOfServer()).map(withContainer)
    const { status, output } = answers(['sum(maya_active_sessions{container=~"bar-3"})'], series)
    expect([status, output]).toEqual([1, expect.stringContaining('got: nil')])
  })
})

describe('the configuration of Prometheus', () => {
  it('is one, with all rules', () => {
    const { status, output } = promtool([
      'check',
      'config',
      join(configuration('https://bar.example'), 'prometheus.yml'),
    ])
    expect([status, output]).toEqual([0, expect.stringContaining('SUCCESS: 1 rule files found')])
  })

  it.each([
    ['https://bar.example', 'https', /^bar\.example(:443)?$/],
    ['https://bar.example/', 'https', /^bar\.example(:443)?$/],
    ['https://bar.example:8443', 'https', /^bar\.example:8443$/],
    ['http://localhost:8000', 'http', /^host\.docker\.internal:8000$/],
    ['http://127.0.0.1', 'http', /^host\.docker\.internal(:80)?$/],
  ])('makes of MAYA_URL=%s a scrape of the fleet by %s at %s', (url, scheme, address) => {
    const file = join(configuration(url), 'prometheus.yml')
    const { status, output } = promtool(['check', 'service-discovery', '--timeout=1s', file, 'maya'])
    expect([status, output]).toEqual([0, expect.any(String)])
    const found: unknown = JSON.parse(output.slice(0, output.indexOf('\n]') + 2))
    expect(found).toMatchObject([
      {
        labels: {
          __scheme__: scheme,
          __address__: expect.stringMatching(address),
          __metrics_path__: '/metrics/fleet',
          job: 'maya',
        },
      },
    ])
  })
})

/** A directory as grafana/compose.yaml puts it together in the container. */
function configuration(url: string): string {
  const directory = temporaryDirectory()
  const compose = readFileSync('grafana/compose.yaml', 'utf8')
  for (const [, from = '', to = ''] of compose.matchAll(/^ +- \.\/(\S+):\/etc\/prometheus\/(\S+):ro$/gm)) {
    cpSync(join('grafana', from), join(directory, to), { recursive: true })
  }
  const [, target = ''] = /^ +content: \|\n +(.*)$/m.exec(compose) ?? []
  writeFileSync(join(directory, 'target.yml'), `${target.replace(/\$\{MAYA_URL:\?[^}]*\}/, url)}\n`)
  writeFileSync(join(directory, 'token'), 'none')
  return directory
}
