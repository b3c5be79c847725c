// One process owns a SQLite file. Real processes, because the operating system keeps the lock.
import { expect, it, vi } from 'vitest'
import { temporaryFile } from '../store/temporary-file.ts'
import { startSqliteProcess } from './sqlite-process.ts'

it('a second process is refused after its wait, and the first goes on', async () => {
  const path = temporaryFile('maya.db')
  const first = startSqliteProcess({ path, waitMs: 0 })
  await first.until('open')
  const second = startSqliteProcess({ path, waitMs: 600 })
  await second.ended
  expect(second.lines()).toEqual(['waiting', `refused ${path} is in use by another process.`])
  await first.finish()
  expect(first.lines()).toEqual(['open', 'closed'])
})

it('a second process gets the file when the first has closed it', async () => {
  const path = temporaryFile('maya.db')
  const first = startSqliteProcess({ path, waitMs: 0 })
  await first.until('open')
  const second = startSqliteProcess({ path, waitMs: 20_000 })
  await second.until('waiting')
  await first.finish()
  await second.until('open')
  await second.finish()
  expect(second.lines()).toEqual(['waiting', 'open', 'closed'])
})

it('a second process gets the file when the first is killed', async () => {
  const path = temporaryFile('maya.db')
  const first = startSqliteProcess({ path, waitMs: 0, writers: 4 })
  await first.until('s3 1')
  const second = startSqliteProcess({ path, waitMs: 20_000 })
  await second.until('waiting')
  await first.kill()
  await second.finish()
  expect(second.lines()).toEqual(['waiting', 'open', 'closed'])
})

it('of many processes that start at once on a new file exactly one gets it', async () => {
  const path = temporaryFile('maya.db')
  const processes = Array.from({ length: 4 }, () => startSqliteProcess({ path, waitMs: 1000 }))
  const owners = () => processes.filter((one) => one.lines().includes('open'))
  await vi.waitFor(() => expect(owners()).toHaveLength(1), { timeout: 20_000 })
  const others = processes.filter((one) => !owners().includes(one))
  await Promise.all(others.map((one) => one.ended))
  const refused = ['waiting', `refused ${path} is in use by another process.`]
  expect(others.map((one) => one.lines())).toEqual([refused, refused, refused])
})
