import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { ArchiveError } from '../../src/backup/archive-error.ts'
import { spool } from '../../src/backup/spool.ts'
import { temporaryFile } from '../store/temporary-file.ts'
import { chunksOf } from './samples.ts'

function temporaryFolder(): string {
  return dirname(temporaryFile('spool'))
}

async function textOf(chunks: AsyncIterable<Buffer>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(chunks)).toString()
}

async function* broken(): AsyncGenerator<Buffer> {
  yield Buffer.from('one')
  throw new Error('The cable is out.')
}

it('can be read again and again, from a file that has no name', async () => {
  const folder = temporaryFolder()
  const kept = await spool(chunksOf('one, ', 'two, ', 'x'.repeat(100_000)), folder)
  onTestFinished(() => kept.close())
  expect(readdirSync(folder)).toEqual([])
  const text = `one, two, ${'x'.repeat(100_000)}`
  expect(await textOf(kept.read())).toBe(text)
  expect(await textOf(kept.read())).toBe(text)
})

it('refuses more than it may hold', async () => {
  const folder = temporaryFolder()
  await expect(spool(chunksOf('12', '345'), folder, 4)).rejects.toThrow('longer than 4 bytes')
  const kept = await spool(chunksOf('12', '34'), folder, 4)
  await kept.close()
})

it('says where it cannot write, and what names another place', async () => {
  const folder = `${temporaryFolder()}/missing`
  const refused = spool(chunksOf('one'), folder)
  await expect(refused).rejects.toThrow(ArchiveError)
  await expect(refused).rejects.toThrow(
    `kept in ${folder} while it is checked, which failed (ENOENT). TMPDIR`,
  )
})

it('fails as what it reads from does', async () => {
  await expect(spool(broken(), temporaryFolder())).rejects.toThrow('The cable is out.')
})
