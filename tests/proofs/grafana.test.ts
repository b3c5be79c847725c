// What promtool says to the queries of the dashboards without a fleet, and to what grafana/compose.yaml gives Prometheus.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { scrape, seriesOf } from '../fakes/exposition.ts'
import { newGuest } from '../fakes/guest.ts'
import { startService } from '../fakes/test-service.ts'
import { filled, panelQueries } from '../grafana/panel-queries.ts'
import { temporaryDirectory } from '../process/server-process.ts'
import { writeConfiguration } from './prometheus-configuration.ts'
import { promtool } from './promtool.ts'

/** Whether each expression has an answer, ten minutes after the first of these series by their values. */
function answers(all: readonly string[], series: Readonly<Record<string, string>>) {
  const file = join(temporaryDirectory(), 'answers.json')
  const test = {
    interval: '15s',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    promql_expr_test: all.map((expr) => ({
      expr: `vector(1) and on () (${expr})`,
      eval_time: '10m',
      exp_samples: [{ labels: '{}', value: 1 }],
    })),
  }
  writeFileSync(file, JSON.stringify({ rule_files: [], tests: [test] }))
  return promtool(['test', 'rules', file])
}

/** Has an answer unless the expression's is infinite or not a number. */
function onlyNumbers(expr: string): string {
  return `vector(1) unless on () ((${expr}) != (${expr}) or abs(${expr}) == Inf)`
}

function growing(series: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(series.map((name) => [name, '0+1x60']))
}

/** What Prometheus adds to what it scrapes. */
const builtIn = ['up{job="maya"}', 'ALERTS{alertname="MayaTest", alertstate="firing"}']
/** What has no series before the first collection and the first failing answer. */
const late = [
  'nodejs_gc_duration_seconds_sum{kind="minor"}',
  'maya_http_request_duration_seconds_count{method="POST", route="/api/v1/sessions", status="503"}',
]

describe('the queries of the dashboards', () => {
  const all = panelQueries.map(({ expr }) => filled(expr, { containers: null, interval: '5m' }))

  it('have an answer where one container is scraped by itself, but for the store of the fleet', async () => {
    const service = await startService()
    await newGuest(service)
    const series = [...seriesOf(await scrape(service)).keys(), ...late, ...builtIn]
    const ofOne = all.filter((expr) => !expr.includes('maya_fleet_board_up'))
    expect(answers(ofOne, growing(series))).toEqual({ status: 0, output: expect.any(String) })
  })

  it('have only numbers for an answer before anybody has come', async () => {
    const resting = [...seriesOf(await scrape(await startService()))]
    const series = Object.fromEntries(resting.map(([name, value]) => [name, `${value}+0x60`]))
    expect(answers(all.map(onlyNumbers), series)).toEqual({ status: 0, output: expect.any(String) })
  })

  it('would be told from those that have none, or no numbers', () => {
    for (const expr of ['sum(maya_active_sessions)', onlyNumbers('0 * up / 0'), onlyNumbers('up / 0')]) {
      const { status, output } = answers([expr], growing(builtIn))
      expect([expr, status, output]).toEqual([expr, 1, expect.stringContaining('got: nil')])
    }
  })
})

describe('the configuration of Prometheus', () => {
  it('is one, with all rules', () => {
    const { status, output } = promtool([
      'check',
      'config',
      writeConfiguration(temporaryDirectory(), 'https://bar.example'),
    ])
    expect([status, output]).toEqual([0, expect.stringContaining('SUCCESS: 1 rule files found')])
  })

  it.each([
    ['https://bar.example', 'https', /^bar\.example(:443)?$/],
    ['https://bar.example/', 'https', /^bar\.example(:443)?$/],
    ['https://bar.example:8443', 'https', /^bar\.example:8443$/],
    ['https://bar.example/maya', 'https', /^bar\.example(:443)?$/, '/maya/metrics/fleet'],
    ['https://bar.example:8443/city/maya/', 'https', /^bar\.example:8443$/, '/city/maya/metrics/fleet'],
    ['https://[2001:db8::7]:8443', 'https', /^\[2001:db8::7\]:8443$/],
    ['http://localhost:8000', 'http', /^host\.docker\.internal:8000$/],
    ['http://127.0.0.1', 'http', /^host\.docker\.internal(:80)?$/],
    ['http://[::1]:8000/', 'http', /^host\.docker\.internal:8000$/],
  ])('makes of MAYA_URL=%s a scrape of the fleet by %s at %s', (...row) => {
    const [url, scheme, address, path = '/metrics/fleet'] = row

    const file = writeConfiguration(temporaryDirectory(), url)
    const { status, output } = promtool(['check', 'service-discovery', '--timeout=1s', file, 'maya'])
    expect([status, output]).toEqual([0, expect.any(String)])
    const found: unknown = JSON.parse(output.slice(0, output.indexOf('\n]') + 2))
    expect(found).toMatchObject([
      {
        labels: {
          __scheme__: scheme,
          __address__: expect.stringMatching(address),
          __metrics_path__: path,
          job: 'maya',
        },
      },
    ])
  })
})
