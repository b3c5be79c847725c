export interface Selector {
  readonly metric: string
  readonly matchers: readonly Matcher[]
}

interface Matcher {
  readonly label: string
  /** What the label is compared with; none where that is a pattern or a variable. */
  readonly values: readonly string[]
}

const words = ['by', 'or', 'sum', 'max', 'min', 'count', 'rate', 'increase', 'histogram_quantile', 'vector']

/** What a PromQL expression asks for. Knows what our dashboards use of PromQL and no more. */
export function partsOf(expression: string): {
  readonly selectors: readonly Selector[]
  /** The labels of each `by`, from the outermost. */
  readonly groupings: readonly (readonly string[])[]
  /** Words that are neither a metric with matchers, nor of Maya, nor known of PromQL. */
  readonly strangers: readonly string[]
} {
  const braced = [...expression.matchAll(/([a-zA-Z_:][\w:]*)\{([^}]*)\}/g)]
  const rest = expression.replaceAll(/[a-zA-Z_:][\w:]*\{[^}]*\}|\[\$\w+\]/g, '')
  const groupings = [...rest.matchAll(/\bby \(([^)]*)\)/g)].map(([, labels = '']) => labels.split(', '))
  const others = rest.replaceAll(/\bby \([^)]*\)/g, '').match(/[a-zA-Z_:][\w:]*/g) ?? []
  const bare = others.filter((word) => word.startsWith('maya_'))
  return {
    selectors: [
      ...braced.map(([, metric = '', matchers = '']) => ({ metric, matchers: matchersOf(matchers) })),
      ...bare.map((metric) => ({ metric, matchers: [] })),
    ],
    groupings,
    strangers: others.filter((word) => !bare.includes(word) && !words.includes(word)),
  }
}

function matchersOf(text: string): readonly Matcher[] {
  return [...text.matchAll(/(\w+)(=~|!~|!=|=)"([^"]*)"/g)].map(
    ([, label = '', operator = '', value = '']) => {
      const values = operator.endsWith('~') ? value.split('|') : [value]
      return { label, values: values.every((each) => /^[\w.-]+$/.test(each)) ? values : [] }
    },
  )
}
