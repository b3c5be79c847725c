type Labels = Readonly<Record<string, string>>

interface Sample {
  readonly name: string
  readonly labels: Labels
  readonly value: number
}

const line = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ([-+]?(?:[\d.]+(?:e[-+]?\d+)?|Inf)|NaN)(?: \d+)?$/i
const label = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g

/** The samples of one Prometheus text, or of one container in it. */
export class Samples {
  readonly #byName: ReadonlyMap<string, readonly Sample[]>

  private constructor(samples: readonly Sample[]) {
    this.#byName = Map.groupBy(samples, ({ name }) => name)
  }

  /** Takes what it understands: lines of another kind are no samples. */
  static read(text: string): Samples {
    return new Samples(text.split('\n').flatMap(readSample))
  }

  has(name: string): boolean {
    return this.#byName.has(name)
  }

  /** The sum of the series that have these labels; undefined where there are none. */
  sum(name: string, labels: Labels = {}): number | undefined {
    const values = this.#find(name, labels).map(({ value }) => value)
    return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0)
  }

  /** The values that a label has in a metric. */
  values(name: string, of: string): readonly string[] {
    return [...new Set(this.#find(name, {}).flatMap(({ labels }) => labels[of] ?? []))]
  }

  /** By the label that the fleet puts on every series. */
  byContainer(): ReadonlyMap<string, Samples> {
    const all = [...this.#byName.values()].flat()
    const groups = Map.groupBy(
      all.filter(({ labels }) => 'container' in labels),
      ({ labels }) => labels['container'] ?? '',
    )
    return new Map([...groups].map(([container, samples]) => [container, new Samples(samples)]))
  }

  #find(name: string, wanted: Labels): readonly Sample[] {
    const pairs = Object.entries(wanted)
    const samples = this.#byName.get(name) ?? []
    return samples.filter(({ labels }) => pairs.every(([key, value]) => labels[key] === value))
  }
}

function readSample(text: string): readonly Sample[] {
  const [, name, pairs = '', value = ''] = line.exec(text) ?? []
  if (name === undefined) return []
  const labels = [...pairs.matchAll(label)].map(([, key = '', quoted = '']) => [key, unquote(quoted)])
  return [{ name, labels: Object.fromEntries(labels), value: Number(value.replace('Inf', 'Infinity')) }]
}

function unquote(text: string): string {
  return text.replaceAll(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter))
}
