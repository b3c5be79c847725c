import { describe, expect, it } from 'vitest'
import { fold } from '../../src/log/state.ts'
import { restoreAll, restoreSession } from '../../src/backup/restore.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { at, bounds, created, ended } from '../log/samples.ts'
import { once, unreliable } from '../log/unreliable-store.ts'
import { expiresAt, idOf, keep, logOf, now } from './samples.ts'

const id = idOf('a')
const events = logOf('One', 'Two')

/** A store that holds the beginning of a log, or none. */
async function setup(...present: readonly (typeof events)[]) {
  const { store, faults } = unreliable(createMemoryStore({ clock: new FakeClock() }))
  await keep(store, ...present.map((log) => ({ id, expiresAt: expiresAt - 1, events: log })))
  const options = { store, bounds, now }
  return { store, faults, options, restore: () => restoreSession({ id, expiresAt, events }, options) }
}

describe('a session of a backup', () => {
  it('comes back with its whole log and its expiry', async () => {
    const { store, restore } = await setup()
    expect(await restore()).toBe('imported')
    expect(await store.load(id)).toMatchObject({ version: 7, expiresAt })
    expect(await store.events(id)).toEqual(events)
  })

  it('is there already when it is brought back again', async () => {
    const { restore } = await setup()
    await restore()
    expect(await restore()).toBe('present')
  })

  it('gets what its log in the store lacks', async () => {
    const { store, restore } = await setup(events.slice(0, 4))
    expect(await restore()).toBe('imported')
    expect(await store.load(id)).toMatchObject({ version: 7, expiresAt })
    expect(await store.events(id)).toEqual(events)
  })

  it('that is long has a snapshot, so that its next guest need not wait for the whole log', async () => {
    const { store, options } = await setup()
    const log = logOf('One')
    expect(await restoreSession({ id, expiresAt, events: log }, options)).toBe('imported')
    const state = fold(undefined, log, bounds)
    expect(await store.load(id)).toEqual({
      version: 4,
      snapshot: { version: 4, state },
      events: [],
      expiresAt,
    })
    expect(await store.events(id)).toEqual(log)
  })

  it('does not expire earlier because of that', async () => {
    const { store, restore } = await setup(events.slice(0, 4))
    await store.touch(id, expiresAt + 1)
    expect(await restore()).toBe('imported')
    expect(await store.load(id)).toMatchObject({ version: 7, expiresAt: expiresAt + 1 })
  })

  it.each([
    ['present', 'newer', logOf('One', 'Two', 'Three')],
    ['present', 'just as long', logOf('One', 'Else')],
    ['different', 'shorter and another', logOf('Else')],
  ] as const)('is %s where the log in the store is %s, which stays', async (expected, _, present) => {
    const { store, restore } = await setup(present)
    expect(await restore()).toBe(expected)
    expect(await store.load(id)).toMatchObject({ events: present, expiresAt: expiresAt - 1 })
  })

  it('is left alone when somebody goes on with it at this moment', async () => {
    const { store, faults, restore } = await setup(events.slice(0, 4))
    const other = { id, expectedVersion: 4, events: at(6, { type: 'session-reset' }), expiresAt }
    faults.before = once('append', async () => void (await store.append(other)))
    expect(await restore()).toBe('changed')
    expect(await store.version(id)).toBe(5)
  })

  it('stays away when it has expired', async () => {
    const { store, options } = await setup()
    expect(await restoreSession({ id, expiresAt: now, events }, options)).toBe('expired')
    expect(await store.version(id)).toBe(0)
  })

  it.each([
    ['does not begin with a session', events.slice(1)],
    ['ends a turn that is not open', at(5, created, ended('t0'))],
    ['holds what this version does not know', at(5, created).concat(JSON.parse('{"at":6,"type":"new"}'))],
    ['holds an event without its fields', at(5, created).concat(JSON.parse('{"at":6,"type":"effect"}'))],
  ])('stays away when its log %s', async (_, log) => {
    const { store, options } = await setup()
    expect(await restoreSession({ id, expiresAt, events: log }, options)).toBe('unreadable')
    expect(await store.version(id)).toBe(0)
  })
})

it('all sessions of a backup are counted by what they came to', async () => {
  const { options } = await setup(events)
  async function* sessions() {
    yield { id, expiresAt, events }
    yield { id: idOf('b'), expiresAt, events }
    yield { id: idOf('c'), expiresAt: now - 1, events }
    yield { id: idOf('d'), expiresAt, events }
  }
  const counts = await restoreAll(sessions(), options)
  expect(Object.fromEntries(counts)).toEqual({ present: 1, imported: 2, expired: 1 })
})
