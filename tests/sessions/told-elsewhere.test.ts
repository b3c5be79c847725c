import { describe, expect, it } from 'vitest'
import { createMemoryBus } from '../../src/store/memory-bus.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { says, type ScriptedReply } from '../fakes/scripted-model.ts'
import { unreliable } from '../log/unreliable-store.ts'
import { guestOf, startContainer, toldBy } from './container.ts'

/**
 * One session and three containers over one store; the first cannot be asked by the others and answers when `open` is
 * called.
 */
async function setup() {
  const clock = new FakeClock()
  const store = createMemoryStore({ clock, shared: true })
  const door = Promise.withResolvers<void>()
  const reply: ScriptedReply = async function* later() {
    await door.promise
    yield* says('One.')
  }
  const { store: storeOfOne, faults: faultsOfOne } = unreliable(store)
  const { store: storeOfTwo, faults: faultsOfTwo } = unreliable(store)
  const bus = createMemoryBus()
  const one = startContainer({ name: 'a', clock, store: storeOfOne, replies: [reply] })
  const two = startContainer({ name: 'b', clock, store: storeOfTwo, bus })
  const three = startContainer({ name: 'c', clock, store, bus })
  const { id } = await one.sessions.create({ agent: 'maya', workspace: 'default' })
  const [a, b, c] = [guestOf(one, id), guestOf(two, id), guestOf(three, id)]
  return { a, b, c, store, clock, id, open: door.resolve, faultsOfOne, faultsOfTwo }
}

describe('a turn of a container that cannot be asked, told from its log', () => {
  it('is told anew to a reader that came while it was running', async () => {
    const { a, b, open } = await setup()
    const running = await a.send('1', 'k')
    await settle()
    const toldEarly = await b.use((session) => session.findTurn(running.turnId))
    expect(toldEarly.last).toMatchObject({ type: 'error', code: 'INTERRUPTED', retryable: true })
    open()
    await running.whenEnded
    for (const guest of [a, b]) {
      const again = await guest.send('1', 'k')
      expect(again.isReadToEnd(toldEarly.lastNumber)).toBe(false)
      expect(again.attach(toldEarly.lastNumber, () => {})?.isRestart).toBe(true)
      expect(toldBy(again).at(-1)).toMatchObject({ type: 'complete', content: 'One.' })
    }
  })

  it('can be asked for again when it began in the moment in which it was looked for', async () => {
    const { a, b, faultsOfOne, faultsOfTwo } = await setup()
    const began = Promise.withResolvers<void>()
    faultsOfOne.before = (operation) => (operation === 'append' ? began.promise : undefined)
    const { turnId } = await a.send('1', 'k')
    faultsOfTwo.before = async (operation) => {
      if (operation !== 'events') return
      began.resolve()
      await settle()
    }
    const told = await b.use((session) => session.findTurn(turnId))
    expect(told.last).toMatchObject({ type: 'error', code: 'INTERRUPTED', retryable: true })
  })
  it('has its own name where the same was asked at the same moment', async () => {
    const { a, b, open, clock, store, id } = await setup()
    const both = await Promise.all([a.send('1', 'k'), b.send('1', 'k')])
    const [early, late] = [both[1].attach(null, () => {}), both[1].attach(null, () => {})]
    expect(early?.next()).toMatchObject({ number: 1, event: { type: 'session' } })
    open()
    await clock.advanceAsync(1000)
    const ids = (await store.events(id)).flatMap((event) => ('turnId' in event ? [event.turnId] : []))
    expect(new Set(both.map(({ turnId }) => turnId))).toEqual(new Set(ids))
    for (const reader of [early, late]) {
      expect(reader?.next()).toMatchObject({ number: 500_000, event: { type: 'session' } })
      expect(reader?.isRestart).toBe(true)
    }
    // Whoever has read something under its name goes on from nowhere.
    expect(both[1].attach(1, () => {})?.isRestart).toBe(true)
  })
  it('is not told under the name of another one, either, where a third container follows that', async () => {
    const { a, b, c, open, clock } = await setup()
    const [, same] = await Promise.all([a.send('1', 'k'), b.send('1', 'k')])
    const followed = await c.use((session) => session.findTurn(same.turnId))
    open()
    await clock.advanceAsync(1000)
    expect(followed.last).toMatchObject({ type: 'error', code: 'INTERRUPTED', retryable: true })
    expect(toldBy(await c.send('1', 'k')).at(-1)).toMatchObject({ type: 'complete', content: 'One.' })
  })
})
