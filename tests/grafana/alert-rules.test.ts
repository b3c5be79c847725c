// The rules, the runbook and the code are compared, so that none is changed alone.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { limits } from '../../src/config/limits.ts'
import { scrape, type Family } from '../fakes/exposition.ts'
import { shareService } from '../fakes/test-service.ts'
import { readRules } from './alert-rules.ts'
import { partsOf, type Selector } from './expression.ts'
import { chaptersOf, queriesIn } from './runbook.ts'

const rules = readRules()
const alerts = rules.filter(({ kind }) => kind === 'alert')
const chapters = chaptersOf(readFileSync('docs/runbook.md', 'utf8'))
const families = await catalogue()

/** Every family that a container has once it was asked for something, or the fleet. */
async function catalogue(): Promise<ReadonlyMap<string, Family>> {
  const service = await shareService()
  await service.app.inject('/api/v1/menu')
  const all = [...(await scrape(service, '/metrics/fleet')), ...(await scrape(service))]
  return new Map(all.map((family) => [family.name, family]))
}

/** Those of metrics that a container shows: what is recorded, and what Prometheus itself knows, is none. */
function selectorsIn(expr: string): readonly Selector[] {
  return partsOf(expr).selectors.filter(({ metric }) => /^(?:maya|nodejs|process)_\w+$/.test(metric))
}

function familyOf(metric: string): Family | undefined {
  return families.get(metric) ?? families.get(metric.replace(/_(?:bucket|sum|count)$/, ''))
}

/** What is wrong with a selector by what the code shows, if anything. */
function faultOf({ metric, matchers }: Selector): string | undefined {
  const all = familyOf(metric)?.samples
  const samples = all?.filter(({ name }) => name === metric) ?? []
  // Collections of garbage have no sample before the first one.
  const isWaiting = all?.length === 0 && matchers.length === 0
  if (samples.length === 0 && !isWaiting) return `${metric} does not exist`
  for (const { label, values } of matchers) {
    const shown = samples.map(({ labels }) => labels[label])
    if (shown.every((value) => value === undefined)) return `${metric} has no label ${label}`
    const missing = values.filter((value) => !shown.includes(value))
    if (missing.length > 0) return `${metric} has no ${label} ${missing.join()}`
  }
  return undefined
}

function faultsOf(expr: string): readonly string[] {
  return selectorsIn(expr).flatMap((selector) => faultOf(selector) ?? [])
}

/** The labels that an expression groups by and that nothing in it has. */
function strayLabelsIn(expr: string): readonly string[] {
  const known = new Set(['job', 'instance', 'container'])
  for (const { metric } of selectorsIn(expr)) {
    for (const { labels } of familyOf(metric)?.samples ?? [])
      for (const label of Object.keys(labels)) known.add(label)
  }
  const labels = partsOf(expr).groupings.flat()
  return labels.filter((label) => !known.has(label))
}

describe('the rules', () => {
  it.each(rules)('$name reads only what the code shows', ({ expr }) => {
    expect(expr).not.toBe('')
    expect(faultsOf(expr)).toEqual([])
    expect(strayLabelsIn(expr)).toEqual([])
  })

  it('would be refused for a metric, a label or a value that does not exist', () => {
    expect(faultsOf('rate(maya_turn_total[5m])')).toEqual(['maya_turn_total does not exist'])
    expect(faultsOf('maya_turns_total{result="failed"}')).toEqual(['maya_turns_total has no label result'])
    expect(faultsOf('maya_turns_total{outcome=~"failed|broken"}')).toEqual([
      'maya_turns_total has no outcome broken',
    ])
    expect(strayLabelsIn('sum by (job, outcom) (maya_turns_total)')).toEqual(['outcom'])
  })

  it('use what they record, and nothing that is not recorded', () => {
    const recorded = rules.filter(({ kind }) => kind === 'record').map(({ name }) => name)
    const used = alerts.flatMap(({ expr }) => expr.match(/\w+:maya_\w+:\w+/g) ?? [])
    expect(new Set(used)).toEqual(new Set(recorded))
  })

  it('know how many containers the fleet can show', () => {
    const incomplete = alerts.find(({ name }) => name === 'MayaFleetIncomplete')
    expect(incomplete?.expr).toContain(`maya_fleet_containers >= ${limits.fleetContainersMax}`)
  })

  it.each(alerts)('$name says what it is, to whom and where to read on', (alert) => {
    expect(alert.name).toMatch(/^Maya[A-Z]\w+$/)
    expect(alert.severity).toMatch(/^(?:page|ticket)$/)
    expect(alert.summary).not.toBe('')
    expect(alert.description).toMatch(/\.(?:\{\{ end \}\})?$/)
    expect(alert.runbookUrl).toBe(`docs/runbook.md#${alert.name.toLowerCase()}`)
  })
})

describe('the runbook', () => {
  it('has a chapter for every alert, in the same order, and for nothing else', () => {
    expect(chapters.map(({ name }) => name)).toEqual(alerts.map(({ name }) => name))
  })

  it.each(chapters)('$name says how urgent it is, what guests notice, and what to do', ({ name, text }) => {
    const severity = alerts.find((alert) => alert.name === name)?.severity
    expect(text).toContain(`**Severity:** ${severity}.`)
    for (const part of ['Guests', 'See it', 'Likely causes', 'First', 'Then']) {
      expect(text).toContain(`**${part}:**`)
    }
    expect(queriesIn(text).length).toBeGreaterThan(0)
  })

  it.each(chapters)('$name asks only for what the code shows', ({ text }) => {
    expect(queriesIn(text).flatMap(faultsOf)).toEqual([])
    expect(queriesIn(text).flatMap(strayLabelsIn)).toEqual([])
    const named = [...text.matchAll(/`(maya_\w+(?:\{[^`]*\})?)`/g)].map(([, selector = '']) => selector)
    expect(named.flatMap(faultsOf)).toEqual([])
  })
})
