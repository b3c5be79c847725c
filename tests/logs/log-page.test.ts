import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { lineLevels } from '../../src/logs/log.ts'
import { describedLines, faultOfLine } from './log-page.ts'

const described = describedLines()

describe('docs/logs.md', () => {
  it('describes every line that the server can write, with its level, and no other', () => {
    const levels = Object.fromEntries([...described].map(([message, { level }]) => [message, level]))
    expect(levels).toEqual(lineLevels)
  })

  it('shows an example of every line', () => {
    const shown = new Set(examples().map(({ msg }) => msg))
    expect([...described.keys()].filter((message) => !shown.has(message))).toEqual([])
  })

  it('shows only examples that are as it describes them', () => {
    expect(examples().map((example) => faultOfLine(example, described))).toEqual(examples().map(() => null))
  })

  it('describes no line that nobody writes', () => {
    const code = globSync('src/**/*.ts', { exclude: ['src/logs/log.ts'] }).map((file) =>
      readFileSync(file, 'utf8'),
    )
    const unwritten = Object.keys(lineLevels).filter(
      (message) => !code.some((text) => text.includes(`'${message}'`)),
    )
    expect(unwritten).toEqual([])
  })
})

function examples(): readonly Readonly<Record<string, unknown>>[] {
  const [, block = ''] = /```json\n([\s\S]*?)```/.exec(readFileSync('docs/logs.md', 'utf8')) ?? []
  return block
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}
