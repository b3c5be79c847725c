import { describe, expect, it } from 'vitest'
import { isBalanced } from '../../src/bar/ledger.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { calls, hangsAfter, says, type ScriptedReply } from '../fakes/scripted-model.ts'
import { once, unreliable } from '../log/unreliable-store.ts'
import { guestOf, startContainer, textOf, type ContainerOptions } from './container.ts'

const gin = ['add_to_order', { item_name: 'gin', quantity: 1 }] as const
const ok = () => ({ status: 200, body: null })

interface Both {
  readonly a?: ContainerOptions
  readonly b?: ContainerOptions
}

/** One session and two containers over the same store; the network of the first can break. */
async function setup({ a = {}, b = {} }: Both = {}) {
  const clock = new FakeClock()
  const store = createMemoryStore({ clock, shared: true })
  const { store: broken, faults } = unreliable(store)
  const one = startContainer({ name: 'a', clock, store: broken, ...a })
  const two = startContainer({ name: 'b', clock, store, ...b })
  const { id } = await one.sessions.create({ agent: 'maya', workspace: 'default' })
  /** From now on nothing of the first container reaches the store. */
  const cutOff = () => {
    const never = new Promise<void>(() => {})
    faults.before = () => never
  }
  return {
    id,
    clock,
    store,
    faults,
    cutOff,
    a: { ...one, ...guestOf(one, id) },
    b: { ...two, ...guestOf(two, id) },
  }
}

/** A reply that comes when the test says so. */
function held(reply: readonly (readonly [string, unknown])[] | string) {
  const door = Promise.withResolvers<void>()
  const scripted: ScriptedReply = async function* later() {
    await door.promise
    yield* typeof reply === 'string' ? says(reply) : calls(...reply)
  }
  return { reply: scripted, open: door.resolve }
}

describe('two containers over one store', () => {
  it('see what the other did at the next request', async () => {
    const { a, b } = await setup({ a: { replies: [calls(gin), says('One.')] } })
    await b.use(() => {})
    await a.say('Gin')
    expect((await b.state()).bar.lines).toMatchObject([{ itemName: 'Gin' }])
  })

  it('let both stand: a tip in one while a turn of the other runs', async () => {
    const order = held([gin])
    const { a, b, store, id } = await setup({ a: { replies: [order.reply, says('One.')] } })
    const events = await a.send('Gin')
    await settle()
    await b.use(({ cashier }) => cashier.tip({ kind: 'percentage', percentage: 20 }, undefined))
    order.open()
    await events.whenEnded
    expect(events.last).toMatchObject({ type: 'complete' })
    for (const guest of [a, b]) {
      expect((await guest.state()).bar).toMatchObject({ tip: { percentage: 20 }, lines: [{ quantity: 1 }] })
    }
    expect((await store.events(id)).map(({ type }) => type)).toEqual([
      'session-created',
      'turn-started',
      'tip-set',
      'model-replied',
      'effect',
      'model-replied',
      'turn-ended',
    ])
  })

  it('run one turn at a time: the second waits for the first', async () => {
    const first = held('One.')
    const { a, b, clock } = await setup({ a: { replies: [first.reply] }, b: { replies: [says('Two.')] } })
    const one = await a.send('1')
    await settle()
    const two = await b.send('2')
    await clock.advanceAsync(20_000)
    expect([one.isEnded, two.isEnded]).toEqual([false, false])
    first.open()
    await one.whenEnded
    await clock.advanceAsync(1000)
    expect(two.last).toMatchObject({ type: 'complete', content: 'Two.' })
    expect(b.script.requests[0]?.messages).toMatchObject([{ text: '1' }, { text: 'One.' }, { text: '2' }])
  })

  it('refuse a second message where overlap is rejected, also from the other container', async () => {
    const first = held('One.')
    const { a, b } = await setup({
      a: { replies: [first.reply] },
      b: { overlap: 'reject', replies: [says('Two.')] },
    })
    const one = await a.send('1', 'k')
    await settle()
    await expect(b.send('2')).rejects.toMatchObject({ code: 'TURN_RUNNING' })
    first.open()
    await one.whenEnded
    expect(textOf(await b.say('2'))).toBe('Two.')
  })

  it('answer the same key once: the other container waits and tells what was answered', async () => {
    const first = held('One.')
    const { a, b, clock } = await setup({ a: { replies: [first.reply] }, b: { overlap: 'reject' } })
    const one = await a.send('1', 'k')
    await settle()
    const same = await b.send('1', 'k')
    await clock.advanceAsync(1000)
    expect([same.turnId, same.isEnded]).toEqual([one.turnId, false])
    first.open()
    await one.whenEnded
    await clock.advanceAsync(1000)
    expect(same.last).toMatchObject({ type: 'complete', content: 'One.' })
    expect(b.script.requests).toEqual([])
  })

  it('answer the same key once also when both were asked at the same instant', async () => {
    const { a, b, clock, store, id } = await setup({
      a: { replies: [says('One.')] },
      b: { replies: [says('One.')] },
    })
    const both = await Promise.all([a.send('1', 'k'), b.send('1', 'k')])
    await clock.advanceAsync(1000)
    expect(both.map(({ last }) => last)).toMatchObject([
      { type: 'complete', content: 'One.' },
      { type: 'complete', content: 'One.' },
    ])
    expect(a.script.requests.length + b.script.requests.length).toBe(1)
    expect((await store.events(id)).filter(({ type }) => type === 'turn-started')).toHaveLength(1)
  })

  it('refuse the same key for another question also when both were asked at the same instant', async () => {
    const { a, b, clock } = await setup({ a: { replies: [says('One.')] }, b: { replies: [says('Two.')] } })
    const [one, two] = await Promise.all([a.send('1', 'k'), b.send('2', 'k')])
    await clock.advanceAsync(1000)
    const ends = [one.last, two.last]
    expect(ends).toContainEqual(expect.objectContaining({ type: 'complete' }))
    expect(ends).toContainEqual(
      expect.objectContaining({ type: 'error', code: 'IDEMPOTENCY_KEY_REUSED', retryable: false }),
    )
    expect([...a.defects, ...b.defects]).toEqual([])
  })
})

