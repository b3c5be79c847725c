import { readFileSync } from 'node:fs'

export const rulesFile = 'grafana/rules/maya.yaml'

/** A rule as it stands in the file. What an alert has and a record has not is empty there. */
export interface Rule {
  readonly kind: 'alert' | 'record'
  readonly name: string
  readonly expr: string
  readonly severity: string
  readonly summary: string
  readonly description: string
  readonly runbookUrl: string
}

/** A file of rules with this alert alone, and what it uses of what is recorded: to evaluate all others takes far longer. */
export function rulesOf(alert: string): string {
  const blocks = readBlocks().map((block) => ({ block, rule: readRule(block) }))
  const expr = blocks.find(({ rule }) => rule.name === alert)?.rule.expr ?? ''
  const chosen = blocks.filter(({ rule }) => rule.name === alert || expr.includes(rule.name))
  const rules = chosen.map(({ block }) => `      - ${block.replace(/^ {2}- name: .*\n {4}rules:\n/m, '')}`)
  return `groups:\n  - name: ${alert}\n    rules:\n${rules.join('')}`
}

/** All rules. Reads this one file's way of writing YAML; `promtool check rules` says how many there must be. */
export function readRules(): readonly Rule[] {
  return readBlocks().map(readRule)
}

function readBlocks(): readonly string[] {
  return readFileSync(rulesFile, 'utf8')
    .split(/^ {6}- (?=alert|record)/m)
    .slice(1)
}

function readRule(block: string): Rule {
  const [, kind, name] = /^(alert|record): (\S+)\n/.exec(block) ?? []
  if ((kind !== 'alert' && kind !== 'record') || name === undefined) {
    throw new Error(`This is no rule: ${block.slice(0, 100)}`)
  }
  return {
    kind,
    name,
    expr: valueOf(block, 'expr'),
    severity: valueOf(block, 'severity'),
    summary: valueOf(block, 'summary'),
    description: valueOf(block, 'description'),
    runbookUrl: valueOf(block, 'runbook_url'),
  }
}

/** In one line, in quotes, or folded. */
function valueOf(block: string, key: string): string {
  const pattern = new RegExp(`^( +)${key}: (?:>-\\n((?:\\1 +.*\\n)+)|'(.*)'$|(.*)$)`, 'm')
  const [, , folded, quoted, plain] = pattern.exec(block) ?? []
  return (folded ?? quoted ?? plain ?? '').replaceAll(/\s+/g, ' ').trim()
}
