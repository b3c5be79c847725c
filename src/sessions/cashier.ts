import {
  applyChange,
  receiptOf,
  type BarChange,
  type BarState,
  type Payment,
  type Receipt,
  type Tip,
} from '../bar/bar.ts'
import { endPayment, findEndedPayment, openConfirmation, startPayment } from '../bar/paying.ts'
import type { ChargeOutcome } from '../bar/payment-provider.ts'
import { tabOf } from '../bar/tab.ts'
import { setTip } from '../bar/tips.ts'
import type { Clock } from '../clock.ts'
import { charge, type PaymentsOptions } from '../conversation/payments.ts'
import type { Limits } from '../config/limits.ts'
import { ServiceError } from '../errors.ts'
import type { NewEvent, RequestKey, SessionEvent } from '../log/events.ts'
import { findRequest } from '../log/requests.ts'
import type { SessionLog } from '../log/session-log.ts'
import type { SessionState } from '../log/state.ts'
import { assertLogRoom } from './log-room.ts'

/** What a mutating request got, as it is kept for whoever asks the same again. */
export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** How an outcome is said on the wire; the cashier keeps the answer without looking into it. */
export interface Present {
  readonly tab: (bar: BarState) => Answer
  readonly settled: (receipt: Receipt, bar: BarState) => Answer
  readonly declined: (reason: string) => Answer
}

export interface CashierOptions {
  readonly log: SessionLog
  readonly payments: PaymentsOptions
  readonly clock: Clock
  readonly createId: () => string
  readonly present: Present
  readonly limits: Pick<Limits, 'logEventsMax' | 'logEventsToFinishMax'>
}

/** What a payment begins with: the answer that was given before, or what is to be brought to its end. */
type Begun =
  | { readonly kind: 'answered'; readonly answer: Answer }
  | { readonly kind: 'open'; readonly payment: Payment }
  | { readonly kind: 'ended'; readonly paymentId: string }

type Decide = (state: SessionState) => { readonly events: readonly NewEvent[]; readonly answer: Answer }

interface Wanted {
  readonly request: RequestKey | undefined
  readonly expectedTotalCents?: number | undefined
  readonly confirmationId?: string | undefined
}

/** What the guest does with tip and payment by hand, without the agent. */
export class Cashier {
  readonly #options: CashierOptions
  /** Payments under way in this process, by key: the same request at the same moment waits for the same answer. */
  readonly #paying = new Map<string, Promise<Answer>>()

  constructor(options: CashierOptions) {
    this.#options = options
  }

