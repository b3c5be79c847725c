import { describe, expect, it, onTestFinished } from 'vitest'
import type { SessionEvent } from '../../src/log/events.ts'
import { StoreError, type Store } from '../../src/log/store.ts'
import { created, said, stateAt, textOf } from './samples.ts'

export interface StoreUnderTest {
  readonly store: Store
  /** Lets time pass by the store's own clock. */
  readonly advance: (durationMs: number) => Promise<void>
  /** That clock's time, in milliseconds since 1970. */
  readonly date: () => number
}

const expiresAt = 1_000_000
/** Long enough for a store by whose real clock time passes, on a machine that has much to do. */
const leaseMs = 1000

/** The promises that every Store keeps, run once for each implementation. */
export function storeContract(name: string, create: () => Promise<StoreUnderTest>): void {
  async function setup() {
    const { store, advance, date } = await create()
    onTestFinished(() => store.close())
    let version = 0
    /** Extends the session `a` by one entry for each text. */
    async function append(...texts: readonly string[]) {
      const result = await store.append({
        id: 'a',
        expectedVersion: version,
        events: texts.map(said),
        expiresAt,
      })
      if (result.ok) version = result.version
      return result
    }
    return { store, advance, date, append }
  }

  /** Sessions that expire at the moments given; each is named after its place. */
  async function withExpiries(...moments: readonly number[]) {
    const { store } = await setup()
    const ids = moments.map((_, at) => `s${at}`)
    await Promise.all(
      moments.map((moment, at) =>
        store.append({ id: `s${at}`, expectedVersion: 0, events: [said('one')], expiresAt: moment }),
      ),
    )
    return { store, ids }
  }

  async function withSessions(...ids: readonly string[]) {
    const { store } = await setup()
    const events = [said('one')]
    await Promise.all(ids.map((id) => store.append({ id, expectedVersion: 0, events, expiresAt })))
    return store
  }

  describe(`${name}: append`, () => {
    it('begins a log at 0 and extends it by exactly the events given', async () => {
      const { store } = await setup()
      const first = { id: 'a', expectedVersion: 0, events: [created], expiresAt }
      expect(await store.append(first)).toEqual({ ok: true, version: 1 })
      const second = { id: 'a', expectedVersion: 1, events: [said('one'), said('two')], expiresAt }
      expect(await store.append(second)).toEqual({ ok: true, version: 3 })
      expect(await store.events('a')).toEqual([created, said('one'), said('two')])
      expect(await store.version('a')).toBe(3)
    })

    it.each([0, 1, 3])(
      'answers a conflict at %i where the log holds 2, and changes nothing',
      async (version) => {
        const { store, append } = await setup()
        await append('one', 'two')
        const wrong = { id: 'a', expectedVersion: version, events: [said('no')], expiresAt: 1 }
        expect(await store.append(wrong)).toEqual({ ok: false, reason: 'conflict' })
        const events = [said('one'), said('two')]
        expect(await store.load('a')).toEqual({ version: 2, snapshot: undefined, events, expiresAt })
      },
    )

    it('answers a conflict when a log that does not exist is to be extended', async () => {
      const { store } = await setup()
      const append = { id: 'a', expectedVersion: 1, events: [said('no')], expiresAt }
      expect(await store.append(append)).toEqual({ ok: false, reason: 'conflict' })
      expect(await store.load('a')).toBeUndefined()
    })

    it('adds nothing for no events, and makes no session of them', async () => {
      const { store, append } = await setup()
      expect(await append()).toEqual({ ok: true, version: 0 })
      expect(await store.load('a')).toBeUndefined()
      await append('one')
      expect(await append()).toEqual({ ok: true, version: 1 })
      const wrong = { id: 'a', expectedVersion: 0, events: [], expiresAt }
      expect(await store.append(wrong)).toEqual({ ok: false, reason: 'conflict' })
    })

    it('lets one of many win that were issued at once, and disturbs no other session', async () => {
      const { store } = await setup()
      const results = await Promise.all(
        ['a', 'a', 'b', 'a', 'c'].map((id, at) =>
          store.append({ id, expectedVersion: 0, events: [said(`${id}${at}`)], expiresAt }),
        ),
      )
      expect(results.map((result) => result.ok)).toEqual([true, false, true, false, true])
      expect((await store.events('a')).map(textOf)).toEqual(['a0'])
      expect((await store.events('c')).map(textOf)).toEqual(['c4'])
    })

    it('lets one who does not wait add several in a row', async () => {
      const { store } = await setup()
      const results = await Promise.all(
        ['one', 'two', 'three'].map((text, expectedVersion) =>
          store.append({ id: 'a', expectedVersion, events: [said(text)], expiresAt }),
        ),
      )
      expect(results.map((result) => result.ok && result.version)).toEqual([1, 2, 3])
      expect((await store.events('a')).map(textOf)).toEqual(['one', 'two', 'three'])
    })

    it('keeps each of the thousand entries of two racing writers exactly once and in order', async () => {
      const { store } = await setup()
      const conflicts = await Promise.all([race(store, 'left', 500), race(store, 'right', 500)])
      const texts = (await store.events('a')).map(textOf)
      expect(texts).toHaveLength(1000)
      for (const writer of ['left', 'right']) {
        const expected = Array.from({ length: 500 }, (_, n) => `${writer} ${n}`)
        expect(texts.filter((text) => text.startsWith(writer))).toEqual(expected)
      }
      expect(Math.max(...conflicts)).toBeGreaterThan(0)
    })

    it('keeps any text as it was', async () => {
      const { store, append } = await setup()
      const texts = [
        'Ein Weißbier, s’il vous plaît 🍺',
        '\u0000\u001f\u2028"\\',
        '\ud83c',
        '酒'.repeat(70_000),
      ]
      await append(...texts)
      expect((await store.events('a')).map(textOf)).toEqual(texts)
    })

    it('keeps what was appended when the caller goes on with its array', async () => {
      const { store } = await setup()
      const events: SessionEvent[] = [said('one')]
      const appended = store.append({ id: 'a', expectedVersion: 0, events, expiresAt })
      events.push(said('two'))
      await appended
      expect(await store.events('a')).toEqual([said('one')])
    })
  })

  describe(`${name}: load`, () => {
    it('finds nothing where there is no session', async () => {
      const { store } = await setup()
      expect(await store.load('a')).toBeUndefined()
      expect(await store.events('a')).toEqual([])
      expect(await store.version('a')).toBe(0)
    })

    it('returns the snapshot and only the later events, also when it cuts an append in two', async () => {
      const { store, append } = await setup()
      await append('one', 'two', 'three')
      await append('four')
      const snapshot = { version: 2, state: stateAt(7) }
      await store.saveSnapshot('a', snapshot)
      const events = [said('three'), said('four')]
      expect(await store.load('a')).toEqual({ version: 4, snapshot, events, expiresAt })
      expect((await store.events('a')).map(textOf)).toEqual(['one', 'two', 'three', 'four'])
      await store.saveSnapshot('a', { version: 4, state: stateAt(8) })
      expect(await store.load('a')).toMatchObject({ snapshot: { version: 4 }, events: [] })
    })

    it('does not change under the eyes of its caller', async () => {
      const { store, append } = await setup()
      await append('one')
      const [loaded, events] = await Promise.all([store.load('a'), store.events('a')])
      await append('two')
      expect(loaded?.events).toHaveLength(1)
      expect(events).toHaveLength(1)
    })

    it('keeps the newest of several snapshots and ignores one that is ahead of the log', async () => {
      const { store, append } = await setup()
      await append('one', 'two', 'three')
      for (const version of [2, 1, 4]) await store.saveSnapshot('a', { version, state: stateAt(version) })
      expect((await store.load('a'))?.snapshot).toEqual({ version: 2, state: stateAt(2) })
    })

    it('keeps no snapshot of a session that does not exist', async () => {
      const { store, append } = await setup()
      await store.saveSnapshot('a', { version: 1, state: stateAt(1) })
      await append('one')
      expect((await store.load('a'))?.snapshot).toBeUndefined()
    })
  })

  describe(`${name}: expiry`, () => {
    it('names those whose time has come, the oldest first, up to the number asked for', async () => {
      const { store } = await withExpiries(50, 20, 40, 10, 30)
      expect(await store.expired(40, 10)).toEqual(['s3', 's1', 's4', 's2'])
      expect(await store.expired(40, 2)).toEqual(['s3', 's1'])
      expect(await store.expired(9, 10)).toEqual([])
      expect(await store.expired(40, 0)).toEqual([])
    })

    it('follows appends and touches in either direction', async () => {
      const { store } = await withExpiries(10, 20, 30)
      await store.touch('s0', 40)
      await store.touch('s2', 15.5)
      await store.append({ id: 's1', expectedVersion: 1, events: [said('two')], expiresAt: 50 })
      expect(await store.expired(100, 10)).toEqual(['s2', 's0', 's1'])
      expect((await store.load('s2'))?.expiresAt).toBe(15.5)
      expect((await store.load('s1'))?.expiresAt).toBe(50)
    })

    it('makes no session by touching one', async () => {
      const { store } = await withExpiries()
      await store.touch('a', 10)
      expect(await store.load('a')).toBeUndefined()
      expect(await store.expired(100, 10)).toEqual([])
    })

    it('forgets a removed session with everything in it, and no other', async () => {
      const { store, ids } = await withExpiries(10, 20)
      await store.saveSnapshot('s0', { version: 1, state: stateAt(1) })
      expect(await store.remove('s0')).toBe(true)
      expect(await store.remove('s0')).toBe(false)
      expect(await store.load('s0')).toBeUndefined()
      expect(await store.events('s0')).toEqual([])
      expect(await store.expired(100, 10)).toEqual(ids.slice(1))
      await store.append({ id: 's0', expectedVersion: 0, events: [said('anew')], expiresAt })
      expect(await store.load('s0')).toMatchObject({
        version: 1,
        snapshot: undefined,
        events: [said('anew')],
      })
    })

    it('removes an expired session only if it has not been used since', async () => {
      const { store } = await withExpiries(10, 10)
      const touched = store.touch('s0', 60)
      const removed = await Promise.all(['s0', 's1'].map((id) => store.remove(id, 50)))
      await touched
      expect(removed).toEqual([false, true])
      expect(await store.version('s0')).toBe(1)
      expect(await store.remove('s0', 60)).toBe(true)
    })
  })

  describe(`${name}: ids`, () => {
    it('are those of all sessions in their order, in pages that go on after any id', async () => {
      const store = await withSessions('c', 'B', 'a', '-', 'ab', '_')
      expect(await store.ids(undefined, 10)).toEqual(['-', 'B', '_', 'a', 'ab', 'c'])
      expect(await store.ids(undefined, 2)).toEqual(['-', 'B'])
      expect(await store.ids('B', 2)).toEqual(['_', 'a'])
      expect(await store.ids('aa', 10)).toEqual(['ab', 'c'])
      expect(await store.ids('c', 10)).toEqual([])
    })

    it('are none where there are no sessions', async () => {
      const store = await withSessions()
      expect(await store.ids(undefined, 10)).toEqual([])
    })

    it('follow what is begun, extended, touched and removed, and leave out no expired one', async () => {
      const store = await withSessions('a', 'b', 'c')
      await store.append({ id: 'b', expectedVersion: 1, events: [said('two')], expiresAt: 1 })
      await store.touch('c', 2)
      await store.touch('d', 2)
      await store.acquireLease('e', 'left', leaseMs)
      await store.remove('a')
      expect(await store.ids(undefined, 10)).toEqual(['b', 'c'])
    })
  })

  describe(`${name}: leases`, () => {
    it('gives a lease to one owner at a time', async () => {
      const { store } = await setup()
      expect(await store.acquireLease('a', 'left', leaseMs)).toBe(true)
      expect(await store.acquireLease('a', 'right', leaseMs)).toBe(false)
      expect(await store.acquireLease('b', 'right', leaseMs)).toBe(true)
      await store.releaseLease('a', 'left')
      expect(await store.acquireLease('a', 'right', leaseMs)).toBe(true)
    })

    it('prolongs a lease that is held, by renewing it or taking it again', async () => {
      const { store, advance } = await setup()
      await store.acquireLease('a', 'left', leaseMs)
      await advance(leaseMs / 2)
      expect(await store.renewLease('a', 'left', leaseMs)).toBe(true)
      await advance(leaseMs / 2)
      expect(await store.acquireLease('a', 'left', leaseMs)).toBe(true)
      await advance(leaseMs / 2)
      expect(await store.acquireLease('a', 'right', leaseMs)).toBe(false)
    })

    it('ends a lease after its time', async () => {
      const { store, advance } = await setup()
      await store.acquireLease('a', 'left', leaseMs)
      await advance(leaseMs)
      expect(await store.renewLease('a', 'left', leaseMs)).toBe(false)
      expect(await store.acquireLease('a', 'right', leaseMs)).toBe(true)
      expect(await store.renewLease('a', 'left', leaseMs)).toBe(false)
      expect(await store.renewLease('a', 'right', leaseMs)).toBe(true)
    })

    it('ignores a release by somebody else', async () => {
      const { store } = await setup()
      await store.acquireLease('a', 'left', leaseMs)
      await store.releaseLease('a', 'right')
      expect(await store.acquireLease('a', 'right', leaseMs)).toBe(false)
      await store.releaseLease('b', 'right')
    })

    it('lets only the holder append as an owner, and everybody without', async () => {
      const { store, append } = await setup()
      await store.acquireLease('a', 'left', leaseMs)
      await append('one')
      const as = (owner: string) =>
        store.append({ id: 'a', expectedVersion: 1, events: [said('two')], expiresAt, owner })
      expect(await as('right')).toEqual({ ok: false, reason: 'lease-lost' })
      expect(await as('left')).toEqual({ ok: true, version: 2 })
      expect(await as('left')).toEqual({ ok: false, reason: 'conflict' })
    })

    it('refuses an owner whose lease ran out, although nobody took it, before looking at the version', async () => {
      const { store, advance } = await setup()
      await store.acquireLease('a', 'left', leaseMs)
      await advance(leaseMs)
      for (const expectedVersion of [0, 5]) {
        const late = { id: 'a', expectedVersion, events: [said('late')], expiresAt, owner: 'left' }
        expect(await store.append(late)).toEqual({ ok: false, reason: 'lease-lost' })
      }
      expect(await store.load('a')).toBeUndefined()
    })

    it('is freed when its session is removed, and kept when it is not', async () => {
      const { store, append } = await setup()
      await append('one')
      await store.acquireLease('a', 'left', leaseMs)
      expect(await store.remove('a', expiresAt - 1)).toBe(false)
      expect(await store.renewLease('a', 'left', leaseMs)).toBe(true)
      expect(await store.remove('a')).toBe(true)
      expect(await store.renewLease('a', 'left', leaseMs)).toBe(false)
    })
  })

  describe(`${name}: counters`, () => {
    it('add up, each by itself, and may go down', async () => {
      const { store, date } = await setup()
      const later = date() + 10_000
      expect(await store.count('a', 5, later)).toBe(5)
      expect(await store.count('b', 2, later)).toBe(2)
      expect(await store.count('a', -2, later)).toBe(3)
      expect(await store.count('a', 1_000_000_000_000, later)).toBe(1_000_000_000_003)
      expect(await store.count('b', -3, later)).toBe(-1)
    })

    it('are only looked at by a count of 0, which makes none and moves no expiry', async () => {
      const { store, date, advance } = await setup()
      expect(await store.count('a', 0, date() + 10_000)).toBe(0)
      await store.count('a', 5, date() + 500)
      expect(await store.count('a', 0, date() + 10_000)).toBe(5)
      await advance(500)
      expect(await store.count('a', 0, date() + 10_000)).toBe(0)
    })

    it('lose nothing when many count at once', async () => {
      const { store, date } = await setup()
      const later = date() + 10_000
      const sums = await Promise.all(Array.from({ length: 200 }, () => store.count('a', 1, later)))
      expect(sums.toSorted((one, other) => one - other)).toEqual(Array.from({ length: 200 }, (_, n) => n + 1))
    })

    it('are forgotten at the moment that was given last, and begin at 0 again', async () => {
      const { store, date, advance } = await setup()
      await store.count('a', 5, date() + 500)
      await store.count('b', 5, date() + 500)
      await store.count('b', 1, date() + 1500)
      await advance(500)
      expect(await store.count('a', 1, date() + 500)).toBe(1)
      expect(await store.count('b', 1, date() + 250)).toBe(7)
      await advance(250)
      expect(await store.count('b', 0, date())).toBe(0)
    })

    it('have nothing to do with sessions of the same name', async () => {
      const { store, date, append } = await setup()
      await store.count('a', 5, date() + 10_000)
      await append('one')
      await store.remove('a')
      expect(await store.count('a', 0, 0)).toBe(5)
      expect(await store.expired(Number.MAX_SAFE_INTEGER, 10)).toEqual([])
    })
  })

  describe(`${name}: close`, () => {
    it('can be called twice, finishes what was asked for before, and refuses everything after', async () => {
      const { store } = await setup()
      const pending = store.append({ id: 'a', expectedVersion: 0, events: [said('one')], expiresAt })
      await Promise.all([store.close(), store.close()])
      await store.close()
      expect(await pending).toEqual({ ok: true, version: 1 })
      const calls: readonly (() => Promise<unknown>)[] = [
        () => store.append({ id: 'a', expectedVersion: 0, events: [], expiresAt }),
        () => store.load('a'),
        () => store.events('a'),
        () => store.version('a'),
        () => store.saveSnapshot('a', { version: 1, state: stateAt(1) }),
        () => store.touch('a', 1),
        () => store.expired(1, 1),
        () => store.ids(undefined, 1),
        () => store.remove('a'),
        () => store.acquireLease('a', 'left', 1),
        () => store.renewLease('a', 'left', 1),
        () => store.releaseLease('a', 'left'),
        () => store.count('a', 1, 1),
        () => store.count('a', 0, 1),
      ]
      for (const call of calls) await expect(call()).rejects.toThrow(StoreError)
    })
  })
}

/** Adds numbered entries, each decided from the log as it was read; on a conflict reads and decides again. */
async function race(store: Store, writer: string, count: number): Promise<number> {
  let conflicts = 0
  let log = await store.events('a')
  for (;;) {
    const mine = log.filter((event) => textOf(event).startsWith(writer)).length
    if (mine === count) return conflicts
    const events = [said(`${writer} ${mine}`)]
    const result = await store.append({ id: 'a', expectedVersion: log.length, events, expiresAt })
    if (!result.ok) conflicts++
    log = result.ok ? [...log, ...events] : await store.events('a')
    if (result.ok && result.version !== log.length) throw new Error('The versions are not contiguous.')
  }
}
