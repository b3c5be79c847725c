// Both stores against a model that is too simple to be wrong, over random operations.
import * as fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import type { SessionEvent } from '../../src/log/events.ts'
import type { AppendResult, Snapshot, Store, StoredLog } from '../../src/log/store.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { said, stateAt } from './samples.ts'
import { temporaryFile } from './temporary-file.ts'

interface ModelLog {
  events: readonly SessionEvent[]
  snapshot: Snapshot | undefined
  expiresAt: number
}

/** What a store is, said with maps. */
class Model {
  readonly logs = new Map<string, ModelLog>()
  readonly leases = new Map<string, { owner: string; endsAt: number }>()
  readonly counters = new Map<string, { sum: number; endsAt: number }>()
  readonly #startDate: number
  nowMs = 0

  constructor(startDate: number) {
    this.#startDate = startDate
  }

  get date(): number {
    return this.#startDate + this.nowMs
  }

  version(id: string): number {
    return this.logs.get(id)?.events.length ?? 0
  }

  holds(id: string, owner: string): boolean {
    const lease = this.leases.get(id)
    return lease !== undefined && lease.owner === owner && this.nowMs < lease.endsAt
  }

  isFree(id: string): boolean {
    return this.nowMs >= (this.leases.get(id)?.endsAt ?? 0)
  }

  load(id: string): StoredLog | undefined {
    const log = this.logs.get(id)
    if (log === undefined) return undefined
    const { events, snapshot, expiresAt } = log
    return { version: events.length, snapshot, events: events.slice(snapshot?.version ?? 0), expiresAt }
  }

  expired(now: number, max: number): readonly number[] {
    const moments = [...this.logs.values()].map((log) => log.expiresAt).filter((moment) => moment <= now)
    return moments.toSorted((a, b) => a - b).slice(0, max)
  }
}

/** One operation: what the store answers, and what the model does. Numbers are taken relative to the model. */
interface Operation {
  readonly name: string
  run(store: Store, model: Model): { readonly actual: Promise<unknown>; readonly expected: unknown }
}

const ids = fc.constantFrom('a', 'b', 'c')
const owners = fc.constantFrom('left', 'right')
const moments = fc.nat(40)
const offsets = fc.constantFrom(0, 0, 0, 0, 1, -1)

const append = (owner: fc.Arbitrary<string | undefined>) =>
  fc
    .record({ id: ids, offset: offsets, count: fc.nat(3), expiresAt: moments, owner })
    .map(({ id, offset, count, expiresAt, owner: as }): Operation => ({
      name: `append ${JSON.stringify({ id, offset, count, expiresAt, as })}`,
      run(store, model) {
        const expectedVersion = model.version(id) + offset
        const events = Array.from({ length: count }, (_, at) => said(`${expectedVersion + at}`))
        const owned = as === undefined ? {} : { owner: as }
        const actual = store.append({ id, expectedVersion, events, expiresAt, ...owned })
        return { actual, expected: expectAppend() }

        function expectAppend(): AppendResult {
          if (as !== undefined && !model.holds(id, as)) return { ok: false, reason: 'lease-lost' }
          if (offset !== 0) return { ok: false, reason: 'conflict' }
          if (count > 0) {
            const before = model.logs.get(id)
            const all = [...(before?.events ?? []), ...events]
            model.logs.set(id, { events: all, snapshot: before?.snapshot, expiresAt })
          }
          return { ok: true, version: expectedVersion + count }
        }
      },
    }))

const touch = fc.record({ id: ids, expiresAt: moments }).map(({ id, expiresAt }): Operation => ({
  name: `touch ${id} ${expiresAt}`,
  run(store, model) {
    const log = model.logs.get(id)
    if (log !== undefined) log.expiresAt = expiresAt
    return { actual: store.touch(id, expiresAt), expected: undefined }
  },
}))

const saveSnapshot = fc
  .record({ id: ids, offset: fc.integer({ min: -3, max: 1 }) })
  .map(({ id, offset }): Operation => ({
    name: `saveSnapshot ${id} ${offset}`,
    run(store, model) {
      const version = Math.max(0, model.version(id) + offset)
      const snapshot = { version, state: stateAt(version) }
      const log = model.logs.get(id)
      if (log !== undefined && offset <= 0 && version > (log.snapshot?.version ?? -1)) log.snapshot = snapshot
      return { actual: store.saveSnapshot(id, snapshot), expected: undefined }
    },
  }))

