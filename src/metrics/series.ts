import { Counter, Histogram, type Registry } from 'prom-client'

/** Bounds for what can take as long as a turn. */
export const turnSeconds = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]

type LabelValues = Readonly<Record<string, readonly string[]>>

/** Makes counters whose every series is there from the start, so that a first event is a change. */
export function counterIn(registry: Registry) {
  return (name: string, help: string, values: LabelValues = {}): Counter => {
    const counter = new Counter({ name, help, labelNames: Object.keys(values), registers: [registry] })
    for (const labels of combinations(values)) counter.inc(labels, 0)
    return counter
  }
}

export function histogramIn(registry: Registry) {
  return (name: string, help: string, buckets: number[]): Histogram =>
    new Histogram({ name, help, buckets, registers: [registry] })
}

function combinations(values: LabelValues): readonly Readonly<Record<string, string>>[] {
  return Object.entries(values).reduce<readonly Readonly<Record<string, string>>[]>(
    (partial, [name, options]) =>
      partial.flatMap((labels) => options.map((option) => ({ ...labels, [name]: option }))),
    [{}],
  )
}
