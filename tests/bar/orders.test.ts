import { describe, expect, it } from 'vitest'
import { applyChange, openBar, type BarChange, type BarState } from '../../src/bar/bar.ts'
import { addToOrder, clearOrder, orderLinesMax, removeFromOrder } from '../../src/bar/orders.ts'
import { endPayment, startPayment } from '../../src/bar/paying.ts'
import { tabOf } from '../../src/bar/tab.ts'
import { setTip } from '../../src/bar/tips.ts'
import { add, barWith, after } from './samples.ts'

describe('adding to an order', () => {
  it('moves the price from the balance to the tab and names the drink as the menu does', () => {
    const { result, changes } = addToOrder(openBar(), {
      itemName: 'old FASHIONED',
      quantity: 2,
      modifiers: ['on the rocks', 'NEAT', 'neat'],
    })
    expect(result).toEqual({
      status: 'added',
      itemName: 'Old Fashioned',
      quantity: 2,
      modifiers: ['Neat', 'On the Rocks'],
      priceCents: 1200,
      tabCents: 2400,
      balanceCents: 976_00,
    })
    expect(tabOf(after(openBar(), changes))).toMatchObject({ tabCents: 2400, balanceCents: 976_00 })
  })

  it('keeps drinks made the same way on one line and others apart', () => {
    const bar = barWith(add('Gin'), add('gin', 2), add('Gin', 1, ['Neat']), add('Rum'))
    expect(bar.lines.map(({ itemName, quantity, modifiers }) => [itemName, quantity, modifiers])).toEqual([
      ['Gin', 3, []],
      ['Gin', 1, ['Neat']],
      ['Rum', 1, []],
    ])
  })

  it('refuses what is not on the menu, with what is', () => {
    const { result, changes, refused } = addToOrder(openBar(), add('Moon Juice'))
    expect(result).toMatchObject({ status: 'not_on_menu', itemName: 'Moon Juice' })
    expect(result).toHaveProperty('suggestions', expect.arrayContaining(['Martini', 'Soda']))
    expect([changes, refused]).toEqual([[], true])
  })

  it('refuses a way to have a drink that the bar does not know', () => {
    const { result } = addToOrder(openBar(), add('Gin', 1, ['Neat', 'In a Boot']))
    expect(result).toMatchObject({ status: 'unknown_modifier', modifier: 'In a Boot' })
  })

  it('refuses with balance and price what the balance does not cover', () => {
    const bar = barWith(add('Martini', 50))
    expect(addToOrder(bar, add('Martini', 50))).toEqual({
      result: {
        status: 'insufficient_funds',
        itemName: 'Martini',
        quantity: 50,
        priceCents: 1300,
        neededCents: 650_00,
        balanceCents: 350_00,
      },
      changes: [],
      refused: true,
    })
  })

  it('takes the very last cent, and not one more', () => {
    const bar = barWith(add('Daiquiri', 50), add('Daiquiri', 50))
    expect(tabOf(bar)).toMatchObject({ tabCents: 1000_00, balanceCents: 0 })
    expect(addToOrder(bar, add('Water')).result).toMatchObject({
      status: 'insufficient_funds',
      neededCents: 100,
    })
  })

  it('keeps enough of the balance for the tip that the larger tab leads to', () => {
    const bar = after(barWith(add('Daiquiri', 50)), setTip(barWith(add('Daiquiri', 50)), percent(20)).changes)
    expect(addToOrder(bar, add('Daiquiri', 33)).result).toMatchObject({ status: 'added' })
    expect(addToOrder(bar, add('Daiquiri', 34)).result).toMatchObject({
      status: 'insufficient_funds',
      neededCents: 340_00 + 68_00,
      balanceCents: 500_00,
    })
  })

  it('ends at a bound of lines, but one more of what is there already has room', () => {
    const lines = Array.from({ length: orderLinesMax }, (_, at) => ({
      itemName: at === 0 ? 'Water' : `Drink ${at}`,
      quantity: 1,
      modifiers: [],
      priceCents: 100,
    }))
    const bar: BarState = { ...openBar(), lines }
    expect(addToOrder(bar, add('Gin')).result).toEqual({ status: 'order_full', linesMax: orderLinesMax })
    expect(addToOrder(bar, add('Water')).result).toMatchObject({ status: 'added' })
  })
})

