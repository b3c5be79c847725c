import type { BarChange, BarState, Confirmation, Payment } from './bar.ts'
import { refuse, type Decision } from './orders.ts'
import type { ChargeOutcome } from './payment-provider.ts'
import { tabOf } from './tab.ts'

export type AskResult =
  | ({
      readonly status: 'confirmation_required'
      readonly tabCents: number
      readonly tipCents: number
    } & Pick<Confirmation, 'confirmationId' | 'totalCents' | 'expiresAt'>)
  | { readonly status: 'nothing_to_pay' }
  | { readonly status: 'payment_processing' }
  | Uncovered

/** The agent asks for the payment of the tab as it is now. Nothing is paid by this. */
export function askToPay(
  bar: BarState,
  ask: { confirmationId: string; expiresAt: number },
): Decision<AskResult> {
  if (bar.payment !== null) return refuse({ status: 'payment_processing' })
  const { totalCents, tabCents, tipCents, balanceCents, version } = tabOf(bar)
  if (totalCents === 0) return refuse({ status: 'nothing_to_pay' })
  if (tipCents > balanceCents) return refuse({ status: 'insufficient_funds', tipCents, balanceCents })
  return {
    result: { status: 'confirmation_required', ...ask, totalCents, tabCents, tipCents },
    changes: [{ type: 'confirmation-asked', ...ask, totalCents, tabVersion: version }],
    refused: false,
  }
}

/** The confirmation that the guest may still grant, or null. */
export function openConfirmation(bar: BarState, date: number): Confirmation | null {
  const { confirmation } = bar
  return confirmation !== null && confirmation.tabVersion === bar.tabVersion && date < confirmation.expiresAt
    ? confirmation
    : null
}

export type StartResult =
  | { readonly status: 'started'; readonly paymentId: string; readonly totalCents: number }
  | { readonly status: 'nothing_to_pay' }
  | { readonly status: 'payment_processing'; readonly paymentId: string }
  | Uncovered

/** The tip is more than the balance: possible when a declined payment came back to a tab that went on. */
interface Uncovered {
  readonly status: 'insufficient_funds'
  readonly tipCents: number
  readonly balanceCents: number
}

/** First step of a payment: tab and tip leave the guest's reach until the outcome is known. */
export function startPayment(bar: BarState, paymentId: string): Decision<StartResult> {
  if (bar.payment !== null) return refuse({ status: 'payment_processing', paymentId: bar.payment.paymentId })
  const { totalCents, tabCents, tipCents, balanceCents } = tabOf(bar)
  if (totalCents === 0) return refuse({ status: 'nothing_to_pay' })
  if (tipCents > balanceCents) return refuse({ status: 'insufficient_funds', tipCents, balanceCents })
  const { lines, tip } = bar
  const postings = [
    { from: 'tab', to: 'in-payment', cents: tabCents },
    { from: 'balance', to: 'in-payment', cents: tipCents },
  ] as const
  return {
    result: { status: 'started', paymentId, totalCents },
    changes: [{ type: 'payment-started', paymentId, lines, tip, tabCents, tipCents, postings }],
    refused: false,
  }
}

/** Second step: the provider's word, once. Empty when this payment is not the open one any more. */
export function endPayment(bar: BarState, paymentId: string, outcome: ChargeOutcome): readonly BarChange[] {
  if (bar.payment?.paymentId !== paymentId) return []
  const { tabCents, tipCents } = bar.payment
  if (outcome.status === 'settled') {
    const postings = [{ from: 'in-payment', to: 'paid', cents: tabCents + tipCents }] as const
    return [{ type: 'payment-settled', paymentId, reference: outcome.reference, postings }]
  }
  const postings = [
    { from: 'in-payment', to: 'tab', cents: tabCents },
    { from: 'in-payment', to: 'balance', cents: tipCents },
  ] as const
  return [{ type: 'payment-failed', paymentId, reason: outcome.reason, postings }]
}

/** A payment that came to its end, found among everything that happened at the bar. */
export function findEndedPayment(
  changes: readonly BarChange[],
  paymentId: string,
): { readonly payment: Payment; readonly outcome: ChargeOutcome } | undefined {
  let payment: Payment | undefined
  for (const change of changes) {
    if (!('paymentId' in change) || change.paymentId !== paymentId) continue
    if (change.type === 'payment-started') payment = change
    else if (payment === undefined) throw new Error(`The payment ${paymentId} was never started.`)
    else if (change.type === 'payment-failed') {
      return { payment, outcome: { status: 'declined', reason: change.reason } }
    } else return { payment, outcome: { status: 'settled', reference: change.reference } }
  }
  return undefined
}
