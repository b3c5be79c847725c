import { describe, expect, it } from 'vitest'
import { StoreError } from '../../src/log/store.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { calls, hangsAfter, says, type ScriptedReply } from '../fakes/scripted-model.ts'
import { once, unreliable } from '../log/unreliable-store.ts'
import { openSession, toldBy } from '../sessions/container.ts'

function setup(...replies: readonly ScriptedReply[]) {
  return setupOver({ shared: false }, ...replies)
}

async function setupOver({ shared }: { readonly shared: boolean }, ...replies: readonly ScriptedReply[]) {
  const clock = new FakeClock()
  const inner = createMemoryStore({ clock, shared })
  const { store, faults } = unreliable(inner)
  const session = await openSession({ clock, store, replies })
  /** What the store is asked from here on. */
  const asked: string[] = []
  faults.before = (operation) => void asked.push(operation)
  return { ...session, inner, faults, asked }
}

describe('the lease of a turn', () => {
  it('is taken before the first word is logged, and given back at the end', async () => {
    const { say, asked, inner, id } = await setup(says('Hello.'))
    await say('Hello')
    expect(asked).toEqual(['acquireLease', 'append', 'append', 'releaseLease'])
    expect(await inner.acquireLease(id, 'other', 1)).toBe(true)
  })

  it('that nobody holds costs no second look at a log that others may write', async () => {
    const { say, asked } = await setupOver({ shared: true }, says('Hello.'))
    await say('Hello')
    expect(asked).toEqual(['version', 'acquireLease', 'append', 'append', 'releaseLease'])
  })

  it('that nobody holds lets the turn begin after what another appended since it was asked', async () => {
    const { say, faults, inner, id } = await setupOver({ shared: true }, says('Hello.'))
    faults.before = once('acquireLease', async () => {
      const reset = { type: 'session-reset', at: 0 } as const
      await inner.append({ id, expectedVersion: 1, events: [reset], expiresAt: Infinity })
    })
    expect((await say('Hello')).at(-1)).toMatchObject({ type: 'complete', content: 'Hello.' })
    expect((await inner.events(id)).map(({ type }) => type)).toEqual([
      'session-created',
      'session-reset',
      'turn-started',
      'model-replied',
      'turn-ended',
    ])
  })

  it('that nobody holds does not bring back a session that was ended since it was asked', async () => {
    const { say, faults, inner, id } = await setupOver({ shared: true }, says('Hello.'))
    faults.before = once('acquireLease', async () => void (await inner.remove(id)))
    expect((await say('Hello')).at(-1)).toMatchObject({ type: 'error', code: 'SESSION_NOT_FOUND' })
    expect(await inner.version(id)).toBe(0)
  })

  it('is renewed every 3 seconds while the turn runs, and then no more', async () => {
    const { send, use, asked, clock, inner, id } = await setup(hangsAfter('Well'))
    await send('Hm')
    await clock.advanceAsync(30_000)
    expect(asked.filter((operation) => operation === 'renewLease')).toHaveLength(10)
    expect(await inner.acquireLease(id, 'other', 1)).toBe(false)
    await use((live) => live.stop(undefined, () => ({ status: 200, body: null })))
    await clock.advanceAsync(30_000)
    expect(asked.filter((operation) => operation === 'renewLease')).toHaveLength(10)
    expect(clock.pending).toBe(0)
  })

  it('that is lost ends the turn as interrupted, and nothing of it is appended any more', async () => {
    const { send, clock, inner, id } = await setup(hangsAfter('Well'))
    const events = await send('Hm')
    await settle()
    const [turn] = (await inner.events(id)).filter((event) => event.type === 'turn-started')
    await inner.releaseLease(id, turn?.owner ?? '')
    await inner.acquireLease(id, 'other', 10_000)
    await clock.advanceAsync(3000)
    expect(events.last).toMatchObject({ type: 'error', code: 'INTERRUPTED', retryable: true })
    expect((await inner.events(id)).at(-1)).toMatchObject({ type: 'turn-started' })
    expect(clock.pending).toBe(0)
  })

  it('that is lost is noticed by the next append at the latest', async () => {
    const word = Promise.withResolvers<void>()
    const { send, inner, id } = await setup(async function* slow() {
      await word.promise
      yield* calls(['get_bill', {}])
    })
    const events = await send('Hm')
    await settle()
    const [turn] = (await inner.events(id)).filter((event) => event.type === 'turn-started')
    await inner.releaseLease(id, turn?.owner ?? '')
    word.resolve()
    await events.whenEnded
    expect(events.last).toMatchObject({ code: 'INTERRUPTED', retryable: true })
    expect((await inner.events(id)).at(-1)).toMatchObject({ type: 'turn-started' })
  })

  it('that another holds is waited for, and then the turn goes on', async () => {
    const { send, clock, inner, id } = await setup(says('Hello.'))
    await inner.acquireLease(id, 'other', 10_000)
    const events = await send('Hello')
    await clock.advanceAsync(9999)
    expect(events.isEnded).toBe(false)
    expect((await inner.events(id)).map(({ type }) => type)).toEqual(['session-created'])
    await clock.advanceAsync(300)
    expect(events.last).toMatchObject({ type: 'complete', content: 'Hello.' })
    expect(clock.pending).toBe(0)
  })

  it('that another never gives back ends the turn at its bound of seconds', async () => {
    const { send, clock, inner, id, state } = await setup()
    await inner.acquireLease(id, 'other', 1_000_000)
    const events = await send('Hello')
    await clock.advanceAsync(120_000)
    expect(events.last).toMatchObject({ code: 'TURN_LIMIT' })
    expect((await state()).turns).toEqual([])
    expect(await inner.acquireLease(id, 'other', 1)).toBe(true)
  })

  it('can be stopped to be waited for', async () => {
    const { send, use, inner, id, clock } = await setup()
    await inner.acquireLease(id, 'other', 10_000)
    const events = await send('Hello')
    await settle()
    await use((live) => live.stop(undefined, () => ({ status: 200, body: null })))
    expect(events.last).toMatchObject({ type: 'error', code: 'INTERRUPTED' })
    expect(clock.pending).toBe(0)
  })

  it('is given back also when the answer to the asking was lost', async () => {
    const { say, faults, inner, id } = await setup()
    faults.after = once('acquireLease', () => Promise.reject(new StoreError('lost')))
    expect((await say('Hello')).at(-1)).toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true })
    expect(await inner.acquireLease(id, 'other', 1)).toBe(true)
  })

  it('survives a store that is away for less than its time', async () => {
    const { send, faults, clock, use } = await setup(hangsAfter('Well'))
    const events = await send('Hm')
    await settle()
    faults.before = (operation) => {
      if (operation === 'renewLease') throw new StoreError('away')
    }
    await clock.advanceAsync(8000)
    faults.before = () => {}
    await clock.advanceAsync(20_000)
    expect(events.isEnded).toBe(false)
    await use((live) => live.stop(undefined, () => ({ status: 200, body: null })))
    expect(events.last).toMatchObject({ type: 'complete', content: 'Well' })
  })
})