describe('a container that dies in a turn', () => {
  it('is given up after its lease: the turn is closed, its effects stand, and the next one runs', async () => {
    const { a, b, clock, cutOff, store, id } = await setup({
      a: { replies: [calls(gin), hangsAfter('Your')] },
      b: { replies: [says('Yes?')] },
    })
    await a.send('Gin')
    await settle()
    cutOff()
    const events = await b.send('Hello?')
    await clock.advanceAsync(9000)
    expect(events.isEnded).toBe(false)
    await clock.advanceAsync(2000)
    expect(events.last).toMatchObject({ type: 'complete', content: 'Yes?' })
    const state = await b.state()
    expect(state.turns).toMatchObject([{ outcome: 'interrupted' }, { outcome: 'complete' }])
    expect(state.bar.lines).toMatchObject([{ quantity: 1 }])
    expect((await store.events(id)).filter(({ type }) => type === 'turn-ended')).toHaveLength(2)
  })

  it('is closed by whatever request comes first after its lease', async () => {
    const { a, b, clock, cutOff } = await setup({ a: { replies: [hangsAfter('Well')] } })
    await a.send('Hm')
    await settle()
    cutOff()
    expect((await b.state()).openTurnId).not.toBeNull()
    await clock.advanceAsync(10_000)
    expect(await b.state()).toMatchObject({ openTurnId: null, turns: [{ outcome: 'interrupted' }] })
  })

  it('is closed by the next request also when this one was slower than a lease lasts', async () => {
    const { a, b, clock, store, faults, id } = await setup({ b: { replies: [hangsAfter('Well')] } })
    await b.send('Hm')
    await settle()
    const [started] = (await store.events(id)).filter((event) => event.type === 'turn-started')
    await store.releaseLease(id, started?.owner ?? '')
    faults.after = once('acquireLease', () => clock.advance(10_001))
    expect((await a.state()).openTurnId).not.toBeNull()
    expect(await a.state()).toMatchObject({ openTurnId: null, turns: [{ outcome: 'interrupted' }] })
  })

  it('cannot append to it any more: what it still wanted to do is refused', async () => {
    const late = held([gin])
    const { a, b, clock, faults, store, id } = await setup({
      a: { replies: [late.reply] },
      b: { replies: [says('Yes?')] },
    })
    const lost = await a.send('Gin')
    await settle()
    // It lives, but for a while nothing of it reaches the store.
    const back = Promise.withResolvers<void>()
    faults.before = () => back.promise
    const events = await b.send('Hello?')
    await clock.advanceAsync(11_000)
    expect(events.last).toMatchObject({ type: 'complete' })
    late.open()
    faults.before = () => {}
    back.resolve()
    await clock.advanceAsync(5000)
    expect(lost.last).toMatchObject({ type: 'error', code: 'INTERRUPTED', retryable: true })
    const entries = await store.events(id)
    expect(entries.filter(({ type }) => type === 'effect' || type === 'model-replied')).toHaveLength(1)
    expect((await b.state()).bar.lines).toEqual([])
    expect(a.defects).toEqual([])
  })

  it('has its turn gone on with elsewhere under the same key, and notices when it is back', async () => {
    const { a, b, clock, faults, store, id } = await setup({
      a: { replies: [calls(gin), hangsAfter('Your')] },
      b: { replies: [says('Your Gin.')] },
    })
    const lost = await a.send('Gin', 'k')
    await settle()
    const back = Promise.withResolvers<void>()
    faults.before = () => back.promise
    const events = await b.send('Gin', 'k')
    expect(events.turnId).toBe(lost.turnId)
    await clock.advanceAsync(11_000)
    expect(events.last).toMatchObject({ type: 'complete', content: 'Your Gin.' })
    faults.before = () => {}
    back.resolve()
    await clock.advanceAsync(5000)
    expect(lost.last).toMatchObject({ type: 'error', code: 'INTERRUPTED' })
    // And the first container now knows how it ended, not how it ended there.
    expect((await a.say('Gin', 'k')).at(-1)).toMatchObject({ type: 'complete', content: 'Your Gin.' })
    expect((await a.use((session) => session.findTurn(lost.turnId))).last).toMatchObject({ type: 'complete' })
    const entries = await store.events(id)
    expect(entries.filter(({ type }) => type === 'effect')).toHaveLength(1)
    expect(isBalanced((await b.state()).bar.ledger)).toBe(true)
  })

  it('and is taken up twice gives every run numbers of its own', async () => {
    const { a, b, clock, cutOff } = await setup({
      a: { replies: [hangsAfter('One')] },
      b: { replies: [hangsAfter('Two'), says('Three.')] },
    })
    const first = await a.send('Hm', 'k')
    await settle()
    cutOff()
    const second = await b.send('Hm', 'k')
    await clock.advanceAsync(11_000)
    await b.use((session) => session.drain(AbortSignal.abort()))
    expect(second.last).toMatchObject({ code: 'INTERRUPTED' })
    expect(Math.floor(second.lastNumber / 1_000_000)).toBe(1)
    expect(Math.floor(first.lastNumber / 1_000_000)).toBe(0)
    expect(second.attach(first.lastNumber, () => {})?.isRestart).toBe(true)
  })
})

