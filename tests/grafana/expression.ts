export interface Selector {
  readonly metric: string
  readonly matchers: readonly Matcher[]
}

interface Matcher {
  readonly label: string
  /** What the label is compared with; patterns and variables, whose values nobody can list, are left out. */
  readonly values: readonly string[]
}

/** What a PromQL expression asks for. */
export interface Parts {
  /** Every name that is no function: a metric, with its matchers. */
  readonly selectors: readonly Selector[]
  /** The labels of each `by`, `on`, `without` and `ignoring`, from the first. */
  readonly groupings: readonly (readonly string[])[]
}

const operators = new Set(['and', 'or', 'unless', 'bool', 'by', 'on', 'without', 'ignoring'])

/** Reads what our dashboards, rules and runbook use of PromQL; that it is PromQL is for Prometheus to say. */
export function partsOf(expression: string): Parts {
  const groupings = [...expression.matchAll(grouping)].map(([, labels = '']) => labels.split(', '))
  const rest = expression.replaceAll(grouping, ' ').replaceAll(/\[[^\]]*\]/g, ' ')
  const named = rest.matchAll(/(?<![\w:.])([a-zA-Z_:][\w:]*)(?:\{([^}]*)\}|(?!\s*\(|[\w:]))/g)
  return {
    selectors: [...named]
      .map(([, metric = '', matchers = '']) => ({ metric, matchers: matchersOf(matchers) }))
      .filter(({ metric }) => !operators.has(metric)),
    groupings,
  }
}

const grouping = /\b(?:by|on|without|ignoring) \(([^)]*)\)/g

function matchersOf(text: string): readonly Matcher[] {
  return [...text.matchAll(/(\w+)(=~|!~|!=|=)"([^"]*)"/g)].map(
    ([, label = '', operator = '', value = '']) => {
      const values = operator.endsWith('~') ? value.split('|') : [value]
      return { label, values: values.filter((each) => /^[\w-]+(?:\.\d+)?$/.test(each)) }
    },
  )
}
