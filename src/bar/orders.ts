import { isSameDrink, type BarChange, type BarState, type OrderLine } from './bar.ts'
import { findItem, findModifier, menu } from './menu.ts'
import { linePriceCents, tipCentsOf } from './tab.ts'

/** What a command at the bar leads to: an answer that the model or the guest can act on, and what it changes. */
export interface Decision<Result> {
  readonly result: Result
  readonly changes: readonly BarChange[]
  /** Understood, and answered with no; then nothing changes. */
  readonly refused: boolean
}

export const quantityMax = 50
export const orderLinesMax = 100

export interface DrinkOrder {
  readonly itemName: string
  readonly quantity: number
  readonly modifiers: readonly string[]
}

export type AddResult =
  | ({ readonly status: 'added'; readonly priceCents: number; readonly tabCents: number } & DrinkOrder &
      Balance)
  | ({
      readonly status: 'insufficient_funds'
      readonly itemName: string
      readonly quantity: number
      readonly priceCents: number
      /** The drinks and what the tip grows by. */
      readonly neededCents: number
    } & Balance)
  | { readonly status: 'not_on_menu'; readonly itemName: string; readonly suggestions: readonly string[] }
  | { readonly status: 'unknown_modifier'; readonly modifier: string; readonly allowed: readonly string[] }
  | { readonly status: 'order_full'; readonly linesMax: number }

interface Balance {
  readonly balanceCents: number
}

/** A guest orders. The balance must also carry the tip that the larger tab leads to, so a tab can always be paid. */
export function addToOrder(bar: BarState, order: DrinkOrder): Decision<AddResult> {
  const item = findItem(order.itemName)
  if (item === undefined)
    return refuse({ status: 'not_on_menu', itemName: order.itemName, suggestions: itemNames() })
  const unknown = order.modifiers.find((modifier) => findModifier(modifier) === undefined)
  if (unknown !== undefined) {
    return refuse({ status: 'unknown_modifier', modifier: unknown, allowed: menu.modifiers })
  }
  const line: OrderLine = {
    itemName: item.name,
    quantity: order.quantity,
    modifiers: canonicalModifiers(order.modifiers),
    priceCents: item.priceCents,
  }
  const isNewLine = !bar.lines.some((present) => isSameDrink(present, line))
  if (isNewLine && bar.lines.length >= orderLinesMax) {
    return refuse({ status: 'order_full', linesMax: orderLinesMax })
  }
  const { tab: tabCents, balance: balanceCents } = bar.ledger.accounts
  const cents = linePriceCents(line)
  const tipCents = tipCentsOf(bar.tip, tabCents + cents)
  if (cents + tipCents > balanceCents) {
    const neededCents = cents + tipCents - tipCentsOf(bar.tip, tabCents)
    const { itemName, quantity, priceCents } = line
    return refuse({ status: 'insufficient_funds', itemName, quantity, priceCents, neededCents, balanceCents })
  }
  return {
    result: { status: 'added', ...line, tabCents: tabCents + cents, balanceCents: balanceCents - cents },
    changes: [{ type: 'items-added', line, postings: [{ from: 'balance', to: 'tab', cents }] }],
    refused: false,
  }
}

export type RemoveResult =
  | {
      readonly status: 'removed'
      readonly itemName: string
      readonly quantity: number
      readonly tabCents: number
      readonly balanceCents: number
    }
  | { readonly status: 'not_in_order'; readonly itemName: string }

export interface DrinkRemoval {
  readonly itemName: string
  /** All of them when absent. */
  readonly quantity?: number | undefined
  /** Only drinks made exactly so; any way when absent. */
  readonly modifiers?: readonly string[] | undefined
}

/** Takes drinks off the tab, the newest line first, and at most as many as there are. */
export function removeFromOrder(bar: BarState, removal: DrinkRemoval): Decision<RemoveResult> {
  const itemName = findItem(removal.itemName)?.name ?? removal.itemName
  const lines = bar.lines.filter((line) => line.itemName === itemName && isMadeSo(line, removal.modifiers))
  const taken = takeNewest(lines, removal.quantity ?? Number.POSITIVE_INFINITY)
  if (taken.length === 0) return refuse({ status: 'not_in_order', itemName })
  const cents = taken.reduce((sum, line) => sum + linePriceCents(line), 0)
  const { tab, balance } = bar.ledger.accounts
  return {
    result: {
      status: 'removed',
      itemName,
      quantity: taken.reduce((sum, line) => sum + line.quantity, 0),
      tabCents: tab - cents,
      balanceCents: balance + cents,
    },
    changes: taken.map(removalOf),
    refused: false,
  }
}

export type ClearResult =
  | { readonly status: 'cleared'; readonly tabCents: number; readonly balanceCents: number }
  | { readonly status: 'already_empty' }

export function clearOrder(bar: BarState): Decision<ClearResult> {
  if (bar.lines.length === 0) return refuse({ status: 'already_empty' })
  const { tab, balance } = bar.ledger.accounts
  return {
    result: { status: 'cleared', tabCents: 0, balanceCents: balance + tab },
    changes: bar.lines.map(removalOf),
    refused: false,
  }
}

function removalOf(line: OrderLine): BarChange {
  return {
    type: 'items-removed',
    line,
    postings: [{ from: 'tab', to: 'balance', cents: linePriceCents(line) }],
  }
}

function takeNewest(lines: readonly OrderLine[], quantity: number): readonly OrderLine[] {
  let left = quantity
  const taken: OrderLine[] = []
  for (const line of lines.toReversed()) {
    if (left <= 0) break
    taken.push({ ...line, quantity: Math.min(line.quantity, left) })
    left -= line.quantity
  }
  return taken
}

function isMadeSo(line: OrderLine, modifiers: readonly string[] | undefined): boolean {
  if (modifiers === undefined) return true
  const wanted = canonicalModifiers(modifiers)
  return wanted.length === line.modifiers.length && wanted.every((name, at) => name === line.modifiers[at])
}

/** As the menu spells them, each once, in the menu's order: two ways to say the same are one line. */
function canonicalModifiers(modifiers: readonly string[]): readonly string[] {
  const wanted = new Set(modifiers.map((modifier) => findModifier(modifier) ?? modifier))
  return [...menu.modifiers.filter((name) => wanted.delete(name)), ...wanted]
}

function itemNames(): readonly string[] {
  return menu.categories.flatMap(({ items }) => items.map(({ name }) => name))
}

export function refuse<Result>(result: Result): Decision<Result> {
  return { result, changes: [], refused: true }
}
