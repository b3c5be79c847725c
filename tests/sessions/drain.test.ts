import { describe, expect, it } from 'vitest'
import { StoreError } from '../../src/log/store.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { calls, hanging, hangsAfter, says } from '../fakes/scripted-model.ts'
import { once, unreliable } from '../log/unreliable-store.ts'
import { guestOf, openSession, startContainer, type ContainerOptions } from './container.ts'

const who = { agent: 'maya', workspace: 'default' }

async function setup(options: ContainerOptions = {}) {
  const session = await openSession(options)
  const deadline = new AbortController()
  let isDrained = false
  const drain = () => {
    const drained = session.sessions.drain(deadline.signal).then(() => (isDrained = true))
    return drained
  }
  return { ...session, deadline, drain, isDrained: () => isDrained }
}

describe('draining', () => {
  it('is done at once where nothing runs, and lets go of every session', async () => {
    const { drain, sessions, clock } = await setup()
    sessions.start()
    await drain()
    expect([sessions.liveCount, sessions.admissible, sessions.isDraining, clock.pending]).toEqual([
      0,
      0,
      true,
      0,
    ])
  })

  it('waits for the turns that run and wait', async () => {
    const first = hanging('One')
    const { drain, isDrained, send, use, sessions, happened } = await setup({
      replies: [first.reply, says('Two.')],
    })
    const turns = [await send('1'), await send('2')]
    await first.heard
    const drained = drain()
    await settle()
    expect([isDrained(), sessions.liveCount]).toEqual([false, 1])
    await use((session) => session.stop(undefined, () => ({ status: 200, body: null })))
    await drained
    expect(turns[1]?.last).toMatchObject({ type: 'complete', content: 'Two.' })
    expect([sessions.liveCount, happened.filter((what) => what.startsWith('turn'))]).toEqual([
      0,
      ['turn stopped', 'turn complete'],
    ])
  })

  it('interrupts at the deadline, so that the same message goes on elsewhere', async () => {
    const clock = new FakeClock()
    const store = createMemoryStore({ clock, shared: true })
    const { drain, deadline, isDrained, send, id } = await setup({
      clock,
      store,
      replies: [calls(['add_to_order', { item_name: 'gin', quantity: 1 }]), hangsAfter('Your')],
    })
    const turns = [await send('1', 'k1'), await send('2', 'k2')]
    await settle()
    const drained = drain()
    await settle()
    expect(isDrained()).toBe(false)
    deadline.abort()
    await drained
    expect(turns.map(({ last }) => last)).toMatchObject([
      { type: 'error', code: 'INTERRUPTED', retryable: true },
      { type: 'error', code: 'INTERRUPTED', retryable: true },
    ])
    expect(clock.pending).toBe(0)
    const other = startContainer({ name: 'b', clock, store, replies: [says('Your Gin.'), says('Two.')] })
    const guest = guestOf(other, id)
    expect((await guest.say('1', 'k1')).at(-1)).toMatchObject({ type: 'complete', content: 'Your Gin.' })
    expect((await guest.say('2', 'k2')).at(-1)).toMatchObject({ type: 'complete', content: 'Two.' })
    expect((await guest.state()).bar.lines).toMatchObject([{ quantity: 1 }])
  })

  it('interrupts at once when the deadline is over before', async () => {
    const { drain, deadline, send, clock } = await setup({ replies: [hangsAfter('One')] })
    const events = await send('1')
    await settle()
    deadline.abort()
    await drain()
    expect(events.last).toMatchObject({ code: 'INTERRUPTED' })
    expect(clock.pending).toBe(0)
  })

  it('does not wait for a store that is away to learn of the interruption: the next to come sees it', async () => {
    const clock = new FakeClock()
    const { store, faults } = unreliable(createMemoryStore({ clock }))
    const { drain, send, deadline } = await setup({ clock, store, replies: [hangsAfter('Well')] })
    const events = await send('Hm')
    await settle()
    faults.before = () => Promise.reject(new StoreError('away'))
    deadline.abort()
    await drain()
    expect(events.last).toMatchObject({ type: 'error', retryable: true })
  })

  it('refuses what is new: sessions, hibernated sessions and messages, as something to try again', async () => {
    const { drain, sessions, use, send, id, happened } = await setup({ replies: [hangsAfter('One')] })
    await send('1')
    await settle()
    const session = await use((live) => live)
    void drain()
    const draining = { code: 'DRAINING', retryAfterSeconds: 5 }
    await expect(sessions.create(who)).rejects.toMatchObject(draining)
    await expect(send('2')).rejects.toMatchObject(draining)
    await use((live) => live.stop(undefined, () => ({ status: 200, body: null })))
    await settle()
    expect(sessions.liveCount).toBe(0)
    await expect(use(() => {})).rejects.toMatchObject(draining)
    // Whoever still holds a session that was let go of must not be told that it is gone.
    await expect(session.send({ userInput: '3', request: undefined })).rejects.toMatchObject(draining)
    await expect(sessions.use('unknown', 'default', () => {})).rejects.toMatchObject({
      code: 'SESSION_NOT_FOUND',
    })
    expect(happened).toContain('rejected DRAINING')
    expect(id).not.toBe('unknown')
  })

  it('waits for a session that is just being made, and lets go of that too', async () => {
    const clock = new FakeClock()
    const { store, faults } = unreliable(createMemoryStore({ clock }))
    const { sessions } = startContainer({ clock, store })
    const door = Promise.withResolvers<void>()
    faults.before = once('append', () => door.promise)
    const created = sessions.create(who)
    await settle()
    const drained = sessions.drain(AbortSignal.abort())
    door.resolve()
    await Promise.all([created, drained])
    expect(sessions.liveCount).toBe(0)
  })

  it('sweeps no more', async () => {
    const { drain, sessions, clock, store, id } = await setup()
    sessions.start()
    await drain()
    await clock.advanceAsync(100 * 3600_000)
    expect(await store.version(id)).toBe(1)
  })
})

describe('letting go of a session', () => {
  it('gives back everything, with a turn that runs and one that waits', async () => {
    const { use, send, sessions, clock } = await setup({ replies: [hangsAfter('One')] })
    const turns = [await send('1'), await send('2')]
    await settle()
    const session = await use((live) => live)
    await session.dispose()
    expect(turns.map(({ isEnded }) => isEnded)).toEqual([true, true])
    await settle()
    expect([clock.pending, session.isInUse, session.runningTurnId]).toEqual([0, false, null])
    const empty = await sessions.create(who)
    expect(Math.abs(session.bytes - empty.bytes)).toBeLessThan(2000)
    await session.dispose()
  })
})
