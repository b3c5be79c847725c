import { Type } from 'typebox'
import type { BarState, Tip } from '../../bar/bar.ts'
import { menu } from '../../bar/menu.ts'
import { addToOrder, clearOrder, quantityMax, removeFromOrder, type Decision } from '../../bar/orders.ts'
import { askToPay } from '../../bar/paying.ts'
import { recommend } from '../../bar/recommendations.ts'
import { tabOf } from '../../bar/tab.ts'
import { setTip } from '../../bar/tips.ts'
import { defineTool, type Tool } from '../tool.ts'

const Nothing = Type.Object({})
const ItemName = Type.String({
  minLength: 1,
  maxLength: 80,
  description: 'As on the menu, in any letter case.',
})
const Quantity = Type.Integer({ minimum: 1, maximum: quantityMax })
const Modifiers = Type.Array(Type.String({ minLength: 1, maxLength: 40 }), {
  maxItems: 8,
  description: 'Ways to have the drink, as on the menu: Neat, On the Rocks, ...',
})

const orderTools: readonly Tool[] = [
  defineTool({
    name: 'add_to_order',
    description: 'Put drinks of one kind on the tab. Only when the guest orders them now.',
    parameters: Type.Object({
      item_name: ItemName,
      quantity: Quantity,
      modifiers: Type.Optional(Modifiers),
    }),
    decide: ({ item_name, quantity, modifiers = [] }, { bar }) =>
      addToOrder(bar, { itemName: item_name, quantity, modifiers }),
  }),
  defineTool({
    name: 'remove_from_order',
    description: 'Take drinks of one kind off the tab; all of them without a quantity.',
    parameters: Type.Object({
      item_name: ItemName,
      quantity: Type.Optional(Quantity),
      modifiers: Type.Optional(Modifiers),
    }),
    decide: ({ item_name, quantity, modifiers }, { bar }) =>
      removeFromOrder(bar, { itemName: item_name, quantity, modifiers }),
  }),
  defineTool({
    name: 'clear_order',
    description: 'Take everything off the tab.',
    parameters: Nothing,
    decide: (_args, { bar }) => clearOrder(bar),
  }),
  defineTool({
    name: 'get_order',
    description: 'What is on the tab now.',
    parameters: Nothing,
    decide: (_args, { bar }) => answer({ order: bar.lines, tabCents: tabOf(bar).tabCents }),
  }),
]

const menuTools: readonly Tool[] = [
  defineTool({
    name: 'get_menu',
    description: 'Everything the bar serves, with prices, and the ways to have it.',
    parameters: Nothing,
    decide: () => answer(menu),
  }),
  defineTool({
    name: 'get_recommendation',
    description: 'Drinks for a taste that the guest names. Orders nothing.',
    parameters: Type.Object({ preference: Type.String({ maxLength: 200 }) }),
    decide: ({ preference }) =>
      answer({
        preference,
        items: recommend(preference).map(({ name, priceCents, reason }) => ({
          itemName: name,
          priceCents,
          reason,
        })),
      }),
  }),
]

const moneyTools: readonly Tool[] = [
  defineTool({
    name: 'get_bill',
    description: 'The tab with tip and total.',
    parameters: Nothing,
    decide: (_args, { bar }) => {
      const { status: _status, version: _version, ...bill } = tabOf(bar)
      return answer({ order: bar.lines, ...bill })
    },
  }),
  defineTool({
    name: 'get_balance',
    description: 'How much money the guest has left.',
    parameters: Nothing,
    decide: (_args, { bar }) => {
      const { balanceCents, tabCents } = tabOf(bar)
      return answer({ balanceCents, tabCents })
    },
  }),
  defineTool({
    name: 'set_tip',
    description:
      'Set the tip on the current tab to 10, 15 or 20 per cent, or to an amount; null removes it, and so does the same percentage again.',
    parameters: Type.Object({
      tip_percentage: Type.Optional(
        Type.Union([Type.Literal(10), Type.Literal(15), Type.Literal(20), Type.Null()]),
      ),
      tip_cents: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_00 })),
    }),
    decide: ({ tip_percentage, tip_cents }, { bar }) => setTip(bar, tipOf(tip_percentage, tip_cents)),
  }),
  defineTool({
    name: 'get_tip',
    description: 'The tip on the current tab.',
    parameters: Nothing,
    decide: (_args, { bar }) => {
      const { tipPercentage, tipCents, totalCents } = tabOf(bar)
      return answer({ tipPercentage, tipCents, totalCents })
    },
  }),
  defineTool({
    name: 'pay_bill',
    description:
      'Ask the guest to confirm the payment of tab and tip. This pays nothing: the server pays when the guest confirms.',
    parameters: Nothing,
    // Any change of the tab withdraws the question, so it is asked after what the same reply changes.
    runsLast: true,
    decide: (_args, { bar, effectId, date, confirmationMs }) => {
      const expiresAt = date + confirmationMs
      const { result, ...decision } = askToPay(bar, { confirmationId: effectId, expiresAt })
      const isAsked = result.status === 'confirmation_required'
      return {
        ...decision,
        result: isAsked ? { ...result, expiresAt: new Date(expiresAt).toISOString() } : result,
      }
    },
  }),
]

export const barTools: readonly Tool[] = [...menuTools, ...orderTools, ...moneyTools]

/** Order, tab and balance as the ledger has them, in the names that the tools use. */
export function barStateOf(bar: BarState): object {
  const { tabCents, tipCents, totalCents, balanceCents, status } = tabOf(bar)
  return {
    order: bar.lines.map(({ itemName, quantity, modifiers, priceCents }) => ({
      item_name: itemName,
      quantity,
      modifiers,
      price_cents: priceCents,
    })),
    tab_cents: tabCents,
    tip_cents: tipCents,
    total_cents: totalCents,
    balance_cents: balanceCents,
    status,
  }
}

function tipOf(percentage: 10 | 15 | 20 | null | undefined, cents: number | undefined): Tip | null {
  if (cents !== undefined) return { kind: 'amount', cents }
  return percentage === null || percentage === undefined ? null : { kind: 'percentage', percentage }
}

function answer<Result>(result: Result): Decision<Result> {
  return { result, changes: [], refused: false }
}
