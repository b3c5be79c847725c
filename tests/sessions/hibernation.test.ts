import { describe, expect, it } from 'vitest'
import { StoreError } from '../../src/log/store.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { hangsAfter, says } from '../fakes/scripted-model.ts'
import { unreliable } from '../log/unreliable-store.ts'
import { guestOf, startContainer, textOf, type ContainerOptions } from './container.ts'

const who = { agent: 'maya', workspace: 'default' }
const idleMs = 60_000

/** A container for three, with three sessions in it, made one second after the other. */
async function setup(options: ContainerOptions = {}) {
  const clock = new FakeClock()
  const inner = createMemoryStore({ clock })
  const { store, faults } = unreliable(inner)
  const container = startContainer({ clock, store, sessionsMax: 3, idleMs, ...options })
  const ids: string[] = []
  for (let count = 0; count < 3; count++) {
    ids.push((await container.sessions.create(who)).id)
    clock.advance(1000)
  }
  const asked: string[] = []
  faults.before = (operation, argument) => void asked.push(`${operation} ${String(argument)}`)
  const [a = '', b = '', c = ''] = ids
  return { ...container, ids, a, b, c, asked, faults, inner }
}

/** Which of the sessions are live: those whose use loads nothing. */
function hibernated({ happened }: { happened: readonly string[] }): number {
  return happened.filter((what) => what === 'hibernated').length
}

/** All three sessions hibernated, and their places taken by others that are idle too. */
async function asleep(options: ContainerOptions = {}) {
  const container = await setup(options)
  container.clock.advance(idleMs + 1)
  for (let count = 0; count < 3; count++) await container.sessions.create(who)
  container.asked.length = 0
  return container
}

describe('hibernation', () => {
  it('makes room for a newcomer by letting only the longest idle session go', async () => {
    const { sessions, clock, a, asked, happened } = await setup()
    clock.advance(idleMs)
    await sessions.create(who)
    expect([sessions.liveCount, hibernated({ happened })]).toEqual([3, 1])
    asked.length = 0
    clock.advance(idleMs + 1)
    await sessions.use(a, 'default', () => {})
    expect(asked).toContain(`load ${a}`)
  })

  it('goes by the end of the last use, not by its beginning', async () => {
    const { sessions, clock, a, b, asked } = await setup({ replies: [hangsAfter('Well'), says('Done.')] })
    const long = await sessions.use(a, 'default', (session) => ({ session, release: session.hold() }))
    await sessions.use(b, 'default', () => {})
    clock.advance(10_000)
    long.release()
    clock.advance(idleMs + 1)
    // The third was used before both.
    await sessions.create(who)
    await sessions.create(who)
    asked.length = 0
    await sessions.use(a, 'default', () => {})
    expect(asked).toEqual([])
  })

  it('never touches a session that was used within the idle time', async () => {
    const { sessions, clock, ids, happened } = await setup()
    clock.advance(idleMs - 1000)
    for (const id of ids) await sessions.use(id, 'default', () => {})
    clock.advance(idleMs)
    await expect(sessions.create(who)).rejects.toMatchObject({ code: 'SESSION_LIMIT' })
    expect(hibernated({ happened })).toBe(0)
  })

  it('never touches a session in use: a turn that runs, a stream that is open, a request under way', async () => {
    const { sessions, clock, a, b, c, happened } = await setup({ replies: [hangsAfter('Well')], turnMs: 1e9 })
    await sessions.use(a, 'default', (session) => session.send({ userInput: 'Hm', request: undefined }))
    const release = await sessions.use(b, 'default', (session) => session.hold())
    const door = Promise.withResolvers<void>()
    const request = sessions.use(c, 'default', () => door.promise)
    await settle()
    await clock.advanceAsync(10 * idleMs)
    await expect(sessions.create(who)).rejects.toMatchObject({ code: 'SESSION_LIMIT' })
    expect([sessions.turnsRunning, hibernated({ happened })]).toEqual([1, 0])
    release()
    door.resolve()
    await request
    clock.advance(idleMs + 1)
    await sessions.create(who)
    await sessions.create(who)
    await expect(sessions.create(who)).rejects.toMatchObject({ code: 'SESSION_LIMIT' })
  })

  it('begins with the sweep when the container is crowded, and not before', async () => {
    const { sessions, clock, happened } = await setup({ sessionsMax: 4 })
    clock.advance(idleMs + 1)
    await sessions.sweep()
    expect(hibernated({ happened })).toBe(0)
    await sessions.create(who)
    await sessions.sweep()
    expect([sessions.liveCount, hibernated({ happened })]).toEqual([3, 1])
  })

  it('lets go of whatever is expired, also where sessions expire before they are idle', async () => {
    const { sessions, clock } = await setup({ expiryMs: 30_000 })
    clock.advance(31_000)
    await sessions.create(who)
    expect(sessions.liveCount).toBeLessThanOrEqual(3)
  })

  it('loses nothing: the conversation goes on', async () => {
    const { sessions, clock, a, store, script } = await setup({ replies: [says('One.'), says('Two.')] })
    const guest = guestOf({ sessions, store }, a)
    await guest.say('first')
    clock.advance(idleMs + 1)
    for (let count = 0; count < 3; count++) await sessions.create(who)
    clock.advance(idleMs + 1)
    expect(textOf(await guest.say('second'))).toBe('Two.')
    expect(script.requests[1]?.messages).toHaveLength(3)
  })
})

