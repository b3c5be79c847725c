import { describe, expect, it } from 'vitest'
import { settle } from '../fakes/fake-clock.ts'
import { calls, hangsAfter, says, type ScriptedReply } from '../fakes/scripted-model.ts'
import { FakePayments, openSession } from '../sessions/container.ts'

const gin = ['add_to_order', { item_name: 'gin', quantity: 1 }] as const

/** A guest who has ordered a Gin and was asked to confirm the 8 dollars. */
async function setup({ payments = new FakePayments(), replies = [] as readonly ScriptedReply[] } = {}) {
  const session = await openSession({
    payments,
    replies: [calls(gin, ['pay_bill', {}]), says('8 dollars. Shall I charge it?'), ...replies],
  })
  await session.say('A gin and the bill')
  const notesIn = (request: number) => {
    const message = session.script.requests[request]?.messages.findLast(({ role }) => role === 'user')
    return message?.role === 'user' ? message.notes : []
  }
  return { ...session, payments, notesIn }
}

describe('when the guest was asked to confirm', () => {
  it('a plain yes pays within the turn, before the model answers', async () => {
    const { say, state, notesIn, happened, payments } = await setup({ replies: [says('Thank you!')] })
    const told = await say('yes, please')
    expect(told.map(({ type }) => type)).toEqual(['session', 'state', 'text-chunk', 'text-chunk', 'complete'])
    expect(notesIn(2)).toEqual([
      {
        name: 'payment',
        result: {
          status: 'settled',
          reference: expect.stringContaining('ref-'),
          total_cents: 800,
          tip_cents: 0,
        },
      },
    ])
    expect((await state()).bar).toMatchObject({
      lines: [],
      confirmation: null,
      lastReceipt: { totalCents: 800 },
    })
    expect([...payments.taken.values()]).toEqual([800])
    expect(happened).toContain('payment settled')
  })

  it.each(['yes, and a beer', 'no', 'what is on it?', 'hm'])(
    '%j pays nothing and withdraws it',
    async (answer) => {
      const { say, state, notesIn, payments } = await setup({ replies: [says('Alright.'), says('What?')] })
      await say(answer)
      expect(notesIn(2)).toEqual([{ name: 'confirmation_withdrawn', result: { total_cents: 800 } }])
      expect((await state()).bar).toMatchObject({ confirmation: null, lines: [{ quantity: 1 }] })
      await say('yes')
      expect(notesIn(3)).toEqual([])
      expect(payments.asked).toEqual([])
    },
  )

  it('a yes after its time pays nothing', async () => {
    const { say, clock, limits, notesIn, payments } = await setup({ replies: [says('Too late.')] })
    clock.advance(limits.confirmationMs)
    await say('yes')
    expect(notesIn(2)).toMatchObject([{ name: 'confirmation_withdrawn' }])
    expect(payments.asked).toEqual([])
  })

  it('a yes to another sum pays nothing: the tip was changed meanwhile', async () => {
    const { say, use, notesIn, payments } = await setup({ replies: [says('It is 9.60 now.')] })
    await use(({ cashier }) => cashier.tip({ kind: 'percentage', percentage: 20 }, undefined))
    await say('yes')
    expect(notesIn(2)).toEqual([])
    expect(payments.asked).toEqual([])
  })

  it('a yes that loses a race against the tip button pays nothing', async () => {
    const { send, use, payments, state } = await setup({ replies: [says('It is 9.60 now.')] })
    const session = await use((live) => live)
    const tip = session.cashier.tip({ kind: 'percentage', percentage: 20 }, undefined)
    const events = await send('yes')
    await tip
    await events.whenEnded
    expect(payments.asked).toEqual([])
    expect((await state()).bar).toMatchObject({ confirmation: null, tip: { percentage: 20 } })
  })

  it('a declined payment gives the tab back, and the model and the guest are told', async () => {
    const { say, state, notesIn } = await setup({
      payments: new FakePayments('declined'),
      replies: [says('It was declined.')],
    })
    await say('yes')
    expect(notesIn(2)).toMatchObject([{ result: { status: 'declined', reason: 'No money.' } }])
    expect((await state()).bar).toMatchObject({ lines: [{ quantity: 1 }], payment: null })
  })

  it('a payment whose outcome is not known is shown as that, and asked for again at the next message', async () => {
    const { say, state, notesIn, payments } = await setup({
      payments: new FakePayments('unknown', 'unknown', 'settled'),
      replies: [says('Not known.'), says('Still not.'), says('Paid.'), says('Bye.')],
    })
    await say('yes')
    expect(notesIn(2)).toMatchObject([{ name: 'payment', result: { status: 'unknown', total_cents: 800 } }])
    expect((await state()).bar).toMatchObject({ lines: [], payment: { tabCents: 800 } })
    await say('And?')
    expect(notesIn(3)).toMatchObject([{ result: { status: 'unknown' } }])
    await say('And now?')
    expect(notesIn(4)).toMatchObject([{ result: { status: 'settled' } }])
    await say('Good night')
    expect(notesIn(5)).toEqual([])
    expect(new Set(payments.asked).size).toBe(1)
    expect([...payments.taken.values()]).toEqual([800])
  })

  it('a provider that never answers counts as unknown after its time', async () => {
    const { send, clock, limits, notesIn } = await setup({
      payments: new FakePayments('never'),
      replies: [says('Not known.')],
    })
    const events = await send('yes')
    await clock.advanceAsync(limits.paymentMs)
    await events.whenEnded
    expect(notesIn(2)).toMatchObject([{ result: { status: 'unknown' } }])
    await settle()
    expect(clock.pending).toBe(0)
  })

  it('a provider that throws at once counts as unknown, and leaves no timer behind', async () => {
    const payments = new FakePayments()
    payments.charge = () => {
      throw new Error('not even a promise')
    }
    const { say, clock, notesIn } = await setup({ payments, replies: [says('Not known.')] })
    await say('yes')
    expect(notesIn(2)).toMatchObject([{ result: { status: 'unknown' } }])
    expect(clock.pending).toBe(0)
  })

  it('stopping does not take back what was paid', async () => {
    const { send, use, state } = await setup({ replies: [hangsAfter('Paid')] })
    await send('yes')
    await settle()
    await use((live) => live.stop(undefined, () => ({ status: 200, body: null })))
    expect((await state()).bar.lastReceipt).toMatchObject({ totalCents: 800 })
  })
})

