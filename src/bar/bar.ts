import { isDeepStrictEqual } from 'node:util'
import { openLedger, post, type Ledger, type Posting } from './ledger.ts'

/** Drinks of one kind on the tab. */
export interface OrderLine {
  readonly itemName: string
  readonly quantity: number
  readonly modifiers: readonly string[]
  /** Of one drink. */
  readonly priceCents: number
}

export type TipPercentage = 10 | 15 | 20

/** A percentage follows the tab as it changes; an amount stays. */
export type Tip =
  | { readonly kind: 'percentage'; readonly percentage: TipPercentage }
  | { readonly kind: 'amount'; readonly cents: number }

/** What the agent asked and only the guest can grant: this sum, at this version of the tab. */
export interface Confirmation {
  readonly confirmationId: string
  readonly totalCents: number
  readonly tabVersion: number
  /** Milliseconds since 1970. */
  readonly expiresAt: number
}

/** A payment that was started and whose outcome is not known yet. */
export interface Payment {
  readonly paymentId: string
  readonly lines: readonly OrderLine[]
  readonly tip: Tip | null
  readonly tabCents: number
  readonly tipCents: number
}

export interface Receipt {
  readonly paymentId: string
  readonly reference: string
  readonly lines: readonly OrderLine[]
  readonly tabCents: number
  readonly tipCents: number
  readonly totalCents: number
}

export interface BarState {
  readonly ledger: Ledger
  readonly lines: readonly OrderLine[]
  readonly tip: Tip | null
  /** Grows with every change of what is to be paid. */
  readonly tabVersion: number
  readonly confirmation: Confirmation | null
  readonly payment: Payment | null
  readonly lastReceipt: Receipt | null
}

/** Everything that can happen at the bar; each is an entry of the session's log. */
export type BarChange =
  | { readonly type: 'items-added'; readonly line: OrderLine; readonly postings: readonly Posting[] }
  | { readonly type: 'items-removed'; readonly line: OrderLine; readonly postings: readonly Posting[] }
  | { readonly type: 'tip-set'; readonly tip: Tip | null }
  | ({ readonly type: 'confirmation-asked' } & Confirmation)
  | { readonly type: 'confirmation-withdrawn'; readonly confirmationId: string }
  | ({ readonly type: 'payment-started'; readonly postings: readonly Posting[] } & Payment)
  | {
      readonly type: 'payment-settled'
      readonly paymentId: string
      readonly reference: string
      readonly postings: readonly Posting[]
    }
  | {
      readonly type: 'payment-failed'
      readonly paymentId: string
      readonly reason: string
      readonly postings: readonly Posting[]
    }

export const openingBalanceCents = 1000_00

export function openBar(): BarState {
  return {
    ledger: openLedger(openingBalanceCents),
    lines: [],
    tip: null,
    tabVersion: 0,
    confirmation: null,
    payment: null,
    lastReceipt: null,
  }
}

/** The bar after one change. A change that does not fit the state is a broken log and throws. */
export function applyChange(bar: BarState, change: BarChange): BarState {
  const ledger = 'postings' in change ? post(bar.ledger, change.postings) : bar.ledger
  switch (change.type) {
    case 'items-added':
      return { ...changedTab(bar), ledger, lines: addLine(bar.lines, change.line) }
    case 'items-removed':
      return { ...changedTab(bar), ledger, lines: takeLine(bar.lines, change.line) }
    case 'tip-set':
      return { ...changedTab(bar), tip: change.tip }
    case 'confirmation-asked': {
      const { confirmationId, totalCents, tabVersion, expiresAt } = change
      return { ...bar, confirmation: { confirmationId, totalCents, tabVersion, expiresAt } }
    }
    case 'confirmation-withdrawn':
      return bar.confirmation?.confirmationId === change.confirmationId ? { ...bar, confirmation: null } : bar
    case 'payment-started': {
      const { paymentId, lines, tip, tabCents, tipCents } = change
      return {
        ...changedTab(bar),
        ledger,
        lines: [],
        tip: null,
        payment: { paymentId, lines, tip, tabCents, tipCents },
      }
    }
    case 'payment-settled':
      return {
        ...bar,
        ledger,
        payment: null,
        lastReceipt: receiptOf(startedPayment(bar, change), change.reference),
      }
    case 'payment-failed': {
      const payment = startedPayment(bar, change)
      const lines = bar.lines.reduce(addLine, payment.lines)
      return { ...changedTab(bar), ledger, lines, tip: bar.tip ?? payment.tip, payment: null }
    }
  }
}

function changedTab(bar: BarState): BarState {
  return { ...bar, tabVersion: bar.tabVersion + 1, confirmation: null }
}

function startedPayment(bar: BarState, { paymentId }: { readonly paymentId: string }): Payment {
  if (bar.payment?.paymentId !== paymentId) throw new Error(`The payment ${paymentId} was never started.`)
  return bar.payment
}

export function receiptOf(payment: Payment, reference: string): Receipt {
  const { paymentId, lines, tabCents, tipCents } = payment
  return { paymentId, reference, lines, tabCents, tipCents, totalCents: tabCents + tipCents }
}

function addLine(lines: readonly OrderLine[], added: OrderLine): readonly OrderLine[] {
  const at = lines.findIndex((line) => isSameDrink(line, added))
  const present = lines[at]
  if (present === undefined) return [...lines, added]
  return lines.with(at, { ...present, quantity: present.quantity + added.quantity })
}

function takeLine(lines: readonly OrderLine[], taken: OrderLine): readonly OrderLine[] {
  const at = lines.findIndex((line) => isSameDrink(line, taken))
  const present = lines[at]
  if (present === undefined || present.quantity < taken.quantity) throw new Error('That is not on the tab.')
  if (present.quantity === taken.quantity) return lines.toSpliced(at, 1)
  return lines.with(at, { ...present, quantity: present.quantity - taken.quantity })
}

export function isSameDrink(one: OrderLine, other: OrderLine): boolean {
  return (
    one.itemName === other.itemName &&
    one.priceCents === other.priceCents &&
    isDeepStrictEqual(one.modifiers, other.modifiers)
  )
}
