import { describe, expect, it } from 'vitest'
import { isBalanced } from '../../src/bar/ledger.ts'
import { StoreError } from '../../src/log/store.ts'
import type { RequestKey } from '../../src/log/events.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { calls, says } from '../fakes/scripted-model.ts'
import { once, unreliable } from '../log/unreliable-store.ts'
import { FakePayments, openSession, startContainer, guestOf } from './container.ts'

const gin = ['add_to_order', { item_name: 'gin', quantity: 1 }] as const
const twenty = { kind: 'percentage', percentage: 20 } as const

/** A guest with one Gin on the tab, who was asked to confirm its 8 dollars. */
async function setup(payments = new FakePayments()) {
  const clock = new FakeClock()
  const inner = createMemoryStore({ clock })
  const { store, faults } = unreliable(inner)
  const session = await openSession({
    clock,
    store,
    payments,
    replies: [calls(gin, ['pay_bill', {}]), says('8 dollars?'), ...Array(9).fill(says('Well.'))],
  })
  await session.say('A gin and the bill')
  const confirmationId = (await session.state()).bar.confirmation?.confirmationId ?? ''
  return { ...session, payments, faults, confirmationId, inner }
}

function key(name: string): RequestKey {
  return { key: name, fingerprint: `question ${name}` }
}

describe('the tip button', () => {
  it('answers with the tab as it is then', async () => {
    const { use } = await setup()
    expect(await use(({ cashier }) => cashier.tip(twenty, undefined))).toMatchObject({
      status: 200,
      body: { tipCents: 160, totalCents: 960 },
    })
  })

  it('pressed again with the same key answers as before; with another key it removes the tip', async () => {
    const { use } = await setup()
    const tip = (request: RequestKey) => use(({ cashier }) => cashier.tip(twenty, request))
    const first = await tip(key('one'))
    expect(await tip(key('one'))).toEqual(first)
    expect(await tip(key('two'))).toMatchObject({ body: { tipCents: 0 } })
    expect(await tip(key('one'))).toEqual(first)
  })

  it('refuses a key that was used for another question, and changes nothing', async () => {
    const { use, state } = await setup()
    await use(({ cashier }) => cashier.tip(twenty, key('one')))
    const other = { key: 'one', fingerprint: 'another question' }
    await expect(use(({ cashier }) => cashier.tip(null, other))).rejects.toMatchObject({
      code: 'IDEMPOTENCY_KEY_REUSED',
    })
    expect((await state()).bar.tip).toEqual(twenty)
  })

  it('refuses more than the balance, and the refusal is not recorded', async () => {
    const { use, state } = await setup()
    const tip = (cents: number) => use(({ cashier }) => cashier.tip({ kind: 'amount', cents }, key('one')))
    await expect(tip(992_01)).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    expect((await state()).requests).toEqual([])
  })

  it('pressed many times at once counts every press', async () => {
    const { use, state } = await setup()
    await Promise.all(Array.from({ length: 7 }, () => use(({ cashier }) => cashier.tip(twenty, undefined))))
    expect((await state()).bar.tip).toEqual(twenty)
  })

  it('whose answer was lost is answered as before when it is pressed again with its key', async () => {
    const { use, faults, state } = await setup()
    faults.after = once('append', () => Promise.reject(new StoreError('lost')))
    const tip = () => use(({ cashier }) => cashier.tip(twenty, key('one')))
    await expect(tip()).rejects.toBeInstanceOf(StoreError)
    expect(await tip()).toMatchObject({ body: { tipCents: 160 } })
    expect((await state()).bar.tip).toEqual(twenty)
  })
})

