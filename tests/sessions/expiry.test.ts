import { describe, expect, it } from 'vitest'
import { StoreError } from '../../src/log/store.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { hangsAfter, says } from '../fakes/scripted-model.ts'
import { once, unreliable } from '../log/unreliable-store.ts'
import { openSession, startContainer, type ContainerOptions } from './container.ts'

const expiryMs = 600_000
const who = { agent: 'maya', workspace: 'default' }

async function setup(options: ContainerOptions = {}) {
  const clock = new FakeClock()
  const inner = createMemoryStore({ clock })
  const { store, faults } = unreliable(inner)
  const session = await openSession({ clock, store, expiryMs, cleanupIntervalMs: 60_000, ...options })
  return { ...session, inner, faults }
}

describe('expiry', () => {
  it('takes a session out of memory and out of the store', async () => {
    const { sessions, clock, inner, id, happened } = await setup()
    clock.advance(expiryMs - 1)
    await sessions.sweep()
    expect(sessions.liveCount).toBe(1)
    clock.advance(1)
    await sessions.sweep()
    expect([sessions.liveCount, await inner.version(id)]).toEqual([0, 0])
    expect(happened).toEqual(['created', 'expired'])
  })

  it('is noticed by a request before the sweep comes', async () => {
    const { use, sessions, clock, inner, id, happened } = await setup()
    clock.advance(expiryMs)
    await expect(use(() => {})).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' })
    expect([sessions.liveCount, await inner.version(id)]).toEqual([0, 0])
    expect(happened).toEqual(['created', 'expired'])
  })

  it('is counted once, however many notice it', async () => {
    const { use, sessions, clock, happened } = await setup()
    clock.advance(expiryMs)
    const uses = Array.from({ length: 5 }, () => use(() => {}))
    const results = await Promise.allSettled([...uses, sessions.sweep(), sessions.sweep()])
    expect(results.map(({ status }) => status)).toEqual([
      ...Array<string>(5).fill('rejected'),
      'fulfilled',
      'fulfilled',
    ])
    expect(happened).toEqual(['created', 'expired'])
    expect(sessions.liveCount).toBe(0)
  })

  it('comes with the regular sweep, also for a hibernated session', async () => {
    const { sessions, clock, inner, id } = await setup({ sessionsMax: 1 })
    sessions.start()
    await clock.advanceAsync(60_001)
    await sessions.create(who)
    expect(sessions.liveCount).toBe(1)
    await clock.advanceAsync(expiryMs + 60_000)
    expect([sessions.liveCount, await inner.version(id)]).toEqual([0, 0])
    await sessions.drain(AbortSignal.abort())
    expect(clock.pending).toBe(0)
  })

  it('is put off by a turn, by a message answered before, and by anything a guest changes', async () => {
    const { say, use, clock } = await setup({ replies: [says('One.')] })
    const expiresAt = () => use(({ log }) => log.expiresAt)
    clock.advance(1000)
    await say('Hello')
    expect(await expiresAt()).toBe(clock.date() + expiryMs)
    clock.advance(1000)
    await use(({ cashier }) => cashier.tip(null, undefined))
    expect(await expiresAt()).toBe(clock.date() + expiryMs)
    clock.advance(1000)
    await use(({ cashier }) =>
      cashier.tip({ kind: 'percentage', percentage: 10 }, { key: 'k', fingerprint: 'f' }),
    )
    clock.advance(1000)
    await use(({ cashier }) =>
      cashier.tip({ kind: 'percentage', percentage: 10 }, { key: 'k', fingerprint: 'f' }),
    )
    expect(await expiresAt()).toBe(clock.date() + expiryMs)
  })

  it('is not put off by looking', async () => {
    const { use, clock } = await setup()
    const before = await use(({ log }) => log.expiresAt)
    clock.advance(1000)
    expect(await use(({ log }) => log.expiresAt)).toBe(before)
  })

  it('never comes to a session in use, and begins anew when the use ends', async () => {
    const { use, sessions, clock, inner, id } = await setup()
    const release = await use((session) => session.hold())
    clock.advance(10 * expiryMs)
    await sessions.sweep()
    expect(await inner.version(id)).toBe(1)
    release()
    clock.advance(expiryMs - 1)
    await sessions.sweep()
    await use(() => {})
  })

  it('never comes to a turn that runs longer than a session lives', async () => {
    const { send, use, sessions, clock } = await setup({ replies: [hangsAfter('Well')], turnMs: 1e9 })
    const events = await send('Hm')
    await settle()
    for (let count = 0; count < 5; count++) {
      await clock.advanceAsync(expiryMs)
      await sessions.sweep()
    }
    expect([events.isEnded, sessions.turnsRunning]).toEqual([false, 1])
    await use((live) => live.stop(undefined, () => ({ status: 200, body: null })))
    expect(events.last).toMatchObject({ type: 'complete' })
  })

  it('sweeps more sessions than one step takes, in one sweep', async () => {
    const { sessions, clock, happened } = startContainer({
      expiryMs,
      sessionsMax: 50,
      limits: { sweepStepMax: 4 },
    })
    for (let count = 0; count < 21; count++) await sessions.create(who)
    clock.advance(expiryMs)
    await sessions.sweep()
    expect(sessions.liveCount).toBe(0)
    expect(happened.filter((what) => what === 'expired')).toHaveLength(21)
  })

  it('survives a store that is away at the time of a sweep', async () => {
    const { sessions, clock, faults, inner, id, defects } = await setup()
    sessions.start()
    await clock.advanceAsync(expiryMs - 1)
    faults.before = once('expired', () => Promise.reject(new StoreError('away')))
    await clock.advanceAsync(1)
    expect(await inner.version(id)).toBe(1)
    faults.before = once('remove', () => Promise.reject(new StoreError('away')))
    await clock.advanceAsync(60_000)
    expect(await inner.version(id)).toBe(1)
    await clock.advanceAsync(60_000)
    expect(await inner.version(id)).toBe(0)
    expect(defects).toEqual([])
    await sessions.drain(AbortSignal.abort())
  })
})