describe('only the guest, and only knowingly, confirms', () => {
  it('a yes that was said before the question pays nothing', async () => {
    const asks = Promise.withResolvers<void>()
    const { send, state, script } = await openSession({
      replies: [
        async function* slow() {
          await asks.promise
          yield* calls(gin, ['pay_bill', {}])
        },
        says('8 dollars?'),
        says('Ask me again.'),
      ],
    })
    const first = await send('A gin and the bill')
    const early = await send('yes')
    asks.resolve()
    await Promise.all([first.whenEnded, early.whenEnded])
    expect((await state()).bar).toMatchObject({
      lastReceipt: null,
      confirmation: null,
      lines: [{ quantity: 1 }],
    })
    expect(script.requests[2]?.messages.at(-1)).toMatchObject({ notes: [{ name: 'confirmation_withdrawn' }] })
  })

  it('the agent cannot: neither by the tool, nor twice, nor by what it says', async () => {
    const payments = new FakePayments()
    const { say, state } = await openSession({
      payments,
      replies: [
        calls(gin, ['pay_bill', {}], ['pay_bill', { confirmed: true }]),
        calls(['pay_bill', {}]),
        says('yes'),
      ],
    })
    await say('Pay')
    expect(payments.asked).toEqual([])
    expect((await state()).bar.lines).toHaveLength(1)
  })
})

it('the bill is asked for after everything else that the same reply does, so that the question stays open', async () => {
  const tip = ['set_tip', { tip_percentage: 20 }] as const
  const { say, state } = await openSession({ replies: [calls(['pay_bill', {}], gin, tip), says('$9.60?')] })
  const told = await say('The bill, with a tip and one more gin')
  const results = told.filter((event) => event.type === 'tool-result')
  expect(results.map(({ name }) => name)).toEqual(['add_to_order', 'set_tip', 'pay_bill'])
  expect((await state()).bar.confirmation).toMatchObject({ totalCents: 960 })
})
