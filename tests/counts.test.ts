import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { describeCounts, readCounts } from './counts.ts'

/** What the suites wrote; those that are not given left nothing. */
function results(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'maya-counts-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

function vitestResults(statuses: readonly string[], success = true): string {
  const assertionResults = statuses.map((status, index) => ({ status, fullName: `does ${index}` }))
  const of = (wanted: string) => statuses.filter((status) => status === wanted).length
  const testResults = [{ name: join(process.cwd(), 'tests/some.test.ts'), assertionResults }]
  return JSON.stringify({ success, numPassedTests: of('passed'), numFailedTests: of('failed'), testResults })
}

const none = () => false

const pytestResults = `<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests"><testsuite name="pytest">
<testcase classname="test_a" name="test_good[a&gt;b]" time="0.1" />
<testcase classname="test_a" name="test_bad" time="0.1"><failure message="assert 0">a &lt; b
</failure></testcase>
<testcase classname="test_a" name="test_broken" time="0.1"><error message="failed on setup">x</error></testcase>
<testcase classname="test_b" name="test_away" time="0"><skipped type="pytest.skip" message="a &amp; b">x</skipped></testcase>
</testsuite></testsuites>`

it('counts what each suite says of itself, and names what was skipped', () => {
  const folder = results({
    'unit.json': vitestResults(['passed', 'passed', 'skipped']),
    'system.json': vitestResults(['passed', 'failed'], false),
    'image.json': vitestResults(['pending', 'pending', 'todo', 'skipped']),
    'python.xml': pytestResults,
  })
  expect(describeCounts(readCounts(folder, none)).split('\n')).toEqual([
    'unit    2 passed, 0 failed, 1 skipped',
    '          skipped: tests/some.test.ts: does 2',
    'system  1 passed, 1 failed, 0 skipped',
    'image   0 passed, 0 failed, 4 skipped',
    '          skipped: 4 tests of tests/some.test.ts',
    'python  1 passed, 2 failed, 1 skipped',
    '          skipped: test_b: test_away: a & b',
  ])
})

it('counts a suite that left no results, and one whose files could not be loaded, as failed', () => {
  const folder = results({ 'unit.json': vitestResults(['passed']), 'system.json': vitestResults([], false) })
  expect(readCounts(folder, none).map(({ suite, passed, failed }) => [suite, passed, failed])).toEqual([
    ['unit', 1, 0],
    ['system', 0, 1],
    ['image', 0, 1],
    ['python', 0, 1],
  ])
})

it('says which suites were left out', () => {
  const folder = results({ 'unit.json': vitestResults(['passed']), 'system.json': vitestResults(['passed']) })
  const counts = readCounts(folder, (suite) => suite === 'image' || suite === 'python')
  expect(describeCounts(counts)).toMatch(/image .* left out by MAYA_TESTS_WITHOUT\npython .* left out by/)
  expect(counts.map(({ failed }) => failed)).toEqual([0, 0, 0, 0])
})
