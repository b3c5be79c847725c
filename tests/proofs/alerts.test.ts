// Prometheus itself judges the alerts: each fires when it should and stays quiet when it should not, for containers that
// are scraped one by one and for the fleet behind one address.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readRules, rulesFile, rulesOf } from '../grafana/alert-rules.ts'
import { chaptersOf, queriesIn } from '../grafana/runbook.ts'
import { quietEvening, scenes, type Scene, type Series } from './alert-scenes.ts'
import { judgeRules, promtool, type RuleTest } from './promtool.ts'

const rules = readRules()
const alertNames = rules.filter(({ kind }) => kind === 'alert').map(({ name }) => name)
const ways = ['direct', 'fleet'] as const

type Way = (typeof ways)[number]

/** The labels that Prometheus and the fleet add to the series of a container. */
function labelsOf(name: string, container: string, way: Way): string {
  if (way === 'direct') return `job="maya",instance="10.0.0.${container}:8000"`
  const target = 'job="maya",instance="bar.example:443"'
  return /^(?:up|maya_fleet_(?:board_up|containers))$/.test(name)
    ? target
    : `${target},container="ta-${container}"`
}

function inputSeries(series: Series, way: Way): RuleTest['input_series'] {
  const hasTarget = Object.keys(series).some((key) => /^up\b/.test(key))
  return Object.entries(hasTarget ? series : { up: '1x400', ...series }).map(([key, values]) => {
    const [, name = '', own = '', container = '1'] = /^(\w+)(?:\{(.*)\})?(?:@(\d))?$/.exec(key) ?? []
    const added = own.includes('job=') ? 'instance="10.0.0.9:8000"' : labelsOf(name, container, way)
    return { series: `${name}{${[own, added].filter((labels) => labels !== '').join()}}`, values }
  })
}

function testsOf(alertname: string, scene: Scene): readonly RuleTest[] {
  return ways
    .filter((way) => scene.only === undefined || scene.only === way)
    .map((way) => ({
      name: `${scene.fires ? 'fires' : 'is quiet'}: ${scene.what} (${way})`,
      interval: '1m',
      input_series: inputSeries(scene.series, way),
      promql_expr_test: [
        {
          expr: `count(ALERTS{alertname="${alertname}",alertstate="firing"})`,
          eval_time: `${scene.atMinutes}m`,
          exp_samples: scene.fires ? [{ labels: '{}', value: 1 }] : [],
        },
      ],
    }))
}

/** How often the rules are evaluated in these scenes: where they take hours, nothing goes by the minute. */
function everyMinutes(own: readonly Scene[]): number {
  return own.every(({ atMinutes }) => atMinutes >= 60) ? 5 : 1
}

function judgeScenes(alertname: string, own: readonly Scene[]) {
  return judgeAlert(
    alertname,
    own,
    own.flatMap((scene) => testsOf(alertname, scene)),
  )
}

function judgeAlert(alertname: string, own: readonly Scene[], tests: readonly RuleTest[]) {
  return judgeRules(tests, { rules: rulesOf(alertname), everyMinutes: everyMinutes(own) })
}

describe('promtool', () => {
  it('finds the rules right, and as many as are read here', () => {
    const { status, output } = promtool(['check', 'rules', rulesFile])
    expect(output).toContain(`SUCCESS: ${rules.length} rules found`)
    expect(status).toBe(0)
  })

  it('would say that an alert did not do what is expected', () => {
    const wrong = (scenes['MayaMemoryPressure'] ?? []).map((scene) => ({ ...scene, fires: !scene.fires }))
    const { status, output } = judgeScenes('MayaMemoryPressure', wrong)
    expect([status, output]).toEqual([1, expect.stringContaining('FAILED')])
  })
})