describe('the pay button', () => {
  it('pays tab and tip', async () => {
    const { use, state, payments } = await setup()
    await use(({ cashier }) => cashier.tip(twenty, undefined))
    const paid = await use(({ cashier }) => cashier.pay({ request: undefined, expectedTotalCents: 960 }))
    expect(paid).toMatchObject({
      status: 200,
      body: {
        receipt: { tabCents: 800, tipCents: 160, totalCents: 960 },
        tab: { status: 'paid', totalCents: 0 },
      },
    })
    expect([...payments.taken.values()]).toEqual([960])
    expect((await state()).bar.ledger.accounts).toEqual({
      balance: 990_40,
      tab: 0,
      'in-payment': 0,
      paid: 960,
    })
  })

  it('pays nothing for another total than the guest has seen', async () => {
    const { use, payments } = await setup()
    const pay = use(({ cashier }) => cashier.pay({ request: key('one'), expectedTotalCents: 801 }))
    await expect(pay).rejects.toMatchObject({
      code: 'TOTAL_CHANGED',
      message: expect.stringContaining('8.00'),
    })
    expect(payments.asked).toEqual([])
  })

  it('says so when there is nothing to pay', async () => {
    const { sessions, store } = startContainer()
    const { id } = await sessions.create({ agent: 'maya', workspace: 'default' })
    const pay = guestOf({ sessions, store }, id).use(({ cashier }) => cashier.pay({ request: undefined }))
    await expect(pay).rejects.toMatchObject({ code: 'NOTHING_TO_PAY' })
  })

  it('gives the tab back when the payment is declined, and answers the same to the same key', async () => {
    const { use, state } = await setup(new FakePayments('declined'))
    const pay = () => use(({ cashier }) => cashier.pay({ request: key('one') }))
    expect(await pay()).toEqual({ status: 502, body: { reason: 'No money.' } })
    expect(await pay()).toEqual({ status: 502, body: { reason: 'No money.' } })
    expect((await state()).bar).toMatchObject({ lines: [{ quantity: 1 }], payment: null })
  })

  it.each(['with the same key', 'with keys of their own', 'without keys'])(
    'pressed five times at once %s pays once, and all get the receipt',
    async (how) => {
      const { use, payments, state } = await setup()
      const requestOf = (at: number) =>
        ({
          'with the same key': key('one'),
          'with keys of their own': key(String(at)),
          'without keys': undefined,
        })[how]
      const paid = await Promise.all(
        Array.from({ length: 5 }, (_, at) => use(({ cashier }) => cashier.pay({ request: requestOf(at) }))),
      )
      expect(new Set(paid.map(({ status }) => status))).toEqual(new Set([200]))
      expect(paid[4]).toMatchObject({ body: { receipt: { totalCents: 800 } } })
      expect([...payments.taken.values()]).toEqual([800])
      expect(isBalanced((await state()).bar.ledger)).toBe(true)
    },
  )

  it('pressed together with a plain yes in a message pays once', async () => {
    const { use, say, payments } = await setup()
    const [told, paid] = await Promise.all([
      say('yes'),
      use(({ cashier }) => cashier.pay({ request: key('one') })),
    ])
    expect(told.at(-1)).toMatchObject({ type: 'complete' })
    expect(paid).toMatchObject({ body: { receipt: { totalCents: 800 } } })
    expect([...payments.taken.values()]).toEqual([800])
  })

  it('that is declined for one of two who pressed says so to both', async () => {
    const { use } = await setup(new FakePayments('declined', 'declined'))
    const pay = () => use(({ cashier }) => cashier.pay({ request: undefined }))
    expect(await Promise.all([pay(), pay()])).toMatchObject([{ status: 502 }, { status: 502 }])
  })
})

