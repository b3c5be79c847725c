import type { BarState, Tip } from './bar.ts'
import { refuse, type Decision } from './orders.ts'
import { tabOf, tipCentsOf } from './tab.ts'

export type TipResult =
  | {
      readonly status: 'tip_set'
      readonly tipPercentage: number | null
      readonly tipCents: number
      readonly totalCents: number
    }
  | { readonly status: 'tip_removed'; readonly totalCents: number }
  | { readonly status: 'insufficient_funds'; readonly tipCents: number; readonly balanceCents: number }

/** Sets the tip on the current tab; null, nothing, or the percentage that is set already removes it. */
export function setTip(bar: BarState, wanted: Tip | null): Decision<TipResult> {
  const tip =
    isSetAlready(bar.tip, wanted) || (wanted?.kind === 'amount' && wanted.cents === 0) ? null : wanted
  const { tab: tabCents, balance: balanceCents } = bar.ledger.accounts
  const tipCents = tipCentsOf(tip, tabCents)
  if (tipCents > balanceCents) return refuse({ status: 'insufficient_funds', tipCents, balanceCents })
  const after = tabOf({ ...bar, tip })
  const { tipPercentage, totalCents } = after
  return {
    result:
      tip === null
        ? { status: 'tip_removed', totalCents }
        : { status: 'tip_set', tipPercentage, tipCents, totalCents },
    changes: tip === null && bar.tip === null ? [] : [{ type: 'tip-set', tip }],
    refused: false,
  }
}

function isSetAlready(present: Tip | null, wanted: Tip | null): boolean {
  return (
    present?.kind === 'percentage' &&
    wanted?.kind === 'percentage' &&
    present.percentage === wanted.percentage
  )
}