const remove = fc
  .record({ id: ids, expiredBefore: fc.option(moments, { nil: undefined }) })
  .map(({ id, expiredBefore }): Operation => ({
    name: `remove ${id} ${expiredBefore}`,
    run(store, model) {
      const expected = (model.logs.get(id)?.expiresAt ?? Infinity) <= (expiredBefore ?? Number.MAX_VALUE)
      if (expected) model.logs.delete(id)
      if (expected) model.leases.delete(id)
      return { actual: store.remove(id, expiredBefore), expected }
    },
  }))

const lease = fc
  .record({ id: ids, owner: owners, durationMs: fc.integer({ min: 1, max: 20 }), renew: fc.boolean() })
  .map(({ id, owner, durationMs, renew }): Operation => ({
    name: `${renew ? 'renew' : 'acquire'} ${id} ${owner} ${durationMs}`,
    run(store, model) {
      const expected = model.holds(id, owner) || (!renew && model.isFree(id))
      if (expected) model.leases.set(id, { owner, endsAt: model.nowMs + durationMs })
      const actual = renew
        ? store.renewLease(id, owner, durationMs)
        : store.acquireLease(id, owner, durationMs)
      return { actual, expected }
    },
  }))

const release = fc.record({ id: ids, owner: owners }).map(({ id, owner }): Operation => ({
  name: `release ${id} ${owner}`,
  run(store, model) {
    if (model.holds(id, owner)) model.leases.delete(id)
    return { actual: store.releaseLease(id, owner), expected: undefined }
  },
}))

const expired = fc.record({ now: moments, max: fc.nat(3) }).map(({ now, max }): Operation => ({
  name: `expired ${now} ${max}`,
  run(store, model) {
    // Sessions of the same moment may come in any order.
    const actual = store
      .expired(now, max)
      .then((found) => [...new Set(found)].map((id) => model.logs.get(id)?.expiresAt))
    return { actual, expected: model.expired(now, max) }
  },
}))

const count = fc
  .record({ name: ids, amount: fc.integer({ min: -3, max: 3 }), durationMs: moments })
  .map(({ name, amount, durationMs }): Operation => ({
    name: `count ${name} ${amount} ${durationMs}`,
    run(store, model) {
      const known = model.counters.get(name)
      const before = known !== undefined && known.endsAt > model.nowMs ? known.sum : 0
      if (amount !== 0) model.counters.set(name, { sum: before + amount, endsAt: model.nowMs + durationMs })
      return { actual: store.count(name, amount, model.date + durationMs), expected: before + amount }
    },
  }))

const load = ids.map((id): Operation => ({
  name: `load ${id}`,
  run: (store, model) => ({
    actual: Promise.all([store.load(id), store.events(id), store.version(id)]),
    expected: [model.load(id), model.logs.get(id)?.events ?? [], model.version(id)],
  }),
}))

const write = fc.oneof(append(fc.constant(undefined)), touch, saveSnapshot, remove)
/** Operations of one moment are issued without waiting between them; reads and leases have theirs alone. */
const moment = fc.record({
  operations: fc.oneof(
    fc.array(write, { minLength: 1, maxLength: 5 }),
    fc.oneof(append(owners), lease, release, expired, count, load).map((operation) => [operation]),
  ),
  pauseMs: fc.constantFrom(0, 0, 5, 15),
})

function setup() {
  const clock = new FakeClock()
  const path = temporaryFile('maya.db')
  return { clock, path }
}

it.each([
  ['memory store', async ({ clock }: ReturnType<typeof setup>) => createMemoryStore({ clock })],
  ['SQLite store', async ({ clock, path }: ReturnType<typeof setup>) => openSqliteStore({ clock, path })],
] as const)('the %s does what the model does', async (_, open) => {
  const subject = setup()
  const store = await open(subject)
  onTestFinished(() => store.close())
  await fc.assert(
    fc.asyncProperty(fc.array(moment, { maxLength: 30 }), async (history) => {
      const model = new Model(subject.clock.date())
      try {
        for (const { operations, pauseMs } of history) {
          const names = operations.map((operation) => operation.name)
          const answers = operations.map((operation) => operation.run(store, model))
          const actual = await Promise.all(answers.map((answer) => answer.actual))
          const expected = answers.map((answer) => answer.expected)
          expect({ names, answers: actual }).toEqual({ names, answers: expected })
          subject.clock.advance(pauseMs)
          model.nowMs += pauseMs
        }
      } finally {
        subject.clock.advance(1000) // Every lease and counter of this history has run out before the next one.
        await Promise.all(['a', 'b', 'c'].map((id) => store.remove(id)))
      }
    }),
    { numRuns: 200 },
  )
})
