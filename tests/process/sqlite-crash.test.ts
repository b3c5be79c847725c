// What a SQLite store acknowledged outlives its process, however that ends.
import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { fold } from '../../src/log/state.ts'
import type { Store } from '../../src/log/store.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { temporaryFile } from '../store/temporary-file.ts'
import { startSqliteProcess } from './sqlite-process.ts'

const writers = 8
const ids = Array.from({ length: writers }, (_, at) => `s${at}`)

it('a process that is killed at any moment loses nothing that it acknowledged', async () => {
  const path = temporaryFile('maya.db')
  let before = ids.map(() => 0)
  for (let round = 0; round < 6; round++) {
    const child = startSqliteProcess({ path, waitMs: 0, writers })
    await child.until('open')
    await delay(20 + Math.random() * 500)
    await child.kill()
    const store = await openSqliteStore({ path, clock: systemClock, waitMs: 5000 })
    const versions = await Promise.all(ids.map((id) => wholeLog(store, id)))
    await store.close()
    const acknowledged = acknowledgedIn(child.lines())
    for (const [at, version] of versions.entries()) {
      const known = Math.max(before[at] ?? 0, acknowledged.get(`s${at}`) ?? 0)
      // One append may have been written whose answer nobody heard any more.
      expect([known, known + 1, known + 2]).toContain(version)
    }
    before = versions
  }
  expect(Math.min(...before)).toBeGreaterThan(20)
})

it('a process whose disk is full refuses, keeps what it has, and goes on when there is room', async () => {
  const path = temporaryFile('maya.db')
  const child = startSqliteProcess({ path, waitMs: 0, writers, fileKilobytesMax: 2048 })
  await child.ended
  const lines = child.lines()
  expect(lines.filter((line) => line.startsWith('refused'))).toHaveLength(writers)
  expect(lines.at(-1)).toBe('closed')
  const store = await openSqliteStore({ path, clock: systemClock, waitMs: 0 })
  const acknowledged = acknowledgedIn(lines)
  expect(await Promise.all(ids.map((id) => wholeLog(store, id)))).toEqual(
    ids.map((id) => acknowledged.get(id)),
  )
  await store.close()
  const next = startSqliteProcess({ path, waitMs: 0, writers })
  const [id = '', version = 0] = [...acknowledged][0] ?? []
  await next.until(`${id} ${version + 2}`)
})

/** The version of a log that folds from its first event to its last. */
async function wholeLog(store: Store, id: string): Promise<number> {
  const [events, version] = await Promise.all([store.events(id), store.version(id)])
  expect(events).toHaveLength(version)
  const state = fold(undefined, events, { turnsKeptMax: 10, requestsKeptMax: 10 })
  expect(state?.turnCount ?? 0).toBe(Math.max(0, version - 1) / 2)
  return version
}

/** The last acknowledged version of each session. */
function acknowledgedIn(lines: readonly string[]): ReadonlyMap<string, number> {
  return new Map(
    lines
      .filter((line) => line.startsWith('s'))
      .map((line) => {
        const [id = '', version] = line.split(' ')
        return [id, Number(version)]
      }),
  )
}