describe('a payment whose outcome is not known', () => {
  it('is shown as processing, and paying again learns its outcome', async () => {
    const { use, state, payments } = await setup(new FakePayments('unknown'))
    const pay = () => use(({ cashier }) => cashier.pay({ request: key('one') }))
    await expect(pay()).rejects.toMatchObject({ code: 'PAYMENT_FAILED', retryAfterSeconds: 5 })
    expect((await state()).bar).toMatchObject({ lines: [], payment: { tabCents: 800 } })
    expect(await pay()).toMatchObject({ body: { receipt: { totalCents: 800 } } })
    expect([...payments.taken.values()]).toEqual([800])
    expect(new Set(payments.asked).size).toBe(1)
  })

  it('is brought to its end only by who asks for its sum, or for any', async () => {
    const { use } = await setup(new FakePayments('unknown'))
    const pay = (wanted: { expectedTotalCents?: number; confirmationId?: string }) =>
      use(({ cashier }) => cashier.pay({ request: undefined, ...wanted }))
    await expect(pay({})).rejects.toMatchObject({ code: 'PAYMENT_FAILED' })
    await expect(pay({ expectedTotalCents: 500 })).rejects.toMatchObject({ code: 'TOTAL_CHANGED' })
    await expect(pay({ confirmationId: 'made up' })).rejects.toMatchObject({ code: 'CONFIRMATION_GONE' })
    expect(await pay({ expectedTotalCents: 800 })).toMatchObject({ status: 200 })
  })

  it('counts as unknown when the provider does not answer in time', async () => {
    const { use, clock, limits } = await setup(new FakePayments('never'))
    const pay = use(({ cashier }) => cashier.pay({ request: undefined })).catch((error: unknown) => error)
    await clock.advanceAsync(limits.paymentMs)
    expect(await pay).toMatchObject({ code: 'PAYMENT_FAILED' })
    await settle()
    expect(clock.pending).toBe(0)
  })

  it.each(['settled', 'declined'] as const)(
    'that a later message learns is %s is answered so to the request that began it, which pays nothing else',
    async (outcome) => {
      const { use, say, payments, state } = await setup(new FakePayments('unknown', outcome))
      const pay = () => use(({ cashier }) => cashier.pay({ request: key('one') }))
      await expect(pay()).rejects.toMatchObject({ code: 'PAYMENT_FAILED' })
      await say('Was it paid?')
      const asked = payments.asked.length
      expect(await pay()).toMatchObject(
        outcome === 'settled' ? { status: 200, body: { receipt: { totalCents: 800 } } } : { status: 502 },
      )
      expect(payments.asked).toHaveLength(asked)
      expect(isBalanced((await state()).bar.ledger)).toBe(true)
      expect(await pay()).toMatchObject({ status: outcome === 'settled' ? 200 : 502 })
    },
  )

  it('is not paid by its key out of what was ordered since', async () => {
    const payments = new FakePayments('unknown')
    const clock = new FakeClock()
    const { use, say } = await openSession({
      clock,
      payments,
      replies: [
        calls(gin),
        says('Gin.'),
        calls(['add_to_order', { item_name: 'rum', quantity: 3 }]),
        says('Rum.'),
      ],
    })
    await say('A gin')
    const pay = () => use(({ cashier }) => cashier.pay({ request: key('one') }))
    await expect(pay()).rejects.toMatchObject({ code: 'PAYMENT_FAILED' })
    await say('Three rums')
    expect(await pay()).toMatchObject({ body: { receipt: { tabCents: 800 }, tab: { tabCents: 2100 } } })
    expect([...payments.taken.values()]).toEqual([800])
  })

  it('whose process died after the provider took the money is settled once by the next', async () => {
    const payments = new FakePayments()
    const { use, faults, inner, clock, id } = await setup(payments)
    let appends = 0
    faults.before = (operation) =>
      operation === 'append' && ++appends === 2 ? new Promise<void>(() => {}) : undefined
    void use(({ cashier }) => cashier.pay({ request: key('one') }))
    await settle()
    expect(payments.asked).toHaveLength(1)
    const next = startContainer({ name: 'b', clock, store: inner, payments })
    const paid = await guestOf(next, id).use(({ cashier }) => cashier.pay({ request: key('one') }))
    expect(paid).toMatchObject({ body: { receipt: { totalCents: 800 } } })
    expect([...payments.taken.values()]).toEqual([800])
    expect(new Set(payments.asked).size).toBe(1)
  })
})

describe('the confirmation button', () => {
  it('pays what was asked for', async () => {
    const { use, confirmationId, state } = await setup()
    expect(await use(({ cashier }) => cashier.pay({ request: undefined, confirmationId }))).toMatchObject({
      body: { receipt: { totalCents: 800 } },
    })
    expect((await state()).bar.confirmation).toBeNull()
  })

  it('can decline instead, once', async () => {
    const { use, confirmationId, state, payments } = await setup()
    const decline = (request: RequestKey | undefined) =>
      use(({ cashier }) => cashier.decline(confirmationId, request))
    const first = await decline(key('one'))
    expect(first).toMatchObject({ status: 200, body: { tabCents: 800 } })
    expect((await state()).bar.confirmation).toBeNull()
    expect(await decline(key('one'))).toEqual(first)
    await expect(decline(undefined)).rejects.toMatchObject({ code: 'CONFIRMATION_GONE' })
    expect(payments.asked).toEqual([])
  })

  it.each<[string, (session: Awaited<ReturnType<typeof setup>>) => unknown]>([
    ['that is over', ({ clock, limits }) => clock.advance(limits.confirmationMs)],
    ['of another tab', ({ use }) => use(({ cashier }) => cashier.tip(twenty, undefined))],
    ['that was answered in words', ({ say }) => say('Not yet')],
  ])('%s pays nothing', async (_name, change) => {
    const session = await setup()
    await change(session)
    const { use, confirmationId, payments } = session
    const pay = use(({ cashier }) => cashier.pay({ request: undefined, confirmationId }))
    await expect(pay).rejects.toMatchObject({ code: 'CONFIRMATION_GONE' })
    expect(payments.asked).toEqual([])
  })

  it('of a wrong id pays nothing', async () => {
    const { use, payments } = await setup()
    const pay = use(({ cashier }) => cashier.pay({ request: undefined, confirmationId: 'guessed' }))
    await expect(pay).rejects.toMatchObject({ code: 'CONFIRMATION_GONE' })
    expect(payments.asked).toEqual([])
  })
})
