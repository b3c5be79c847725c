import { closeSync, openSync, readFileSync } from 'node:fs'
import { expect, it, onTestFinished } from 'vitest'
import { createLog } from '../../src/logs/log.ts'
import { LineOutput } from '../../src/logs/line-output.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { temporaryFile } from '../store/temporary-file.ts'

function setup({ waitingBytesMax = 1000 } = {}) {
  const file = temporaryFile('log')
  const fileDescriptor = openSync(file, 'a')
  onTestFinished(() => closeSync(fileDescriptor))
  const clock = new FakeClock()
  const output = new LineOutput({ fileDescriptor, clock, gatheredBytes: 200, waitingBytesMax })
  const write = (_fields: object, message: string) => output.write(`${message}\n`)
  const lost: object[] = []
  const log = createLog({
    debug: write,
    info: write,
    error: write,
    fatal: write,
    warn(fields, message) {
      lost.push(fields)
      write(fields, message)
    },
  })
  output.reportLosses(log)
  return { output, clock, lost, written: () => readFileSync(file, 'utf8') }
}

it('writes lines at the latest after a second', async () => {
  const { output, clock, written } = setup()
  output.write('one\n')
  expect(written()).toBe('')
  clock.advance(1000)
  await expect.poll(written).toBe('one\n')
})

it('writes all that waits at the end', async () => {
  const { output, written } = setup()
  const lines = Array.from({ length: 20 }, (_, at) => `line ${at} is so long that several are gathered\n`)
  for (const line of lines) output.write(line)
  await output.end()
  expect(written()).toBe(lines.join(''))
})

it('writes all that waits also when the end is sudden', () => {
  const { output, written } = setup()
  output.write('one\n')
  output.endNow()
  expect(written()).toBe('one\n')
})

it('drops what is beyond its bound, and says how many lines that were when there is room again', async () => {
  const { output, lost, written, clock } = setup()
  // Nothing is written before the event loop goes on.
  for (let line = 0; line < 100; line++) output.write(`${'x'.repeat(99)}\n`)
  await expect.poll(() => lost).toEqual([{ lines: 90 }])
  clock.advance(1000)
  await expect.poll(written).toBe(`${`${'x'.repeat(99)}\n`.repeat(10)}lines lost\n`)
})
