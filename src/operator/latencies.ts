import { alignColumns, describeLatency } from './terminal.ts'

/** The value below which this part of the values lies: one of them. Undefined where there are none. */
export function quantile(sorted: readonly number[], part: number): number | undefined {
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)]
}

export interface LatencySeries {
  readonly name: string
  readonly valuesMs: readonly number[]
}

/** A line for each series that has values: how many, p50, p90, p99 and the longest. */
export function latencyTable(series: readonly LatencySeries[]): readonly string[] {
  const rows = withValues(series).map(({ name, valuesMs }) => {
    const sorted = valuesMs.toSorted((one, other) => one - other)
    const shown = [0.5, 0.9, 0.99, 1].map((part) => quantile(sorted, part) ?? NaN)
    return [name, String(sorted.length), ...shown.map((value) => describeLatency(value / 1000))]
  })
  return rows.length === 0 ? [] : alignColumns([['', 'count', 'p50', 'p90', 'p99', 'max'], ...rows])
}

const barCharactersMax = 46

/** A bar for each bound of 1, 2, 5, 10 ... between the shortest and the longest. */
export function histogram({ name, valuesMs }: LatencySeries): readonly string[] {
  const counts = [...Map.groupBy(valuesMs, boundOf)].map(([bound, { length }]) => [bound, length] as const)
  if (counts.length === 0) return []
  const byBound = new Map(counts)
  const [low, high] = [Math.min(...byBound.keys()), Math.max(...byBound.keys())]
  const most = Math.max(...byBound.values())
  const shown = bounds.filter((bound) => bound >= low && bound <= high)
  const labels = shown.map((bound) => `up to ${describeLatency(bound / 1000)}`)
  const width = Math.max(...labels.map(({ length }) => length))
  return [
    name,
    ...shown.map((bound, at) => {
      const count = byBound.get(bound) ?? 0
      const bar = '#'.repeat(Math.ceil((count / most) * barCharactersMax))
      return `  ${(labels[at] ?? '').padStart(width)}  ${bar}${bar === '' ? '' : ' '}${count}`
    }),
  ]
}

/** 1 ms to 500 s. */
const bounds = [1, 10, 100, 1000, 10_000, 100_000].flatMap((power) => [power, 2 * power, 5 * power])

function boundOf(valueMs: number): number {
  return bounds.find((bound) => valueMs <= bound) ?? bounds.at(-1) ?? NaN
}

function withValues(series: readonly LatencySeries[]): readonly LatencySeries[] {
  return series.filter(({ valuesMs }) => valuesMs.length > 0)
}