describe('waking', () => {
  it('loads once for 50 uses at the same instant, and all get the same session', async () => {
    const { sessions, clock, a, asked, happened } = await asleep()
    clock.advance(idleMs + 1)
    const used = await Promise.all(
      Array.from({ length: 50 }, () => sessions.use(a, 'default', (session) => session)),
    )
    expect(new Set(used).size).toBe(1)
    expect(asked.filter((what) => what === `load ${a}`)).toHaveLength(1)
    expect(happened.filter((what) => what === 'woken')).toHaveLength(1)
  })

  it('is refused while there is no place, and the session is there later', async () => {
    const { sessions, clock, a } = await asleep()
    await expect(sessions.use(a, 'default', () => {})).rejects.toMatchObject({
      code: 'SESSION_LIMIT',
      retryAfterSeconds: 5,
    })
    clock.advance(idleMs + 1)
    await sessions.use(a, 'default', () => {})
  })

  it('of an unknown session is a 404 also while there is no place, and takes none', async () => {
    const { sessions, happened } = await asleep()
    await expect(sessions.use('unknown', 'default', () => {})).rejects.toMatchObject({
      code: 'SESSION_NOT_FOUND',
    })
    expect(happened.filter((what) => what.startsWith('rejected'))).toEqual([])
    expect(sessions.liveCount).toBe(3)
  })

  it('of an unknown session takes no place either when there is one', async () => {
    const { sessions, happened } = startContainer()
    await expect(sessions.use('unknown', 'default', () => {})).rejects.toMatchObject({
      code: 'SESSION_NOT_FOUND',
    })
    expect([sessions.liveCount, sessions.admissible]).toEqual([0, 10])
    expect(happened).toEqual([])
  })

  it('fails with the store and can be tried again', async () => {
    const { sessions, clock, a, faults } = await asleep()
    clock.advance(idleMs + 1)
    faults.before = (operation) => {
      if (operation === 'load') throw new StoreError('away')
    }
    await expect(sessions.use(a, 'default', () => {})).rejects.toBeInstanceOf(StoreError)
    faults.before = () => {}
    await sessions.use(a, 'default', () => {})
  })

  it('gives a session to nobody from another workspace', async () => {
    const { sessions, clock, a } = await asleep()
    clock.advance(idleMs + 1)
    await expect(sessions.use(a, 'other', () => {})).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' })
    await sessions.use(a, 'default', () => {})
  })

  it('lends no session that is gone again, however little time a session may be idle', async () => {
    const { sessions, clock, a } = await asleep({ idleMs: 0 })
    clock.advance(1)
    // Idle sessions may go at every instant here, and newcomers want their places at every step.
    const uses = Array.from({ length: 10 }, () =>
      sessions.use(a, 'default', async (session) => {
        await settle()
        await session.cashier.tip({ kind: 'amount', cents: 1 }, undefined)
        return session
      }),
    )
    const creations = Array.from({ length: 20 }, async (_, step) => {
      for (let count = 0; count <= step; count++) await Promise.resolve()
      clock.advance(1)
      return sessions.create(who).catch(() => {})
    })
    const results = await Promise.allSettled(uses)
    await Promise.all(creations)
    const refusals = results.flatMap((result) => (result.status === 'rejected' ? [result.reason.code] : []))
    expect(new Set(refusals)).toEqual(new Set(refusals.length === 0 ? [] : ['SESSION_LIMIT']))
    expect(sessions.liveCount).toBeLessThanOrEqual(3)
  })
})
