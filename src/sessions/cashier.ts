import type { BarState, Receipt, Tip } from '../bar/bar.ts'
import { applyChange, type BarChange } from '../bar/bar.ts'
import { endPayment, openConfirmation, startPayment } from '../bar/paying.ts'
import { tabOf } from '../bar/tab.ts'
import { setTip } from '../bar/tips.ts'
import type { Clock } from '../clock.ts'
import { charge, type PaymentsOptions } from '../conversation/payments.ts'
import { ServiceError } from '../errors.ts'
import type { NewEvent, RequestKey } from '../log/events.ts'
import type { SessionLog } from '../log/session-log.ts'
import type { SessionState } from '../log/state.ts'
import { findRequest } from './requests.ts'

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
  pay(wanted: {
    readonly request: RequestKey | undefined
    readonly expectedTotalCents?: number | undefined
    readonly confirmationId?: string | undefined
  }): Promise<Answer> {
    const { request } = wanted
    if (request === undefined) return this.#pay(wanted)
    const id = `${request.key} ${request.fingerprint}`
    const underWay = this.#paying.get(id)
    if (underWay !== undefined) return underWay
    const paying = this.#pay(wanted).finally(() => this.#paying.delete(id))
    this.#paying.set(id, paying)
    return paying
  }

  /** Decides and appends in one step; the same request gets the first answer again. */
  async act(
    request: RequestKey | undefined,
    decide: (state: SessionState) => { readonly events: readonly NewEvent[]; readonly answer: Answer },
  ): Promise<Answer> {
    let answer: Answer | undefined
    await this.#options.log.commit((state) => {
      answer = knownAnswer(state, request)
      if (answer !== undefined) return []
      const decided = decide(state)
      answer = decided.answer
      return [...decided.events, ...answered(request, answer)]
    })
    if (answer === undefined) throw new Error('A decision without an answer.')
    return answer
  }

  async #pay(wanted: Parameters<Cashier['pay']>[0]): Promise<Answer> {
    const { log, payments, present } = this.#options
    const known = await this.#startPayment(wanted)
    if (known !== undefined) return known
    const { payment } = log.state.bar
    // Whoever else drove this payment has ended it meanwhile.
    if (payment === null) return this.#lastOutcome(wanted.request)
    const { paymentId, tabCents, tipCents } = payment
    const outcome = await charge(payments, { paymentId, amountCents: tabCents + tipCents })
    if (outcome.status === 'unknown') {
      const message = 'The outcome of the payment is not known yet. Ask again in a moment.'
      throw new ServiceError('PAYMENT_FAILED', message, { retryAfterSeconds: 5 })
    }
    return this.act(wanted.request, ({ bar }) => {
      const events = endPayment(bar, paymentId, outcome)
      const after = events.reduce(applyChange, bar)
      if (outcome.status === 'declined') return { events, answer: present.declined(outcome.reason) }
      if (after.lastReceipt === null) throw new Error('A settled payment without a receipt.')
      return { events, answer: present.settled(after.lastReceipt, after) }
    })
  }

  /** The answer that was given before, or undefined after the first step of the payment. */
  async #startPayment(wanted: Parameters<Cashier['pay']>[0]): Promise<Answer | undefined> {
    const { log, clock, createId } = this.#options
    const paymentId = createId()
    let known: Answer | undefined
    await log.commit((state) => {
      known = knownAnswer(state, wanted.request)
      const { bar } = state
      if (known !== undefined || bar.payment !== null) return []
      if (wanted.confirmationId !== undefined) assertConfirmation(bar, wanted.confirmationId, clock.date())
      const { result, changes } = startPayment(bar, paymentId)
      if (result.status === 'nothing_to_pay')
        throw new ServiceError('NOTHING_TO_PAY', 'There is nothing to pay.')
      if (result.status === 'insufficient_funds') {
        throw new ServiceError('PAYMENT_FAILED', 'The balance does not cover the tip. Choose a smaller one.')
      }
      assertTotal(bar, wanted.expectedTotalCents)
      return changes
    })
    return known
  }

  #lastOutcome(request: RequestKey | undefined): Promise<Answer> {
    const { present } = this.#options
    return this.act(request, ({ bar }) => ({
      events: [],
      answer: bar.lastReceipt === null ? present.tab(bar) : present.settled(bar.lastReceipt, bar),
    }))
  }
}

function knownAnswer(state: SessionState, request: RequestKey | undefined): Answer | undefined {
  const known = findRequest(state, request)
  return known?.kind === 'answer' ? { status: known.status, body: known.body } : undefined
}

function answered(request: RequestKey | undefined, answer: Answer): readonly NewEvent[] {
  return request === undefined ? [] : [{ type: 'request-answered', request, ...answer }]
}

function assertConfirmation(bar: BarState, confirmationId: string, date: number): void {
  if (openConfirmation(bar, date)?.confirmationId === confirmationId) return
  throw new ServiceError(
    'CONFIRMATION_GONE',
    'This confirmation is not open any more. Ask for the bill again.',
  )
}

function assertTotal(bar: BarState, expectedCents: number | undefined): void {
  const { totalCents } = tabOf(bar)
  if (expectedCents === undefined || expectedCents === totalCents) return
  throw new ServiceError('TOTAL_CHANGED', `The total is ${(totalCents / 100).toFixed(2)} dollars now.`)
}
