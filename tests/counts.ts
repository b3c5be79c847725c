// How many tests of all suites passed and failed. `node tests/counts.ts STATUS` prints it in one line, for CI.
import { existsSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { isLeftOut, resultsFolder, suites, type SuiteName } from './suites.ts'

interface Skipped {
  readonly file: string
  readonly name: string
}

interface Counts {
  readonly suite: SuiteName
  readonly passed: number
  readonly failed: number
  readonly skipped: readonly Skipped[]
  readonly note: string
}

interface VitestResults {
  readonly success: boolean
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[]
  }[]
}

/** More of one file are counted, not named. */
const skippedNamedMax = 3
const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' }

if (import.meta.main) {
  const [status = '1'] = process.argv.slice(2)
  const { passed, failed } = total(readCounts())
  // What fails before or beside the tests (an installation, types, a signal) is a failure too.
  process.stdout.write(`\n${passed} passed, ${Math.max(failed, status === '0' ? 0 : 1)} failed\n`)
}

/** The results of the last run. A suite that left none has failed. */
export function readCounts(folder = resultsFolder, isAway = isLeftOut): readonly Counts[] {
  return suites.map(({ name, results }) => {
    const file = join(folder, results)
    const none = { suite: name, passed: 0, failed: 0, skipped: [], note: '' }
    if (isAway(name)) return { ...none, note: 'left out by MAYA_TESTS_WITHOUT' }
    if (!existsSync(file)) return { ...none, failed: 1, note: 'ended without results' }
    const text = readFileSync(file, 'utf8')
    return { ...none, ...(results.endsWith('.xml') ? countJUnit(text) : countVitest(JSON.parse(text))) }
  })
}

/** All that was run, and by name what was not. */
export function describeCounts(counts: readonly Counts[]): string {
  const lines = counts.flatMap(({ suite, passed, failed, skipped, note }) => [
    `${suite.padEnd(8)}${passed} passed, ${failed} failed, ${skipped.length} skipped ${note}`.trimEnd(),
    ...describeSkipped(skipped).map((line) => `          skipped: ${line}`),
  ])
  return lines.join('\n')
}

function total(counts: readonly Counts[]): { readonly passed: number; readonly failed: number } {
  const sum = (key: 'passed' | 'failed') => counts.reduce((all, suite) => all + suite[key], 0)
  return { passed: sum('passed'), failed: sum('failed') }
}

function describeSkipped(skipped: readonly Skipped[]): readonly string[] {
  const byFile = Map.groupBy(skipped, ({ file }) => file)
  return [...byFile].flatMap(([file, tests]) =>
    tests.length > skippedNamedMax
      ? [`${tests.length} tests of ${file}`]
      : tests.map(({ name }) => `${file}: ${name}`),
  )
}

function countVitest({ success, numPassedTests, numFailedTests, testResults }: VitestResults) {
  const skipped = testResults.flatMap(({ name: file, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status !== 'passed' && status !== 'failed')
      .map(({ fullName }) => ({ file: relative('.', file), name: fullName })),
  )
  // A file that cannot be loaded has no tests that fail.
  return { passed: numPassedTests, failed: Math.max(numFailedTests, success ? 0 : 1), skipped }
}

/** What pytest writes: one `testcase` each, with an element inside of it unless it passed. */
function countJUnit(text: string) {
  const cases = [...text.matchAll(/<testcase ([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs)].map(
    ([, attributes = '', body = '']) => ({
      file: attribute(attributes, 'classname'),
      name: attribute(attributes, 'name'),
      hasFailed: /<(failure|error)\b/.test(body),
      reason: /<skipped ([^>]*)>/.exec(body)?.[1],
    }),
  )
  const failed = cases.filter(({ hasFailed }) => hasFailed).length
  const skipped = cases.flatMap(({ file, name, reason }) =>
    reason === undefined ? [] : [{ file, name: `${name}: ${attribute(reason, 'message')}` }],
  )
  return { passed: cases.length - failed - skipped.length, failed, skipped }
}

function attribute(attributes: string, name: string): string {
  const [, value = ''] = new RegExp(`\\b${name}="([^"]*)"`).exec(attributes) ?? []
  return value.replaceAll(/&(\w+);/g, (text, entity: string) => entities[entity] ?? text)
}
