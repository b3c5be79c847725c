import { applyChange, openBar, type BarChange, type BarState } from '../../src/bar/bar.ts'
import { addToOrder, type DrinkOrder } from '../../src/bar/orders.ts'

export function add(itemName: string, quantity = 1, modifiers: readonly string[] = []): DrinkOrder {
  return { itemName, quantity, modifiers }
}

export function after(bar: BarState, changes: readonly BarChange[]): BarState {
  return changes.reduce(applyChange, bar)
}

/** A new guest's bar after these orders, each of which must be possible. */
export function barWith(...orders: readonly DrinkOrder[]): BarState {
  return orders.reduce((bar, order) => {
    const { changes, refused } = addToOrder(bar, order)
    if (refused) throw new Error(`${order.itemName} was refused.`)
    return after(bar, changes)
  }, openBar())
}
