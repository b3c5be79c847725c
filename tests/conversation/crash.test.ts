// A process dies at every append, before the store has it and after. What was done stands and is not done again.
import { describe, expect, it } from 'vitest'
import { isBalanced } from '../../src/bar/ledger.ts'
import type { Model } from '../../src/llm/model.ts'
import type { Store } from '../../src/log/store.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { calls, says } from '../fakes/scripted-model.ts'
import { unreliable } from '../log/unreliable-store.ts'
import {
  FakePayments,
  guestOf,
  startContainer,
  textOf,
  type ContainerOptions,
} from '../sessions/container.ts'

type Moment = readonly [append: number, when: 'before' | 'after']

/** Answers by what it sees alone, so every process that goes on with a turn gets the same from it. */
const model: Model = {
  name: 'pure',
  isGeneral: true,
  async *stream({ messages }) {
    const last = messages.at(-1)
    if (last?.role === 'tool') return yield* says(`${last.results.length} done.`)
    const asked = last?.role === 'user' ? last : undefined
    const paid = asked?.notes.find(({ name }) => name === 'payment')
    if (paid !== undefined) return yield* says(`Paid: ${JSON.stringify(paid.result)}`)
    const gin = ['add_to_order', { item_name: 'gin', quantity: 1 }] as const
    const water = ['add_to_order', { item_name: 'water', quantity: 2 }] as const
    yield* asked?.text === 'The bill' ? calls(['pay_bill', {}]) : calls(gin, water, ['get_bill', {}])
  },
}

function appends(count: number): readonly Moment[] {
  return Array.from({ length: count }, (_, at) => [
    [at + 1, 'before'] as const,
    [at + 1, 'after'] as const,
  ]).flat()
}

/** The store as a process sees it that is dead from this moment on: it waits for ever. */
function dyingAt(inner: Store, [append, when]: Moment): Store {
  const { store, faults } = unreliable(inner)
  let count = 0
  let isDead = false
  const dead = new Promise<void>(() => {})
  faults.before = (operation) => {
    if (operation === 'append' && ++count === append && when === 'before') isDead = true
    return isDead ? dead : undefined
  }
  faults.after = (operation) => {
    if (operation === 'append' && count === append) isDead = true
    return isDead ? dead : undefined
  }
  return store
}

function setup() {
  const clock = new FakeClock()
  const store = createMemoryStore({ clock })
  const payments = new FakePayments()
  let processes = 0
  const start = (options: ContainerOptions = {}) =>
    startContainer({ name: `p${++processes}`, clock, store, model, payments, ...options })
  return { clock, store, payments, start }
}

/** Makes a session and asks there in processes that die one after the other, then in one that lives. */
async function askOverCrashes(moments: readonly Moment[], before: readonly string[], message: string) {
  const { clock, store, payments, start } = setup()
  const first = start()
  const { id } = await first.sessions.create({ agent: 'maya', workspace: 'default' })
  for (const text of before) await guestOf(first, id).say(text)
  for (const moment of moments) {
    void guestOf(start({ store: dyingAt(store, moment) }), id).say(message, 'key')
    await settle()
    await clock.advanceAsync(10_000) // The lease of the dead process runs out.
  }
  const last = start()
  const told = await guestOf(last, id).say(message, 'key')
  const log = await store.events(id)
  const count = (type: string) => log.filter((event) => event.type === type).length
  const state = await guestOf(last, id).state()
  return { told, log, count, state, payments, clock, turn: state.turns.at(-1), defects: last.defects }
}

describe('an order whose process dies', () => {
  it.each(appends(6))(
    'at append %i, %s it is in the store, stands once and is answered in the end',
    async (append, when) => {
      const { told, count, state, turn, defects } = await askOverCrashes([[append, when]], [], 'Drinks')
      expect(told.at(-1)).toMatchObject({ type: 'complete', content: '3 done.' })
      expect(textOf(told)).toBe('3 done.')
      expect(state.bar.lines).toMatchObject([
        { itemName: 'Gin', quantity: 1 },
        { itemName: 'Water', quantity: 2 },
      ])
      expect([count('turn-started'), count('model-replied'), count('effect')]).toEqual([1, 2, 3])
      expect(turn).toMatchObject({ outcome: 'complete' })
      expect(isBalanced(state.bar.ledger)).toBe(true)
      expect(defects).toEqual([])
    },
  )

  it.each(appends(5))('again and again, first at append %i, %s, stands once', async (...moment) => {
    for (const second of appends(5)) {
      const { told, count, state } = await askOverCrashes([moment, second], [], 'Drinks')
      expect(told.at(-1)).toMatchObject({ type: 'complete', content: '3 done.' })
      expect([count('turn-started'), count('model-replied'), count('effect')]).toEqual([1, 2, 3])
      expect(state.bar.ledger.accounts.tab).toBe(1000)
    }
  })
})

describe('a payment whose process dies', () => {
  it.each(appends(4))('at append %i, %s, is charged once and told in the end', async (...moment) => {
    const { told, state, payments, count } = await askOverCrashes([moment], ['Drinks', 'The bill'], 'yes')
    expect(told.at(-1)).toMatchObject({ type: 'complete', content: expect.stringContaining('"settled"') })
    expect([...payments.taken.values()]).toEqual([1000])
    expect(new Set(payments.asked).size).toBe(1)
    expect(state.bar).toMatchObject({ payment: null, lastReceipt: { totalCents: 1000 }, lines: [] })
    expect(count('payment-started')).toBe(1)
    expect(isBalanced(state.bar.ledger)).toBe(true)
  })

  it('between its two steps is brought to its end by whatever the guest says next', async () => {
    const { clock, store, payments, start } = setup()
    const first = start()
    const { id } = await first.sessions.create({ agent: 'maya', workspace: 'default' })
    for (const text of ['Drinks', 'The bill']) await guestOf(first, id).say(text)
    void guestOf(start({ store: dyingAt(store, [1, 'after']) }), id).say('yes', 'key')
    await settle()
    await clock.advanceAsync(10_000)
    const last = start()
    const told = await guestOf(last, id).say('Are you there?')
    expect(textOf(told)).toContain('"settled"')
    expect([...payments.taken.values()]).toEqual([1000])
    expect((await guestOf(last, id).say('yes', 'key')).at(-1)).toMatchObject({ type: 'complete' })
    expect([...payments.taken.values()]).toEqual([1000])
  })
})
