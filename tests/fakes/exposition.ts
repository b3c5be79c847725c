import type { Service } from '../../src/service.ts'

/** The samples that each type has, by the end of their names. */
const endings = {
  counter: [''],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
} as const

type MetricType = keyof typeof endings

function isType(text: string | undefined): text is MetricType {
  return text !== undefined && text in endings
}

/** One series and its value: `maya_turns_total` of `outcome="complete"`. */
export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** All samples of one metric. */
export interface Family {
  readonly name: string
  readonly help: string
  readonly type: MetricType
  readonly samples: readonly Sample[]
}

const head = /^# HELP ([a-zA-Z_:][\w:]*) (\S[^\n]*)\n# TYPE \1 (counter|gauge|histogram|summary)\n/
const line = /^([a-zA-Z_:][\w:]*)(?:\{([^\n]*)\})? (-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|\+Inf|NaN|Nan)$/
const label = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y

/**
 * Reads the Prometheus text format (exposition_formats.md, version 0.0.4), as strictly as it is written down: each
 * metric once with help and type, its samples together, each series once. Throws on everything else.
 */
export function parseExposition(text: string): readonly Family[] {
  if (!text.endsWith('\n')) throw new Error('The last line does not end.')
  const blocks = text.split(/\n+(?=# HELP )/).map((block) => `${block.trimEnd()}\n`)
  const families = blocks.map(parseFamily)
  const names = families.map(({ name }) => name)
  if (new Set(names).size < names.length) throw new Error('A metric is there twice.')
  return families
}

function parseFamily(block: string): Family {
  const [start, name, help, type] = head.exec(block) ?? []
  if (start === undefined || name === undefined || help === undefined || !isType(type)) {
    throw new Error(`This is no head of a metric: ${block.slice(0, 200)}`)
  }
  const samples = block.slice(start.length).split('\n').slice(0, -1).map(parseSample)
  const family: Family = { name, help, type, samples }
  assertOwnNames(family)
  return family
}

function parseSample(text: string): Sample {
  const [, name, labels = '', value] = line.exec(text) ?? []
  if (name === undefined || value === undefined) throw new Error(`This is no sample: ${text}`)
  return { name, labels: parseLabels(labels), value: Number(value.replace('Inf', 'Infinity')) }
}

function parseLabels(text: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {}
  label.lastIndex = 0
  while (label.lastIndex < text.length) {
    const [, name, value] = label.exec(text) ?? []
    if (name === undefined || value === undefined) throw new Error(`These are no labels: ${text}`)
    if (name in labels) throw new Error(`The label ${name} is there twice.`)
    labels[name] = value
  }
  return labels
}

function assertOwnNames({ name, type, samples }: Family): void {
  const names = endings[type].map((ending) => name + ending)
  const stranger = samples.find((sample) => !names.includes(sample.name))
  if (stranger !== undefined) throw new Error(`${stranger.name} stands under ${name}.`)
  const series = samples.map(seriesName)
  if (new Set(series).size < series.length) throw new Error(`${name} has a series twice.`)
}

function seriesName({ name, labels }: Sample): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${value}"`)
  return pairs.length === 0 ? name : `${name}{${pairs.join()}}`
}

/** What a scrape says. */
export async function scrape({ app }: Pick<Service, 'app'>, path = '/metrics'): Promise<readonly Family[]> {
  const { body, statusCode } = await app.inject(path)
  if (statusCode !== 200) throw new Error(`A scrape was answered with ${statusCode}.`)
  return parseExposition(body)
}

/** Every series with its value, named as Prometheus does. */
export function seriesOf(families: readonly Family[]): ReadonlyMap<string, number> {
  return new Map(
    families.flatMap(({ samples }) => samples.map((sample) => [seriesName(sample), sample.value] as const)),
  )
}

/** What `act` adds to each series of ours that it changes. */
export async function changesOf(service: Pick<Service, 'app'>, act: () => unknown) {
  const before = seriesOf(await scrape(service))
  await act()
  const after = seriesOf(await scrape(service))
  return Object.fromEntries(
    [...after]
      .filter(([name]) => name.startsWith('maya_'))
      .map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const)
      .filter(([, change]) => change !== 0),
  )
}
