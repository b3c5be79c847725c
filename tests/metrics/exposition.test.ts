import * as fc from 'fast-check'
import { Counter, Gauge, Histogram, Registry, Summary } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { gaugeText, mergeTexts, withLabel } from '../../src/metrics/exposition.ts'
import { parseExposition, type Family } from '../fakes/exposition.ts'

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '\n# HELP maya_turns_total x\n# TYPE maya_turns_total counter\nmaya_turns_total 1',
    '\rmaya_turns_total 1',
    '\u2028maya_turns_total{a="b"} 1',
    '",container="other',
    '} 1',
    '{',
    '\\',
    '\\"',
    '\\n',
    '$1 $&',
    ' ',
    '',
  ),
)

/** One metric, as every container defines it, and the samples of one container. */
const metric = fc.record({
  kind: fc.constantFrom('counter', 'gauge', 'histogram', 'summary'),
  help: fc.constantFrom('A word.', 'With \\ and "quotes".', 'On two\nlines.', 'With \r and {braces} 1'),
  labels: fc.uniqueArray(fc.constantFrom('outcome', 'route', 'container_name', '_c', 'le2'), {
    maxLength: 3,
  }),
})
const observations = fc.array(
  fc.record({ labels: fc.array(hostile, { minLength: 3, maxLength: 3 }), value: fc.double({ noNaN: true }) }),
  { maxLength: 4 },
)

type Metric = typeof metric extends fc.Arbitrary<infer Value> ? Value : never
type Observation = typeof observations extends fc.Arbitrary<readonly (infer Value)[]> ? Value : never

function observe(registry: Registry, defined: Metric & { name: string }, seen: readonly Observation[]): void {
  const { kind, name, help, labels: labelNames } = defined
  const options = { name, help, labelNames, registers: [registry] }
  const labelsOf = ({ labels }: Observation) =>
    Object.fromEntries(labelNames.map((label, at) => [label, labels[at] ?? '']))
  if (kind === 'counter') {
    const counter = new Counter(options)
    for (const one of seen) counter.inc(labelsOf(one), finite(Math.abs(one.value)))
  } else if (kind === 'gauge') {
    const gauge = new Gauge(options)
    for (const one of seen) gauge.set(labelsOf(one), one.value)
  } else {
    const timed =
      kind === 'histogram' ? new Histogram({ ...options, buckets: [0, 1.5] }) : new Summary(options)
    for (const one of seen) timed.observe(labelsOf(one), finite(one.value))
  }
}

/** Only gauges take everything. */
function finite(value: number): number {
  return Number.isFinite(value) ? value : 1e21
}

async function textOf(
  metrics: readonly Metric[],
  seen: readonly (readonly Observation[])[],
): Promise<string> {
  const registry = new Registry()
  metrics.forEach((each, at) => observe(registry, { ...each, name: `maya:m${at}_total` }, seen[at] ?? []))
  return registry.metrics()
}

const containers = ['a', 'b" ,x="\n\\', 'c']

/** What the merged text has to say, by way of the parser instead of the text. */
function expected(metrics: readonly Metric[], own: readonly (readonly Family[])[]): readonly Family[] {
  return metrics.flatMap((_, at) => {
    const families = own.map((of) => of[at]).filter((family) => family !== undefined)
    const samples = families.flatMap((family, index) =>
      family.samples.map(({ labels, ...sample }) => ({
        ...sample,
        labels: { container: escaped(containers[index] ?? ''), ...labels },
      })),
    )
    return families.slice(0, 1).map((first) => ({ ...first, samples }))
  })
}

/** The parser shows the values as they stand there. */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

describe('the texts of several containers', () => {
  it('become one that has every sample of each with one label more, and each family once', async () => {
    const fleet = fc.record({
      metrics: fc.array(metric, { minLength: 1, maxLength: 4 }),
      seen: fc.array(fc.array(observations, { maxLength: 4 }), {
        minLength: 1,
        maxLength: containers.length,
      }),
    })
    await fc.assert(
      fc.asyncProperty(fleet, async ({ metrics, seen }) => {
        const texts = await Promise.all(seen.map((own) => textOf(metrics, own)))
        const merged = mergeTexts(texts.map((text, at) => withLabel(text, 'container', containers[at] ?? '')))
        expect(parseExposition(merged)).toEqual(expected(metrics, texts.map(parseExposition)))
      }),
      { numRuns: 300 },
    )
  })

  it('are one text that stays as it is when it is merged again', async () => {
    const text = await textOf(
      [{ kind: 'histogram', help: 'A word.', labels: ['route'] }],
      [[{ labels: ['/x'], value: 1 }]],
    )
    const merged = mergeTexts([withLabel(text, 'container', 'a'), withLabel(text, 'container', 'b')])
    expect(mergeTexts([merged])).toBe(merged)
  })

  it('keep the first description of a family, and leave out samples of another type', () => {
    const old = '# HELP maya_x Old.\n# TYPE maya_x gauge\nmaya_x{container="a"} 1\n'
    const same = '# HELP maya_x New.\n# TYPE maya_x gauge\nmaya_x{container="b"} 2\n'
    const other = '# HELP maya_x Old.\n# TYPE maya_x counter\nmaya_x{container="c"} 3\n'
    expect(mergeTexts([old, same, other])).toBe(
      '# HELP maya_x Old.\n# TYPE maya_x gauge\nmaya_x{container="a"} 1\nmaya_x{container="b"} 2\n',
    )
  })

  it('may have families that only some have, or none at all', () => {
    const one = gaugeText('maya_one', 'One.', 1)
    const two = gaugeText('maya_two', 'Two.', 2)
    expect(parseExposition(mergeTexts([one, '\n', two, ''])).map(({ name }) => name)).toEqual([
      'maya_one',
      'maya_two',
    ])
    expect(mergeTexts([])).toBe('')
  })

  it('are refused where one is no text of metrics', () => {
    expect(() => mergeTexts(['<html>'])).toThrow('without help or type')
    expect(() => mergeTexts(['# HELP maya_x A word.\nmaya_x 1\n'])).toThrow('without help or type')
  })
})
