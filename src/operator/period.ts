import type { Samples } from './samples.ts'

type Labels = Readonly<Record<string, string>>

/** What one container counted in some time; from its start where there is nothing before. */
export interface Span {
  readonly seconds: number
  readonly before: Samples | null
  readonly after: Samples
}

/** What the counters of one or several containers say about a time. Undefined is what they do not tell. */
export class Period {
  readonly #spans: readonly Span[]

  constructor(spans: readonly Span[]) {
    this.#spans = spans.filter(({ seconds }) => seconds > 0)
  }

  /** The longest of the containers' times; 0 where none has told any. */
  get seconds(): number {
    return Math.max(0, ...this.#spans.map(({ seconds }) => seconds))
  }

  /** How often a second, all containers together. */
  rate(counter: string, labels: Labels = {}): number | undefined {
    return total(
      this.#spans.map((span) => {
        const growth = growthOf(span, counter, labels)
        return growth === undefined ? undefined : growth / span.seconds
      }),
    )
  }

  growth(counter: string, labels: Labels = {}): number | undefined {
    return total(this.#spans.map((span) => growthOf(span, counter, labels)))
  }

  /** Of what a histogram was told; undefined where that was nothing. */
  mean(histogram: string): number | undefined {
    const [sum, count] = [this.growth(`${histogram}_sum`), this.growth(`${histogram}_count`)]
    return sum === undefined || count === undefined || count === 0 ? undefined : sum / count
  }

  /** The smallest bound of a histogram below which at least this part of the values lies. */
  bound(histogram: string, part: number): number | undefined {
    const bucket = `${histogram}_bucket`
    const texts = new Set(this.#spans.flatMap(({ after }) => after.values(bucket, 'le')))
    const all = this.growth(bucket, { le: '+Inf' }) ?? 0
    if (all === 0) return undefined
    const bounds = [...texts]
      .map((text) => ({ text, bound: Number(text.replace('Inf', 'Infinity')) }))
      .toSorted((one, other) => one.bound - other.bound)
    return bounds.find(({ text }) => (this.growth(bucket, { le: text }) ?? 0) >= all * part)?.bound
  }
}

/** A counter that went back began again. */
function growthOf({ before, after }: Span, counter: string, labels: Labels): number | undefined {
  const value = after.sum(counter, labels)
  const start = before?.sum(counter, labels) ?? 0
  return value === undefined || value < start ? value : value - start
}

function total(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0)
}
