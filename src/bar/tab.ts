import type { BarState, OrderLine, Tip } from './bar.ts'

/** What the guest owes now, all of it derived from the state. */
export interface Tab {
  readonly tabCents: number
  readonly balanceCents: number
  readonly tipPercentage: number | null
  readonly tipCents: number
  readonly totalCents: number
  readonly status: TabStatus
  readonly version: number
}

/** `open`: nothing is being paid; `processing`: a payment's outcome is not known yet; `paid`: nothing new since the last one. */
export type TabStatus = 'open' | 'processing' | 'paid'

export function tabOf(bar: BarState): Tab {
  const { tab: tabCents, balance: balanceCents } = bar.ledger.accounts
  const tipCents = tipCentsOf(bar.tip, tabCents)
  return {
    tabCents,
    balanceCents,
    tipPercentage: bar.tip?.kind === 'percentage' ? bar.tip.percentage : null,
    tipCents,
    totalCents: tabCents + tipCents,
    status: statusOf(bar),
    version: bar.tabVersion,
  }
}

/** A percentage is of the tab, rounded half up to a cent; without a tab there is no tip yet. */
export function tipCentsOf(tip: Tip | null, tabCents: number): number {
  if (tip === null || tabCents === 0) return 0
  return tip.kind === 'amount' ? tip.cents : Math.floor((tabCents * tip.percentage + 50) / 100)
}

export function linePriceCents(line: OrderLine): number {
  return line.priceCents * line.quantity
}

function statusOf(bar: BarState): TabStatus {
  if (bar.payment !== null) return 'processing'
  return bar.lines.length === 0 && bar.lastReceipt !== null ? 'paid' : 'open'
}