  /** What the same request got before, if it was here. */
  answeredBefore(request: RequestKey | undefined): Answer | undefined {
    return knownAnswer(this.#options.log.state, request)
  }

  /** Sets, changes or removes the tip. */
  tip(tip: Tip | null, request: RequestKey | undefined): Promise<Answer> {
    const { present } = this.#options
    return this.act(request, ({ bar }) => {
      const { result, changes } = setTip(bar, tip)
      if (result.status === 'insufficient_funds') {
        throw new ServiceError('BAD_REQUEST', 'The tip is more than the balance that is left.')
      }
      return { events: changes, answer: present.tab(changes.reduce(applyChange, bar)) }
    })
  }

  /** The guest does not want to pay what the agent asked for. */
  decline(confirmationId: string, request: RequestKey | undefined): Promise<Answer> {
    const { clock, present } = this.#options
    return this.act(request, ({ bar }) => {
      assertConfirmation(bar, confirmationId, clock.date())
      const changes: BarChange[] = [{ type: 'confirmation-withdrawn', confirmationId }]
      return { events: changes, answer: present.tab(changes.reduce(applyChange, bar)) }
    })
  }

  /** Pays tab and tip, or brings a payment whose outcome is not known to its end. */
  pay(wanted: Wanted): Promise<Answer> {
    const { request } = wanted
    if (request === undefined) return this.#pay(wanted)
    const id = `${request.key} ${request.fingerprint}`
    const underWay = this.#paying.get(id)
    if (underWay !== undefined) return underWay
    const paying = this.#pay(wanted).finally(() => this.#paying.delete(id))
    this.#paying.set(id, paying)
    return paying
  }

  /** Decides and appends in one step; the same request gets the first answer again. Either way it is a use. */
  act(request: RequestKey | undefined, decide: Decide): Promise<Answer> {
    const { log, limits } = this.#options
    return this.#answer(request, (state) => {
      const decided = decide(state)
      const appends = decided.events.length > 0 || request !== undefined
      if (appends) assertLogRoom(log, limits.logEventsMax)
      return decided
    })
  }

  async #answer(request: RequestKey | undefined, decide: Decide): Promise<Answer> {
    const { log } = this.#options
    let answer: Answer | undefined
    let appended: readonly NewEvent[] = []
    await log.commit((state) => {
      appended = []
      answer = knownAnswer(state, request)
      if (answer !== undefined) return []
      const decided = decide(state)
      answer = decided.answer
      appended = [...decided.events, ...answered(request, answer)]
      return appended
    })
    if (appended.length === 0) await log.touch()
    if (answer === undefined) throw new Error('A decision without an answer.')
    return answer
  }

  async #pay(wanted: Wanted): Promise<Answer> {
    const { present } = this.#options
    const begun = await this.#beginPayment(wanted)
    if (begun.kind === 'answered') return begun.answer
    const { payment, outcome } =
      begun.kind === 'open' ? await this.#charge(begun.payment) : await this.#ended(begun.paymentId)
    return this.#answer(wanted.request, ({ bar }) => {
      const events = endPayment(bar, payment.paymentId, outcome)
      const after = events.reduce(applyChange, bar)
      const answer =
        outcome.status === 'declined'
          ? present.declined(outcome.reason)
          : present.settled(receiptOf(payment, outcome.reference), after)
      return { events, answer }
    })
  }

  async #charge(payment: Payment): Promise<{ payment: Payment; outcome: ChargeOutcome }> {
    const { paymentId, tabCents, tipCents } = payment
    const outcome = await charge(this.#options.payments, { paymentId, amountCents: tabCents + tipCents })
    if (outcome.status !== 'unknown') return { payment, outcome }
    const message = 'The outcome of the payment is not known yet. Ask again in a moment.'
    throw new ServiceError('PAYMENT_FAILED', message, { retryAfterSeconds: 5 })
  }

  /** The guest's payment whose outcome a turn has learnt meanwhile. */
  async #ended(paymentId: string): Promise<{ payment: Payment; outcome: ChargeOutcome }> {
    const events = await this.#options.log.events()
    const ended = findEndedPayment(events.flatMap(barChangesOf), paymentId)
    if (ended === undefined) throw new Error('A payment is neither open nor ended.')
    return ended
  }

  /** Logs under which request the payment was begun: asked again, that one never begins another. */
  async #beginPayment(wanted: Wanted): Promise<Begun> {
    const { log, createId, limits } = this.#options
    const { request } = wanted
    const paymentId = createId()
    let begun: Begun | undefined
    await log.commit((state) => {
      const known = findRequest(state, request)
      const open = state.bar.payment
      if (known?.kind === 'answer') {
        begun = { kind: 'answered', answer: answerOf(known) }
        return []
      }
      if (known?.kind === 'payment') {
        const isOpen = open?.paymentId === known.paymentId
        begun = isOpen ? { kind: 'open', payment: open } : { kind: 'ended', paymentId: known.paymentId }
        return []
      }
      assertLogRoom(log, limits.logEventsToFinishMax)
      if (open !== null) assertSamePayment(open, wanted)
      const changes = open === null ? this.#startChanges(state.bar, paymentId, wanted) : []
      const { payment } = changes.reduce(applyChange, state.bar)
      if (payment === null) throw new Error('A payment was started and is not there.')
      begun = { kind: 'open', payment }
      return [...changes, ...requested(request, payment)]
    })
    if (begun === undefined) throw new Error('A decision without an outcome.')
    return begun
  }

  #startChanges(bar: BarState, paymentId: string, wanted: Wanted): readonly BarChange[] {
    const { confirmationId, expectedTotalCents } = wanted
    if (confirmationId !== undefined) assertConfirmation(bar, confirmationId, this.#options.clock.date())
    const { result, changes } = startPayment(bar, paymentId)
    if (result.status === 'nothing_to_pay') {
      throw new ServiceError('NOTHING_TO_PAY', 'There is nothing to pay.')
    }
    if (result.status === 'insufficient_funds') {
      throw new ServiceError('PAYMENT_FAILED', 'The balance does not cover the tip. Choose a smaller one.')
    }
    assertTotal(tabOf(bar).totalCents, expectedTotalCents)
    return changes
  }
}

/** A payment whose outcome is not known is brought to its end only by who asks for that one, or for any. */
function assertSamePayment({ tabCents, tipCents }: Payment, wanted: Wanted): void {
  if (wanted.confirmationId !== undefined) throw confirmationGone()
  assertTotal(tabCents + tipCents, wanted.expectedTotalCents)
}

function knownAnswer(state: SessionState, request: RequestKey | undefined): Answer | undefined {
  const known = findRequest(state, request)
  return known?.kind === 'answer' ? answerOf(known) : undefined
}

function answerOf({ status, body }: Answer): Answer {
  return { status, body }
}

function answered(request: RequestKey | undefined, answer: Answer): readonly NewEvent[] {
  return request === undefined ? [] : [{ type: 'request-answered', request, ...answer }]
}

function requested(request: RequestKey | undefined, { paymentId }: Payment): readonly NewEvent[] {
  return request === undefined ? [] : [{ type: 'payment-requested', request, paymentId }]
}

function barChangesOf(event: SessionEvent): readonly BarChange[] {
  if (event.type === 'effect') return event.changes
  return event.type === 'payment-started' ||
    event.type === 'payment-settled' ||
    event.type === 'payment-failed'
    ? [event]
    : []
}

function assertConfirmation(bar: BarState, confirmationId: string, date: number): void {
  if (openConfirmation(bar, date)?.confirmationId !== confirmationId) throw confirmationGone()
}

function confirmationGone(): ServiceError {
  const message = 'This confirmation is not open any more. Ask for the bill again.'
  return new ServiceError('CONFIRMATION_GONE', message)
}

function assertTotal(totalCents: number, expectedCents: number | undefined): void {
  if (expectedCents === undefined || expectedCents === totalCents) return
  throw new ServiceError('TOTAL_CHANGED', `The total is ${(totalCents / 100).toFixed(2)} dollars now.`)
}
