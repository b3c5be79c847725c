import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { rulesFile } from '../grafana/alert-rules.ts'
import { temporaryDirectory } from '../process/server-process.ts'

/** A test of rules as `promtool test rules` reads it; JSON is YAML. */
export interface RuleTest {
  readonly name?: string
  readonly interval: string
  readonly input_series: readonly { readonly series: string; readonly values: string }[]
  readonly promql_expr_test?: readonly {
    readonly expr: string
    readonly eval_time: string
    readonly exp_samples: readonly { readonly labels: string; readonly value: number }[]
  }[]
  readonly alert_rule_test?: readonly {
    readonly alertname: string
    readonly eval_time: string
    readonly exp_alerts: readonly object[]
  }[]
}

export interface Verdict {
  readonly status: number | null
  readonly output: string
}

/** Runs Prometheus' own tool to its end; `input` is what it reads from standard input. */
export function promtool(parameters: readonly string[], input = ''): Verdict {
  const { stdout, stderr, status, error } = spawnSync('/usr/bin/promtool', parameters, {
    input,
    encoding: 'utf8',
    timeout: 60_000,
  })
  if (error !== undefined) throw error
  return { status, output: `${stdout}${stderr}` }
}

/** What Prometheus says to these tests of rules, which it evaluates every so many minutes; all of ours by default. */
export function judgeRules(
  tests: readonly RuleTest[],
  { rules = readFileSync(rulesFile, 'utf8'), everyMinutes = 1 } = {},
): Verdict {
  const directory = temporaryDirectory()
  const [ruleFile, testFile] = [join(directory, 'rules.yaml'), join(directory, 'tests.json')]
  writeFileSync(ruleFile, rules)
  const evaluation_interval = `${everyMinutes}m`
  writeFileSync(testFile, JSON.stringify({ rule_files: [ruleFile], evaluation_interval, tests }))
  return promtool(['test', 'rules', testFile])
}
