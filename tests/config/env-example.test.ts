import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { expect, it } from 'vitest'
import { readSettings, settingDefaults } from '../../src/config/settings.ts'

const example = readFileSync('.env.example', 'utf8')
const uncommented = example.replaceAll(/^# (?=[A-Z][A-Z0-9_]*=)/gm, '')

it('shows every setting once, in the order of the schema, with its default', () => {
  const lines = uncommented.split('\n').filter((line) => !/^(?:#|$)/.test(line))
  expect(lines).toEqual([...settingDefaults].map(([variable, fallback]) => `${variable}=${fallback}`))
})

it('changes nothing when it is copied as it is, nor with every line uncommented', () => {
  expect(parseEnv(example)).toEqual({})
  expect(readSettings(parseEnv(uncommented))).toEqual(readSettings({}))
})

it('explains every setting', () => {
  const blocks = example.split('\n\n').filter((block) => /^# [A-Z][A-Z0-9_]*=/m.test(block))
  for (const block of blocks) expect(block).toMatch(/^# .*[a-z].*[.:].*\n(?:# .+\n)*# [A-Z][A-Z0-9_]*=.*\n?$/)
  expect(blocks).toHaveLength(settingDefaults.size)
})
