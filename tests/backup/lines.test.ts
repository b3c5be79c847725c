import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { linesOf } from '../../src/backup/lines.ts'
import { chunksOf } from './samples.ts'

async function textsOf(...parts: readonly (string | Buffer)[]): Promise<readonly string[]> {
  const lines = await Array.fromAsync(linesOf(chunksOf(...parts)))
  expect(lines.map(({ number }) => number)).toEqual(lines.map((_, at) => at + 1))
  return lines.map(({ text }) => text)
}

function readShort(...parts: readonly string[]) {
  return Array.fromAsync(linesOf(chunksOf(...parts), 4))
}

it('finds the lines of a text, however it comes in pieces', async () => {
  const line = fc.string({ unit: 'grapheme', maxLength: 10 }).map((text) => text.replaceAll('\n', ' '))
  const cuts = fc.array(fc.nat(60), { maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 5 }), cuts, async (lines, places) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''))
      const edges = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length]
      const sorted = edges.toSorted((one, other) => one - other)
      const parts = sorted.slice(1).map((end, at) => bytes.subarray(sorted[at], end))
      expect(await textsOf(...parts)).toEqual(lines)
    }),
  )
})

it('takes a last line that has no end, and no line where there is nothing', async () => {
  expect(await textsOf('one\ntwo')).toEqual(['one', 'two'])
  expect(await textsOf()).toEqual([])
  expect(await textsOf('')).toEqual([])
  expect(await textsOf('\n\n')).toEqual(['', ''])
})

it('refuses a line that is longer than allowed, before it has an end', async () => {
  expect(await readShort('1234\n12', '34\n')).toHaveLength(2)
  await expect(readShort('1\n123', '45')).rejects.toThrow('Line 2 is longer than 4 bytes.')
})

it('refuses what is not UTF-8', async () => {
  await expect(textsOf('one\n', Buffer.from([0x61, 0xff, 0x0a]))).rejects.toThrow('Line 2 is not UTF-8.')
})