describe('the alerts', () => {
  it('all have scenes in which they fire, and in which they do not, both ways of scraping', () => {
    expect(new Set(Object.keys(scenes))).toEqual(new Set(alertNames))
    for (const own of Object.values(scenes)) {
      expect(new Set(own.map((scene) => scene.fires))).toEqual(new Set([true, false]))
    }
  })

  it.each(Object.entries(scenes))('%s fires when it should, and else stays quiet', (alertname, own) => {
    const { status, output } = judgeScenes(alertname, own)
    expect(output).toContain('SUCCESS')
    expect(status).toBe(0)
  })

  it.each(ways)('are all quiet on a quiet evening (%s)', (way) => {
    const series = Object.entries(quietEvening).flatMap(([key, values]) => [
      [key, values] as const,
      [`${key}@2`, values] as const,
    ])
    // The board of the fleet is one.
    const once = series.filter(
      ([key]) => way === 'direct' || !/^maya_fleet_(?:board_up|containers)@2$/.test(key),
    )
    const minutes = [5, 10, 20, 30]
    const verdict = judgeRules([
      {
        interval: '1m',
        input_series: inputSeries(Object.fromEntries(once), way),
        promql_expr_test: [
          ...minutes.map((minute) => ({ expr: 'ALERTS', eval_time: `${minute}m`, exp_samples: [] })),
          // What is recorded is there, so that it is not for lack of values.
          ...rules
            .filter(({ kind }) => kind === 'record')
            .map(({ name }) => ({
              expr: `count(${name} >= 0) > bool 0`,
              eval_time: '30m',
              exp_samples: [{ labels: '{}', value: 1 }],
            })),
        ],
      },
    ])
    expect(verdict.output).toContain('SUCCESS')
    expect(verdict.status).toBe(0)
  })

  it.each(ways)('name what they are about (%s)', (way) => {
    const place = way === 'direct' ? '10.0.0.1:8000' : 'ta-1'
    const expected = {
      summary: `${place} is under memory pressure`,
      description:
        'For five minutes its memory is past the threshold. It admits no session, and nothing but the rest of the ' +
        'memory stands between it and being killed.',
      runbook_url: 'docs/runbook.md#mayamemorypressure',
    }
    const container = way === 'direct' ? {} : { container: 'ta-1' }
    const instance = way === 'direct' ? '10.0.0.1:8000' : 'bar.example:443'
    const verdict = judgeRules([
      {
        interval: '1m',
        input_series: inputSeries({ maya_container_memory_pressure: '1x9' }, way),
        alert_rule_test: [
          {
            alertname: 'MayaMemoryPressure',
            eval_time: '6m',
            exp_alerts: [
              {
                exp_labels: { job: 'maya', severity: 'page', instance, ...container },
                exp_annotations: expected,
              },
            ],
          },
        ],
      },
    ])
    expect(verdict.output).toContain('SUCCESS')
    expect(verdict.status).toBe(0)
  })

  it.each(Object.entries(scenes))('%s is told in whole sentences', (alertname, own) => {
    // promtool shows what it got where something else was expected.
    const tests = own
      .filter((scene) => scene.fires)
      .flatMap((scene) =>
        testsOf(alertname, scene).map(({ interval, input_series }) => ({
          interval,
          input_series,
          alert_rule_test: [{ alertname, eval_time: `${scene.atMinutes}m`, exp_alerts: [] }],
        })),
      )
    const { output } = judgeAlert(alertname, own, tests)
    const told = [
      ...output.matchAll(/Annotations:\{description="(.*?)", runbook_url=".*?", summary="(.*?)"\}/g),
    ]
    expect(told.length).toBe(tests.length)
    for (const text of told.flatMap(([, ...texts]) => texts)) {
      expect(text).toMatch(/^\S.{10,}\S$/)
      expect(text).not.toMatch(/error expanding|<no value>|\{\{|NaN|Inf|  /)
    }
  })
})

describe('the runbook', () => {
  const chapters = chaptersOf(readFileSync('docs/runbook.md', 'utf8'))

  it('asks what Prometheus understands', () => {
    const queries = chapters.flatMap(({ text }) => queriesIn(text))
    const promql_expr_test = queries.map((expr) => ({ expr, eval_time: '0m', exp_samples: [] }))
    const verdict = judgeRules([{ interval: '1m', input_series: [], promql_expr_test }])
    expect(verdict.output).toContain('SUCCESS')
    expect(verdict.status).toBe(0)
  })
})
