import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openBar, openingBalanceCents, type BarChange, type BarState, type Tip } from '../../src/bar/bar.ts'
import { isBalanced, openLedger, post } from '../../src/bar/ledger.ts'
import { menu } from '../../src/bar/menu.ts'
import { addToOrder, clearOrder, removeFromOrder } from '../../src/bar/orders.ts'
import { askToPay, endPayment, startPayment } from '../../src/bar/paying.ts'
import { linePriceCents, tabOf, tipCentsOf } from '../../src/bar/tab.ts'
import { setTip } from '../../src/bar/tips.ts'
import { after } from './samples.ts'

describe('the ledger', () => {
  it('moves whole cents between accounts', () => {
    const ledger = post(openLedger(1000), [
      { from: 'balance', to: 'tab', cents: 300 },
      { from: 'tab', to: 'paid', cents: 100 },
    ])
    expect(ledger.accounts).toEqual({ balance: 700, tab: 200, 'in-payment': 0, paid: 100 })
    expect(isBalanced(ledger)).toBe(true)
  })

  it.each([-1, 0.5, NaN, Infinity, Number.MAX_SAFE_INTEGER + 1, 1001])(
    'refuses to move %d of 1000',
    (cents) => {
      expect(() => post(openLedger(1000), [{ from: 'balance', to: 'tab', cents }])).toThrow(
        /is not whole|would be below zero/,
      )
    },
  )

  it('sees books that do not balance', () => {
    const ledger = openLedger(1000)
    expect(isBalanced({ ...ledger, accounts: { ...ledger.accounts, paid: 1 } })).toBe(false)
    expect(isBalanced({ ...ledger, accounts: { ...ledger.accounts, paid: 1, tab: -1 } })).toBe(false)
  })
})

type Command = (bar: BarState, step: number) => readonly BarChange[]

const itemName = fc.constantFrom(
  ...menu.categories.flatMap(({ items }) => items.map(({ name }) => name)),
  'Tar',
)
const quantity = fc.integer({ min: 1, max: 50 })
const modifiers = fc.subarray(['Neat', 'On the Rocks', 'With Lime'])
const tip: fc.Arbitrary<Tip | null> = fc.oneof(
  fc.constantFrom<Tip | null>(
    null,
    { kind: 'percentage', percentage: 10 },
    { kind: 'percentage', percentage: 15 },
    { kind: 'percentage', percentage: 20 },
  ),
  fc.nat(200_00).map((cents): Tip => ({ kind: 'amount', cents })),
)

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ itemName, quantity, modifiers }).map(added) },
  {
    weight: 2,
    arbitrary: fc.record({ itemName, quantity: fc.option(quantity, { nil: undefined }) }).map(removed),
  },
  {
    weight: 2,
    arbitrary: tip.map(
      (wanted): Command =>
        (bar) =>
          setTip(bar, wanted).changes,
    ),
  },
  fc.constant<Command>((bar) => clearOrder(bar).changes),
  fc.constant<Command>((bar, at) => askToPay(bar, { confirmationId: `c${at}`, expiresAt: at + 3 }).changes),
  { weight: 2, arbitrary: fc.constant<Command>((bar, at) => startPayment(bar, `p${at}`).changes) },
  { weight: 2, arbitrary: fc.boolean().map(ended) },
)

function added(order: Parameters<typeof addToOrder>[1]): Command {
  return (bar) => addToOrder(bar, order).changes
}

function removed(removal: Parameters<typeof removeFromOrder>[1]): Command {
  return (bar) => removeFromOrder(bar, removal).changes
}

function ended(isSettled: boolean): Command {
  const outcome = isSettled
    ? ({ status: 'settled', reference: 'r' } as const)
    : ({ status: 'declined', reason: 'no' } as const)
  return (bar) => (bar.payment === null ? [] : endPayment(bar, bar.payment.paymentId, outcome))
}

describe('over any commands, payments that fail among them', () => {
  it('no cent is lost, none appears, nothing is below zero, and the tab is the sum of its lines', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        let bar = openBar()
        for (const [step, decide] of commands.entries()) {
          for (const change of decide(bar, step)) {
            const before = bar
            bar = after(bar, [change])
            const restored = change.type === 'payment-failed' ? isRestored(before, bar) : true
            expect([...problemsOf(bar), ...(restored ? [] : ['not restored'])]).toEqual([])
          }
        }
      }),
      { numRuns: 400 },
    )
  })
})

function problemsOf(bar: BarState): readonly string[] {
  const { balance, tab, paid, 'in-payment': inPayment } = bar.ledger.accounts
  const { totalCents, tipCents } = tabOf(bar)
  const promises = {
    'a cent was lost or made': balance + tab + inPayment + paid === openingBalanceCents,
    'the books do not balance': isBalanced(bar.ledger),
    'the tab is not its lines': bar.lines.reduce((sum, line) => sum + linePriceCents(line), 0) === tab,
    'a line is of no drinks': bar.lines.every(({ quantity: q }) => Number.isInteger(q) && q > 0),
    'the payment is not what it holds':
      inPayment === (bar.payment === null ? 0 : bar.payment.tabCents + bar.payment.tipCents),
    'the total is not its parts': totalCents === tab + tipCentsOf(bar.tip, tab),
    'the tip is not whole': Number.isInteger(tipCents) && tipCents >= 0,
  }
  return Object.entries(promises).flatMap(([problem, isKept]) => (isKept ? [] : [problem]))
}

function isRestored({ ledger, payment, tip: tipBefore }: BarState, bar: BarState): boolean {
  const { tab, balance } = bar.ledger.accounts
  return (
    tab === ledger.accounts.tab + (payment?.tabCents ?? 0) &&
    balance === ledger.accounts.balance + (payment?.tipCents ?? 0) &&
    bar.tip === (tipBefore ?? payment?.tip)
  )
}