describe('ending a session', () => {
  it('takes it out of memory and out of the store, with the turn that runs', async () => {
    const { send, use, sessions, inner, id, clock } = await setup({ replies: [hangsAfter('Well')] })
    const events = await send('Hm')
    await settle()
    await use((session) => sessions.end(session))
    expect([sessions.liveCount, await inner.version(id), events.isEnded]).toEqual([0, 0, true])
    await expect(use(() => {})).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' })
    await settle()
    expect(clock.pending).toBe(0)
  })

  it('cannot be outrun: whoever comes while it ends finds nothing, and nothing is left of it', async () => {
    const { use, send, sessions, faults, inner, id } = await setup({ replies: [hangsAfter('Well')] })
    await send('Hm')
    const door = Promise.withResolvers<void>()
    faults.before = once('remove', () => door.promise)
    const ending = use((session) => sessions.end(session))
    await settle()
    const late = Array.from({ length: 5 }, () => use(() => {}))
    door.resolve()
    await ending
    const results = await Promise.allSettled(late)
    expect(results.map((result) => result.status === 'rejected' && result.reason.code)).toEqual(
      Array(5).fill('SESSION_NOT_FOUND'),
    )
    expect([sessions.liveCount, await inner.version(id)]).toEqual([0, 0])
  })

  it('tells whoever still holds it that it is gone', async () => {
    const { use, sessions } = await setup()
    const session = await use((live) => live)
    await sessions.end(session)
    await expect(session.send({ userInput: 'Hello', request: undefined })).rejects.toMatchObject({
      code: 'SESSION_NOT_FOUND',
    })
    const tip = session.cashier.tip({ kind: 'percentage', percentage: 10 }, undefined)
    await expect(tip).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' })
  })

  it('that the store refuses leaves the session where it was', async () => {
    const { use, sessions, faults, inner, id } = await setup()
    faults.before = once('remove', () => Promise.reject(new StoreError('away')))
    await expect(use((session) => sessions.end(session))).rejects.toBeInstanceOf(StoreError)
    await use(() => {})
    expect([sessions.liveCount, await inner.version(id)]).toEqual([1, 1])
  })
})
