import { signal } from '@preact/signals'
import { Problem } from '../api/problem.ts'
import type { ConfirmationWire, SettledWire, TabWire, TurnEventWire } from '../api/wire.ts'
import type { GuestQuestion } from './question.ts'
import { createPlace, isRecord, type Place, type Shelf } from './shelf.ts'
import { dollars, type Tab } from './tab.ts'

/** Refusals after which nothing was paid and the tab is looked at again. */
const refusals: Partial<Record<string, (problem: Problem) => string>> = {
  TOTAL_CHANGED: () => 'The total has changed, so nothing was paid. Please look at your tab again.',
  NOTHING_TO_PAY: () => 'There is nothing to pay.',
  CONFIRMATION_GONE: () => 'That bill is not valid any more. Please ask for it again.',
  PAYMENT_FAILED: ({ message }) => message,
}

/** What Maya asks the guest to confirm, and of which tab. */
interface Confirmation {
  readonly id: string
  readonly totalCents: number
  readonly expiresAt: string
  readonly version: number
}

export interface PaymentsOptions {
  readonly tab: Tab
  readonly question: GuestQuestion
  readonly shelf: Shelf
  readonly session: () => string | null
  readonly date: () => number
  readonly change: <Answer>(path: string, body: object) => Promise<Answer>
  readonly say: (sentence: string) => void
  readonly announce: (text: string) => void
  readonly reload: () => Promise<void>
  /** The guest's hands are free for the next message. */
  readonly onDone: () => void
  /** The tab has changed, which other tabs of the browser want to know. */
  readonly onChange: () => void
}

const name = 'maya-confirmation'

/** Tip and payment by the guest's own hand, and the payment that Maya asks for. */
export class Payments {
  readonly #options: PaymentsOptions
  readonly #place: Place<Confirmation>
  readonly confirmation = signal<Confirmation | null>(null)

  constructor(options: PaymentsOptions) {
    this.#options = options
    this.#place = createPlace(options.shelf, name, isConfirmation)
  }

  /** An event of a turn. */
  take(event: TurnEventWire): void {
    if (event.type === 'state') {
      this.#options.tab.update(event.tab, event.order)
      this.#withdrawOld()
    } else if (event.type === 'confirmation') this.#ask(event)
  }

  /** Shows again what Maya asked for before a reload, if it is still open. */
  restore(): void {
    const { session, tab, date } = this.#options
    const asked = this.#place.read(session())
    const isOpen = asked?.version === tab.version && Date.parse(asked.expiresAt) >= date()
    this.confirmation.value = isOpen ? asked : null
  }

  withdraw(): void {
    this.confirmation.value = null
    this.#place.clear()
  }

  async tip(percentage: number): Promise<void> {
    const { change, announce } = this.#options
    const tab = await change<TabWire>('/payments/tip', { tip_percentage: percentage })
    this.#update(tab)
    announce(`Tip ${dollars(tab.tip_amount_cents)}, total ${dollars(tab.total_cents)}`)
  }

  /** Asks once, with the sum that is then paid or refused. A payment under way is only brought to its end. */
  async pay(): Promise<void> {
    const { tab, question, change } = this.#options
    const { value: bill } = tab.tab
    if (bill === null) return
    if (bill.status === 'processing') return this.#settle(() => change<SettledWire>('/payments/pay', {}))
    const { total_cents: totalCents } = bill
    const sum = dollars(totalCents)
    const text = tab.summary.value
    if (!(await question.ask({ title: `Pay ${sum}?`, text, yes: `Pay ${sum}` }))) return
    await this.#settle(() => change<SettledWire>('/payments/pay', { expected_total_cents: totalCents }))
  }

  async confirm(accept: boolean): Promise<void> {
    const { value: asked } = this.confirmation
    if (asked === null) return
    this.withdraw()
    const { change } = this.#options
    const body = { confirmation_id: asked.id, accept }
    await this.#settle(() => change<SettledWire>('/payments/confirm', body))
  }

  #ask({ confirmation_id: id, total_cents: totalCents, expires_at: expiresAt }: ConfirmationWire): void {
    const { session, tab } = this.#options
    this.#place.write(session(), { id, totalCents, expiresAt, version: tab.version })
    this.restore()
  }

  #update(tab: TabWire): void {
    this.#options.tab.update(tab)
    this.#withdrawOld()
    this.#options.onChange()
  }

  /** What Maya asked for is void when there is something else to pay. */
  #withdrawOld(): void {
    const { value: asked } = this.confirmation
    if (asked !== null && asked.version !== this.#options.tab.version) this.withdraw()
  }

  async #settle(send: () => Promise<SettledWire>): Promise<void> {
    const { say, reload, onDone } = this.#options
    try {
      const { receipt, tab } = await send()
      this.#update(tab)
      say(receipt === undefined ? 'Nothing was paid.' : `Paid ${dollars(receipt.total_cents)}. Thank you!`)
    } catch (problem) {
      const sentence = problem instanceof Problem ? refusals[problem.code]?.(problem) : undefined
      if (sentence === undefined) throw problem
      await reload()
      say(sentence)
    }
    onDone()
  }
}

function isConfirmation(value: unknown): value is Confirmation {
  return isRecord(value) && typeof value['id'] === 'string' && typeof value['expiresAt'] === 'string'
}
