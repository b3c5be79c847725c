import { describe, expect, it } from 'vitest'
import { openBar, type BarState } from '../../src/bar/bar.ts'
import { addToOrder, removeFromOrder } from '../../src/bar/orders.ts'
import {
  askToPay,
  endPayment,
  findEndedPayment,
  openConfirmation,
  startPayment,
} from '../../src/bar/paying.ts'
import { tabOf } from '../../src/bar/tab.ts'
import { setTip } from '../../src/bar/tips.ts'
import { add, after, barWith } from './samples.ts'

const ask = { confirmationId: 'c', expiresAt: 1000 }
const settled = { status: 'settled', reference: 'r' } as const
const declined = { status: 'declined', reason: 'No.' } as const

function setup() {
  const bar = barWith(add('Martini'))
  const tipped = after(bar, setTip(bar, { kind: 'percentage', percentage: 20 }).changes)
  const asked = after(tipped, askToPay(tipped, ask).changes)
  const started = after(tipped, startPayment(tipped, 'p').changes)
  return { tipped, asked, started }
}

describe('asking for the payment', () => {
  it('pays nothing and names the exact sum', () => {
    const { tipped, asked } = setup()
    expect(askToPay(tipped, ask).result).toEqual({
      status: 'confirmation_required',
      ...ask,
      totalCents: 1560,
      tabCents: 1300,
      tipCents: 260,
    })
    expect(asked.ledger).toEqual(tipped.ledger)
    expect(openConfirmation(asked, 999)).toMatchObject({ confirmationId: 'c', totalCents: 1560 })
  })

  it('is over when its time is', () => {
    expect(openConfirmation(setup().asked, 1000)).toBeNull()
  })

  it.each<[string, (bar: BarState) => BarState]>([
    ['a drink more', (bar) => after(bar, addToOrder(bar, add('Water')).changes)],
    ['a drink less', (bar) => after(bar, removeFromOrder(bar, { itemName: 'Martini' }).changes)],
    ['another tip', (bar) => after(bar, setTip(bar, null).changes)],
    ['a payment', (bar) => after(bar, startPayment(bar, 'p').changes)],
  ])('is withdrawn by %s', (_name, change) => {
    expect(openConfirmation(change(setup().asked), 0)).toBeNull()
  })

  it('is replaced by a newer one, and withdrawing the older changes nothing', () => {
    const { asked } = setup()
    const again = after(asked, askToPay(asked, { confirmationId: 'd', expiresAt: 2000 }).changes)
    const kept = after(again, [{ type: 'confirmation-withdrawn', confirmationId: 'c' }])
    expect(openConfirmation(kept, 0)).toMatchObject({ confirmationId: 'd' })
    const gone = after(again, [{ type: 'confirmation-withdrawn', confirmationId: 'd' }])
    expect(openConfirmation(gone, 0)).toBeNull()
  })

  it('is refused with an empty tab and while a payment runs', () => {
    expect(askToPay(openBar(), ask)).toMatchObject({ result: { status: 'nothing_to_pay' }, refused: true })
    expect(askToPay(setup().started, ask).result).toEqual({ status: 'payment_processing' })
  })
})

describe('a payment', () => {
  it('takes tab and tip out of reach until its outcome is known', () => {
    const { started } = setup()
    expect(started.ledger.accounts).toEqual({ balance: 984_40, tab: 0, 'in-payment': 1560, paid: 0 })
    expect([started.lines, started.tip]).toEqual([[], null])
  })

  it('settles once, with a receipt', () => {
    const { started } = setup()
    const paid = after(started, endPayment(started, 'p', settled))
    expect(paid.ledger.accounts).toEqual({ balance: 984_40, tab: 0, 'in-payment': 0, paid: 1560 })
    expect(paid.lastReceipt).toMatchObject({
      paymentId: 'p',
      tabCents: 1300,
      tipCents: 260,
      totalCents: 1560,
    })
    expect(endPayment(paid, 'p', settled)).toEqual([])
    expect(endPayment(started, 'other', settled)).toEqual([])
  })

  it('that fails gives back the tab and its tip', () => {
    const { tipped, started } = setup()
    const failed = after(started, endPayment(started, 'p', declined))
    expect(failed).toMatchObject({
      ledger: tipped.ledger,
      lines: tipped.lines,
      tip: tipped.tip,
      payment: null,
    })
    expect(tabOf(failed)).toMatchObject({ status: 'open', totalCents: 1560 })
  })

  it('that fails joins what was ordered meanwhile, and a newer tip stays', () => {
    const { started } = setup()
    const ordered = after(started, addToOrder(started, add('Martini', 2)).changes)
    const tipped = after(ordered, setTip(ordered, { kind: 'percentage', percentage: 10 }).changes)
    const failed = after(tipped, endPayment(tipped, 'p', declined))
    expect(failed.lines).toMatchObject([{ itemName: 'Martini', quantity: 3 }])
    expect(tabOf(failed)).toMatchObject({ tabCents: 3900, tipCents: 390 })
  })

  it('is refused with an empty tab, while another runs, and when the balance does not cover the tip', () => {
    expect(startPayment(openBar(), 'p').result).toEqual({ status: 'nothing_to_pay' })
    expect(startPayment(setup().started, 'q').result).toEqual({
      status: 'payment_processing',
      paymentId: 'p',
    })
    const { started } = setup()
    const ordered = after(started, addToOrder(started, add('Daiquiri', 50)).changes)
    const all = after(ordered, addToOrder(ordered, add('Daiquiri', 48)).changes)
    const failed = after(all, endPayment(all, 'p', declined))
    expect(startPayment(failed, 'q')).toMatchObject({
      result: { status: 'insufficient_funds', tipCents: 198_60, balanceCents: 700 },
      changes: [],
    })
    expect(askToPay(failed, ask).result).toMatchObject({ status: 'insufficient_funds' })
  })

  it('is found again among all that happened, with its outcome', () => {
    const { tipped, started } = setup()
    const begun = startPayment(tipped, 'p').changes
    const other = startPayment(tipped, 'q').changes
    expect(findEndedPayment([...begun, ...endPayment(started, 'p', settled), ...other], 'p')).toMatchObject({
      payment: { tabCents: 1300 },
      outcome: settled,
    })
    expect(findEndedPayment([...begun, ...endPayment(started, 'p', declined)], 'p')).toMatchObject({
      outcome: declined,
    })
    expect(findEndedPayment(begun, 'p')).toBeUndefined()
  })
})