describe('taking off an order', () => {
  it('takes the newest first, as many as are asked for', () => {
    const bar = barWith(add('Gin', 2), add('Gin', 2, ['Neat']))
    const { result, changes } = removeFromOrder(bar, { itemName: 'GIN', quantity: 3 })
    expect(result).toEqual({
      status: 'removed',
      itemName: 'Gin',
      quantity: 3,
      tabCents: 800,
      balanceCents: 992_00,
    })
    expect(after(bar, changes).lines).toMatchObject([{ quantity: 1, modifiers: [] }])
  })

  it('takes all of them without a quantity, and at most what is there', () => {
    const bar = barWith(add('Gin', 2), add('Rum'))
    expect(removeFromOrder(bar, { itemName: 'gin' }).result).toMatchObject({ quantity: 2 })
    expect(removeFromOrder(bar, { itemName: 'gin', quantity: 9 }).result).toMatchObject({ quantity: 2 })
  })

  it('takes only those made so, in whatever order the ways are named', () => {
    const bar = barWith(add('Gin', 1, ['Neat', 'With Lime']), add('Gin'))
    const made = removeFromOrder(bar, { itemName: 'Gin', modifiers: ['with lime', 'neat'] })
    expect(after(bar, made.changes).lines).toMatchObject([{ itemName: 'Gin', modifiers: [] }])
    const other = removeFromOrder(bar, { itemName: 'Gin', modifiers: ['Neat'] })
    expect(other).toMatchObject({ result: { status: 'not_in_order' }, changes: [], refused: true })
  })

  it('says so when the drink is not on the tab', () => {
    expect(removeFromOrder(openBar(), { itemName: 'Gin' }).result).toEqual({
      status: 'not_in_order',
      itemName: 'Gin',
    })
  })

  it('clears the whole tab, once', () => {
    const bar = barWith(add('Gin', 2), add('Rum'))
    const { result, changes } = clearOrder(bar)
    expect(result).toEqual({ status: 'cleared', tabCents: 0, balanceCents: 1000_00 })
    expect(after(bar, changes).lines).toEqual([])
    expect(clearOrder(after(bar, changes)).result).toEqual({ status: 'already_empty' })
  })
})

describe('a broken log', () => {
  const line = { itemName: 'Gin', quantity: 1, modifiers: [], priceCents: 800 }
  const paid = { paymentId: 'never', reference: 'r', postings: [] } as const

  it.each<[string, BarChange]>([
    ['a drink taken off that was never on', { type: 'items-removed', line, postings: [] }],
    ['more than the balance', { type: 'items-added', line, postings: [move(1001_00)] }],
    ['a fraction of a cent', { type: 'items-added', line, postings: [move(0.5)] }],
    ['a negative posting', { type: 'items-added', line, postings: [move(-1)] }],
    ['a payment settled that was never started', { type: 'payment-settled', ...paid }],
    ['a payment failed that was never started', { type: 'payment-failed', reason: 'x', ...paid }],
  ])('throws on %s', (_name, change) => {
    expect(() => applyChange(openBar(), change)).toThrow(/not on the tab|below zero|not whole|never started/)
  })
})

describe('the tab', () => {
  it('is open, processing while a payment runs, paid after it, and open again with the next drink', () => {
    const open = barWith(add('Gin'))
    const started = after(open, startPayment(open, 'p').changes)
    const paid = after(started, endPayment(started, 'p', { status: 'settled', reference: 'r' }))
    const again = after(paid, addToOrder(paid, add('Rum')).changes)
    expect([openBar(), open, started, paid, again].map((bar) => tabOf(bar).status)).toEqual([
      'open',
      'open',
      'processing',
      'paid',
      'open',
    ])
  })
})

function percent(percentage: 10 | 15 | 20) {
  return { kind: 'percentage', percentage } as const
}

function move(cents: number) {
  return { from: 'balance', to: 'tab', cents } as const
}