describe('a session that is used in one container', () => {
  it('is not expired by the other while a turn of it runs', async () => {
    const expiryMs = 60_000
    const { a, b, clock, store, id } = await setup({
      a: { expiryMs, turnMs: 1e9, replies: [hangsAfter('Well')] },
      b: { expiryMs },
    })
    await b.use(() => {})
    const events = await a.send('Hm')
    await clock.advanceAsync(2 * expiryMs)
    await b.sessions.sweep()
    expect(await store.version(id)).toBe(2)
    await a.use((session) => session.stop(undefined, ok))
    expect(events.last).toMatchObject({ type: 'complete' })
  })

  it('expires also when both sweep at the same moment', async () => {
    const expiryMs = 60_000
    const { a, b, clock, store, faults, id } = await setup({ a: { expiryMs }, b: { expiryMs } })
    clock.advance(expiryMs)
    faults.before = once('remove', () => b.sessions.sweep())
    await a.sessions.sweep()
    expect(await store.version(id)).toBe(0)
    expect([a.happened, b.happened]).toEqual([['created', 'expired'], []])
  })

  it('is not looked at for ever by the other that sweeps, however many are in use', async () => {
    const expiryMs = 60_000
    const { a, b, clock, store, id } = await setup({
      a: { expiryMs, turnMs: 1e9, replies: [hangsAfter('Well')] },
      b: { expiryMs, limits: { sweepStepMax: 1 } },
    })
    await a.send('Hm')
    await clock.advanceAsync(2 * expiryMs)
    await b.sessions.sweep()
    expect(await store.version(id)).toBe(2)
  })

  it('is still there in the other, whose copy of it is older than a session lives', async () => {
    const expiryMs = 60_000
    const { a, b, clock } = await setup({ a: { expiryMs }, b: { expiryMs } })
    await b.use(() => {})
    clock.advance(expiryMs - 1)
    await a.use(({ log }) => log.touch())
    clock.advance(expiryMs - 1)
    expect(await b.use(({ id }) => id)).toBeDefined()
  })

  it('and ended there is gone in the other, which keeps nothing of it', async () => {
    const { a, b } = await setup()
    await b.use(() => {})
    await a.use((session) => a.sessions.end(session))
    await expect(b.use(() => {})).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' })
    expect(b.sessions.liveCount).toBe(0)
  })

  it('leaves the memory of the other, once that one has looked, and only when something was done there', async () => {
    const { a, b } = await setup({ a: { replies: [says('One.')] } })
    await b.use(() => {})
    await b.sessions.sweep()
    expect([a.sessions.liveCount, b.sessions.liveCount]).toEqual([1, 1])
    await a.say('1')
    await b.sessions.sweep()
    await a.sessions.sweep()
    expect([a.sessions.liveCount, b.sessions.liveCount]).toEqual([1, 0])
    expect(b.happened).toContain('hibernated')
    expect((await b.state()).turns).toHaveLength(1)
  })

  it('stays in the memory of the other while that one uses it', async () => {
    const { a, b } = await setup({ a: { replies: [says('One.')] } })
    await b.use(async () => {
      await a.say('1')
      await b.sessions.sweep()
      expect(b.sessions.liveCount).toBe(1)
    })
  })

  it('and ended there leaves the memory of the other in time, also if nobody asks', async () => {
    const { a, b, clock } = await setup()
    await b.use(() => {})
    await a.use((session) => a.sessions.end(session))
    clock.advance(3600_000)
    await b.sessions.sweep()
    expect(b.sessions.liveCount).toBe(0)
  })

  it('and ended there while a turn runs here ends that turn as gone', async () => {
    const order = held([gin])
    const { a, b } = await setup({ a: { replies: [order.reply] } })
    const events = await a.send('Gin')
    await settle()
    await b.use((session) => b.sessions.end(session))
    order.open()
    await events.whenEnded
    expect(events.last).toMatchObject({
      type: 'error',
      code: expect.stringMatching(/SESSION_NOT_FOUND|INTERRUPTED/),
    })
    expect(a.defects).toEqual([])
  })

  it('and reset there while a turn runs here ends that turn, whose tools change nothing', async () => {
    const order = held([gin])
    const { a, b } = await setup({ a: { replies: [order.reply] } })
    const events = await a.send('Gin', 'k')
    await settle()
    await b.use((session) => session.reset(undefined, ok()))
    order.open()
    await events.whenEnded
    expect(events.last).toMatchObject({ type: 'error', code: 'INTERRUPTED' })
    expect(a.defects).toEqual([])
    expect((await b.state()).bar.lines).toEqual([])
    // It cannot be taken up again, and says so instead of asking for that for ever.
    expect((await a.say('Gin', 'k')).at(-1)).toMatchObject({ type: 'error', retryable: false })
  })
})