/** Answers by what it sees, so it does not matter how often it is asked. */
const answer: ScriptedReply = async function* reply({ messages }) {
  const gin = calls(['add_to_order', { item_name: 'gin', quantity: 1 }])
  yield* messages.at(-1)?.role === 'tool' ? says('Done.') : gin
}

const toldOnce = ['session', 'tool-call', 'tool-result', 'state', 'text-chunk', 'complete']

/** A turn whose append of this number meets a fault, and all that comes of it within a minute. */
async function sayThrough(failing: number, place: 'before' | 'after', fault: (isOver: boolean) => void) {
  const container = await setup()
  const { send, faults, clock, script } = container
  script.add(answer, answer, answer, answer)
  let appends = 0
  const startedAt = clock.now()
  faults[place] = (operation) => {
    if (operation === 'append' && ++appends >= failing) fault(appends > failing)
  }
  const events = await send('Gin', 'k')
  let endedAt = Infinity
  void events.whenEnded.then(() => (endedAt = clock.now()))
  await clock.advanceAsync(60_000)
  return { ...container, events, tookMs: endedAt - startedAt }
}

describe('a turn whose store fails', () => {
  it.each([1, 2, 3, 4])(
    'for a moment at append %i waits for it, and goes on in its order',
    async (failing) => {
      const { events, tookMs, state, log } = await sayThrough(failing, 'before', (isOver) => {
        if (!isOver) throw new StoreError('away')
      })
      expect(toldBy(events).map(({ type }) => type)).toEqual(toldOnce)
      expect(tookMs).toBe(250)
      expect((await log()).map(({ type }) => type)).toEqual([
        'session-created',
        'turn-started',
        'model-replied',
        'effect',
        'model-replied',
        'turn-ended',
      ])
      expect((await state()).bar.lines).toMatchObject([{ quantity: 1 }])
    },
  )

  it.each([1, 2, 3, 4])(
    'after append %i, whose answer is lost, does and tells nothing twice',
    async (failing) => {
      const { events, state, log } = await sayThrough(failing, 'after', (isOver) => {
        if (!isOver) throw new StoreError('lost')
      })
      expect(toldBy(events).map(({ type }) => type)).toEqual(toldOnce)
      expect((await state()).bar.lines).toMatchObject([{ quantity: 1 }])
      expect((await log()).filter(({ type }) => type === 'effect')).toHaveLength(1)
      expect((await log()).filter(({ type }) => type === 'turn-started')).toHaveLength(1)
    },
  )

  it.each([1, 2, 3, 4])(
    'at append %i for longer than its lease is interrupted, and goes on later',
    async (failing) => {
      const { events, tookMs, faults, say, state, log } = await sayThrough(failing, 'before', () => {
        throw new StoreError('away')
      })
      expect(events.last).toMatchObject({ code: 'STORE_UNAVAILABLE', retryable: true })
      expect(tookMs).toBeLessThanOrEqual(10_250)
      faults.before = () => {}
      expect((await say('Gin', 'k')).at(-1)).toMatchObject({ type: 'complete', content: 'Done.' })
      expect((await state()).bar.lines).toMatchObject([{ quantity: 1 }])
      expect((await log()).filter(({ type }) => type === 'turn-started')).toHaveLength(1)
    },
  )

  it('lets its guest know at once that nothing else can be stored now', async () => {
    const { use, send, faults } = await setup(hangsAfter('Well'))
    await send('Hm')
    await settle()
    faults.before = () => {
      throw new StoreError('away')
    }
    const tip = use(({ cashier }) => cashier.tip({ kind: 'percentage', percentage: 20 }, undefined))
    await expect(tip).rejects.toThrow(StoreError)
  })
})
