import { stripVTControlCharacters } from 'node:util'
import { expect, it } from 'vitest'
import { LineRedaction } from '../../src/logs/line-redaction.ts'
import { createLog } from '../../src/logs/log.ts'
import { createLogger, type LoggerOptions } from '../../src/logs/logger.ts'

const secret = 'Canary-Secret-of-the-server'

async function setup(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = []
  const destination = { write: (line: string) => lines.push(line) }
  const redaction = new LineRedaction([secret])
  const logger = await createLogger({ level: 'info', format: 'json', redaction, destination, ...options })
  return { log: createLog(logger), lines }
}

it('writes a line as one object of JSON with its level, its time and its message', async () => {
  const { log, lines } = await setup()
  log('store lost', { reason: 'a "word"\nand another' })
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/^[^\n]+\n$/)
  const { time, ...line } = JSON.parse(lines[0] ?? '')
  expect(line).toEqual({ level: 'warn', reason: 'a "word"\nand another', msg: 'store lost' })
  expect(new Date(time).toISOString()).toBe(time)
})

it('writes the levels from its own one on', async () => {
  const { log, lines } = await setup({ level: 'error' })
  log('request', {})
  log('store restored')
  log('defect', { err: {} })
  log('closing after a fatal error', { err: {} })
  expect(lines.map((line) => JSON.parse(line).level)).toEqual(['error', 'fatal'])
})

it.each(['json', 'pretty'] as const)('masks secrets in lines that are %s', async (format) => {
  const { log, lines } = await setup({ format })
  log('store lost', { reason: secret, headers: { authorization: 'abc-def' } })
  expect(lines.join('')).toContain('***')
  expect(lines.join('')).not.toMatch(/Canary|abc-def/)
})

it('writes lines for people', async () => {
  const { log, lines } = await setup({ format: 'pretty' })
  log('store lost', { reason: 'It went away.' })
  expect(stripVTControlCharacters(lines.join(''))).toMatch(
    /^\[\d\d:\d\d:\d\d\.\d{3}\] WARN: store lost \{"reason":"It went away\."\}\n$/,
  )
})
