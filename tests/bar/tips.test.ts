import { describe, expect, it } from 'vitest'
import { openBar, type Tip } from '../../src/bar/bar.ts'
import { addToOrder, clearOrder } from '../../src/bar/orders.ts'
import { tabOf, tipCentsOf } from '../../src/bar/tab.ts'
import { setTip } from '../../src/bar/tips.ts'
import { add, after, barWith } from './samples.ts'

const ten: Tip = { kind: 'percentage', percentage: 10 }
const fifteen: Tip = { kind: 'percentage', percentage: 15 }
const twenty: Tip = { kind: 'percentage', percentage: 20 }

function amount(cents: number): Tip {
  return { kind: 'amount', cents }
}

function tipped(tip: Tip, bar = barWith(add('Martini'))) {
  return after(bar, setTip(bar, tip).changes)
}

describe('a tip', () => {
  it.each([
    [ten, 130],
    [fifteen, 195],
    [twenty, 260],
    [amount(333), 333],
  ])('%j of a Martini', (tip, cents) => {
    const bar = barWith(add('Martini'))
    const { result } = setTip(bar, tip)
    expect(result).toMatchObject({ status: 'tip_set', tipCents: cents, totalCents: 1300 + cents })
    expect(tabOf(tipped(tip))).toMatchObject({ tipCents: cents, tabCents: 1300, balanceCents: 987_00 })
  })

  it('of a percentage follows the tab up and down', () => {
    const bar = tipped(fifteen)
    const more = after(bar, addToOrder(bar, add('Soda')).changes)
    expect(tabOf(more)).toMatchObject({ tipCents: 240, totalCents: 1840, tipPercentage: 15 })
    const none = after(more, clearOrder(more).changes)
    expect(tabOf(none)).toMatchObject({ tipCents: 0, totalCents: 0, tipPercentage: 15 })
  })

  it('of an amount stays as the tab changes', () => {
    const bar = tipped(amount(500))
    expect(tabOf(after(bar, addToOrder(bar, add('Soda')).changes))).toMatchObject({ tipCents: 500 })
  })

  it.each([
    [ten, 1, 0],
    [ten, 4, 0],
    [ten, 5, 1],
    [fifteen, 103, 15],
    [fifteen, 110, 17],
    [fifteen, 9, 1],
    [twenty, 2, 0],
    [twenty, 3, 1],
    [twenty, 0, 0],
    [amount(500), 0, 0],
  ])('%j of %i cents is %i cents, halves rounded up', (tip, tabCents, cents) => {
    expect(tipCentsOf(tip, tabCents)).toBe(cents)
  })

  it('is removed by the same percentage again, and set by it a third time', () => {
    const once = tipped(twenty)
    const { result, changes } = setTip(once, twenty)
    expect(result).toEqual({ status: 'tip_removed', totalCents: 1300 })
    const twice = after(once, changes)
    expect(twice.tip).toBeNull()
    expect(tipped(twenty, twice).tip).toEqual(twenty)
  })

  it('is changed, not removed, by another percentage or by the same amount again', () => {
    expect(tipped(ten, tipped(twenty)).tip).toEqual(ten)
    expect(tipped(amount(100), tipped(amount(100))).tip).toEqual(amount(100))
  })

  it.each([null, amount(0)])('is removed by %j, and that changes nothing where there is none', (none) => {
    const { result, changes } = setTip(tipped(ten), none)
    expect(result).toEqual({ status: 'tip_removed', totalCents: 1300 })
    expect(after(tipped(ten), changes).tip).toBeNull()
    expect(setTip(openBar(), none).changes).toEqual([])
  })

  it('is refused with the balance when that does not cover it, and the one before stays', () => {
    const bar = tipped(ten, barWith(add('Daiquiri', 50), add('Daiquiri', 35)))
    expect(setTip(bar, twenty)).toEqual({
      result: { status: 'insufficient_funds', tipCents: 170_00, balanceCents: 150_00 },
      changes: [],
      refused: true,
    })
    expect(setTip(bar, amount(150_01)).refused).toBe(true)
    expect(setTip(bar, amount(150_00)).refused).toBe(false)
  })

  it('makes a new version of the tab, so that a confirmation of the old sum is gone', () => {
    expect(tipped(ten).tabVersion).toBe(barWith(add('Martini')).tabVersion + 1)
  })
})
