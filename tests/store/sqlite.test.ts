import { existsSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { StoreError, type Store } from '../../src/log/store.ts'
import { openSqliteStore, type SqliteStoreOptions } from '../../src/store/sqlite.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { said, stateAt, textOf } from './samples.ts'
import { storeContract } from './store.contract.ts'
import { temporaryFile } from './temporary-file.ts'

const expiresAt = 1_000_000

async function open(path: string, options: Partial<SqliteStoreOptions> = {}): Promise<Store> {
  const store = await openSqliteStore({ path, clock: new FakeClock(), waitMs: 0, ...options })
  onTestFinished(() => store.close())
  return store
}

/** Changes a file that no store has open. */
function edit(path: string, statements: string): void {
  const database = new DatabaseSync(path)
  database.exec(statements)
  database.close()
}

function append(store: Store, expectedVersion: number, ...texts: readonly string[]) {
  return store.append({ id: 'a', expectedVersion, events: texts.map(said), expiresAt })
}

storeContract('SQLite store', async () => {
  const clock = new FakeClock()
  const store = await openSqliteStore({ path: temporaryFile('maya.db'), clock })
  return { store, advance: async (durationMs) => clock.advance(durationMs), date: () => clock.date() }
})

describe('a SQLite file', () => {
  it('keeps everything but the leases of earlier owners', async () => {
    const path = temporaryFile('maya.db')
    const before = await open(path)
    await append(before, 0, 'one', 'two')
    await before.saveSnapshot('a', { version: 1, state: stateAt(1) })
    await before.acquireLease('a', 'left', 1000)
    const loaded = await before.load('a')
    await before.close()
    const after = await open(path)
    expect(await after.load('a')).toEqual(loaded)
    expect(await after.acquireLease('a', 'right', 1000)).toBe(true)
    expect(after).toMatchObject({ description: `sqlite:${path}`, shared: false })
  })

  it('writes what was asked for before it is closed, and leaves one whole file', async () => {
    const path = temporaryFile('maya.db')
    const store = await open(path)
    const appends = Array.from({ length: 500 }, (_, n) => append(store, n, `entry ${n}`))
    await store.close()
    expect((await Promise.all(appends)).every((result) => result.ok)).toBe(true)
    expect(existsSync(`${path}-wal`)).toBe(false)
    expect(await (await open(path)).version('a')).toBe(500)
  })

  it('is for its user only, with the folder made for it', async () => {
    const path = join(temporaryFile('data'), 'deep', 'maya.db')
    const store = await open(path)
    await append(store, 0, 'one')
    const modes = [dirname(path), path, `${path}-wal`].map((file) =>
      (statSync(file).mode & 0o777).toString(8),
    )
    expect(modes).toEqual(['700', '600', '600'])
  })

  it('keeps its log of changes small', async () => {
    const path = temporaryFile('maya.db')
    const store = await open(path)
    for (let version = 0; version < 30; version++) await append(store, version, 'x'.repeat(1024 * 1024))
    expect(statSync(`${path}-wal`).size).toBeLessThan(6 * 1024 * 1024)
  })

  it('uses the room of removed sessions again, and holds nothing of them any more', async () => {
    const path = temporaryFile('maya.db')
    const store = await open(path)
    const fill = () => append(store, 0, ...Array.from({ length: 200 }, () => 'a secret drink '.repeat(100)))
    await fill()
    await store.remove('a')
    await fill()
    await store.remove('a')
    await store.close()
    expect(statSync(path).size).toBeLessThan(2 * 200 * 1500)
    expect(readFileSync(path).includes('secret')).toBe(false)
  })

  it('is begun where there is an empty one', async () => {
    const path = temporaryFile('maya.db')
    writeFileSync(path, '')
    expect(await append(await open(path), 0, 'one')).toEqual({ ok: true, version: 1 })
  })

  it('of the first version goes on with all that it holds', async () => {
    const path = temporaryFile('maya.db')
    const before = await open(path)
    await append(before, 0, 'one', 'two')
    await before.close()
    edit(path, 'DROP TABLE counters; PRAGMA user_version = 1') // As the first version made it.
    const after = await open(path)
    expect((await after.events('a')).map(textOf)).toEqual(['one', 'two'])
    expect(await after.count('n', 3, Number.MAX_SAFE_INTEGER)).toBe(3)
    await after.close()
    expect(await (await open(path)).count('n', 1, Number.MAX_SAFE_INTEGER)).toBe(4)
  })

  it('keeps no counter that has expired', async () => {
    const path = temporaryFile('maya.db')
    const clock = new FakeClock()
    const store = await open(path, { clock })
    for (let n = 0; n < 100; n++) {
      await store.count(`n${n}`, 1, clock.date() + 10)
      clock.advance(10)
    }
    await store.close()
    const database = new DatabaseSync(path)
    expect(database.prepare('SELECT name FROM counters').all()).toEqual([{ name: 'n99' }])
    database.close()
  })

  it('is refused when a newer program wrote it', async () => {
    const path = temporaryFile('maya.db')
    await (await open(path)).close()
    edit(path, 'PRAGMA user_version = 99')
    await expect(open(path)).rejects.toThrow(
      new StoreError(`${path} was written by a newer Maya: it has version 99, this one knows up to 2.`),
    )
  })

  it('is refused when it is no database', async () => {
    const path = temporaryFile('maya.db')
    writeFileSync(path, 'not a database '.repeat(1000))
    await expect(open(path)).rejects.toThrow(new StoreError(`${path} is not a database.`))
    expect(readFileSync(path, 'utf8')).toBe('not a database '.repeat(1000))
  })

  it('is refused when it is of another program', async () => {
    const path = temporaryFile('maya.db')
    edit(path, 'CREATE TABLE bookmarks (url TEXT)')
    await expect(open(path)).rejects.toThrow(new StoreError(`${path} is the database of another program.`))
  })

  it('is refused when a part of it is missing', async () => {
    const path = temporaryFile('maya.db')
    const store = await open(path)
    await append(store, 0, 'x'.repeat(100_000))
    await store.close()
    truncateSync(path, 3 * 8192)
    await expect(open(path)).rejects.toThrow(new StoreError(`${path} is damaged.`))
  })

  it('is refused when its folder cannot be made or it is a folder itself', async () => {
    const path = temporaryFile('maya.db')
    mkdirSync(path)
    await expect(open(path)).rejects.toThrow(new StoreError(`${path} could not be opened.`))
    const file = join(path, 'file')
    writeFileSync(file, '')
    const inner = join(file, 'deep', 'maya.db')
    await expect(open(inner)).rejects.toThrow(
      new StoreError(`${inner} could not be read or written: ENOTDIR.`),
    )
  })

  it('says that an entry is not readable without quoting it', async () => {
    const path = temporaryFile('maya.db')
    const store = await open(path)
    await append(store, 0, 'one')
    await store.close()
    edit(path, `UPDATE entries SET events = '[secret'`)
    const failure: unknown = await (await open(path)).load('a').catch((error: unknown) => error)
    expect(failure).toEqual(new StoreError(`${path} holds an entry that is not JSON.`))
    expect(failure).not.toHaveProperty('cause')
  })
})

describe('a SQLite file that is in use', () => {
  it('is refused after the wait, which is told once', async () => {
    const path = temporaryFile('maya.db')
    const owner = await open(path)
    await append(owner, 0, 'one')
    let told = 0
    const second = open(path, { waitMs: 500, onWaiting: () => told++ })
    await expect(second).rejects.toThrow(new StoreError(`${path} is in use by another process.`))
    expect(told).toBe(1)
    expect(await append(owner, 1, 'two')).toEqual({ ok: true, version: 2 })
  })

  it('is opened as soon as its owner lets go', async () => {
    const path = temporaryFile('maya.db')
    const owner = await open(path)
    const second = await open(path, {
      waitMs: 10_000,
      onWaiting: () => void append(owner, 0, 'last').then(() => owner.close()),
    })
    expect((await second.events('a')).map(textOf)).toEqual(['last'])
  })
})

describe('a SQLite store that cannot write', () => {
  it.each(['ABORT', 'ROLLBACK'])(
    'refuses all appends of the moment after %s, keeps none, and goes on',
    async (how) => {
      const path = temporaryFile('maya.db')
      await (await open(path)).close()
      edit(
        path,
        `CREATE TRIGGER full BEFORE INSERT ON entries WHEN NEW.events LIKE '%too much%'
       BEGIN SELECT RAISE(${how}, 'full'); END`,
      )
      const store = await open(path)
      const results = await Promise.allSettled(
        ['one', 'too much', 'two'].map((text, at) =>
          store.append({ id: `s${at}`, expectedVersion: 0, events: [said(text)], expiresAt }),
        ),
      )
      expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected', 'rejected'])
      for (const result of results) {
        expect(result).toHaveProperty('reason', expect.any(StoreError))
      }
      expect(await Promise.all(['s0', 's1', 's2'].map((id) => store.version(id)))).toEqual([0, 0, 0])
      expect(await append(store, 0, 'small')).toEqual({ ok: true, version: 1 })
    },
  )
})
