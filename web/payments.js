import { askGuest } from './question.js'
import { forget, recall, remember } from './pending.js'
import { dollars } from './tab.js'

/** Refusals after which nothing was paid and the tab is looked at again. */
const refusals = {
  TOTAL_CHANGED: () => 'The total has changed, so nothing was paid. Please look at your tab again.',
  NOTHING_TO_PAY: () => 'There is nothing to pay.',
  CONFIRMATION_GONE: () => 'That bill is not valid any more. Please ask for it again.',
  PAYMENT_FAILED: ({ message }) => message,
}

/** Tip and payment by the guest's own hand, and the payment that Maya asks for. */
export class Payments {
  #page
  #confirmation

  /** `change` sends a request that changes something; `reload` looks at the tab again. */
  constructor(page) {
    this.#page = page
    const { find, guard } = page
    find('tips').addEventListener('click', ({ target, detail }) => {
      // The second click of a double click would take the tip away again.
      if (target.value && detail < 2) void guard(() => this.#tip(Number(target.value)))
    })
    find('pay').addEventListener('click', () => void guard(() => this.#pay()))
    find('confirm-yes').addEventListener('click', () => void guard(() => this.#confirm(true)))
    find('confirm-no').addEventListener('click', () => void guard(() => this.#confirm(false)))
  }

  /** The tab as an event or an answer has it. What Maya asked for is void when there is something else to pay. */
  update(tab, order) {
    const { panel } = this.#page
    panel.update(tab, order)
    if (this.#confirmation?.version !== panel.tab.version) this.withdraw()
  }

  /** Shows what Maya asks the guest to confirm. */
  ask({ confirmation_id: id, total_cents: totalCents, expires_at: expiresAt }) {
    const { panel, session } = this.#page
    remember('confirmation', { id, totalCents, expiresAt, version: panel.tab.version }, session())
    this.restore()
  }

  /** Shows it again after a reload, if it is still open. */
  restore() {
    const { find, panel, session, messages } = this.#page
    const asked = recall('confirmation', session())
    if (asked?.version !== panel.tab.version || Date.parse(asked.expiresAt) < Date.now()) return
    this.#confirmation = asked
    find('confirmation-question').textContent = `Pay ${dollars(asked.totalCents)}?`
    messages.keepingEnd(() => (find('confirmation').hidden = false))
  }

  withdraw() {
    const { find } = this.#page
    this.#confirmation = undefined
    forget('confirmation')
    if (find('confirmation').contains(document.activeElement)) find('input').focus()
    find('confirmation').hidden = true
  }

  async #tip(percentage) {
    const { change, messages, panel } = this.#page
    this.update(await change('/payments/tip', { tip_percentage: percentage }))
    messages.announce(`Tip ${dollars(panel.tab.tip_amount_cents)}, total ${dollars(panel.tab.total_cents)}`)
  }

  /** Asks once, with the sum that is then paid or refused. A payment under way is only brought to its end. */
  async #pay() {
    const { find, panel, change } = this.#page
    const { status, total_cents: totalCents } = panel.tab
    if (status === 'processing') return this.#settle(() => change('/payments/pay', {}))
    const sum = dollars(totalCents)
    const isWanted = await askGuest(find, { title: `Pay ${sum}?`, text: panel.summary, yes: `Pay ${sum}` })
    if (isWanted) await this.#settle(() => change('/payments/pay', { expected_total_cents: totalCents }))
  }

  async #confirm(accept) {
    const { id } = this.#confirmation ?? {}
    if (id === undefined) return
    this.withdraw()
    const { change } = this.#page
    await this.#settle(() => change('/payments/confirm', { confirmation_id: id, accept }))
  }

  async #settle(send) {
    const { notice, reload, find } = this.#page
    try {
      const { receipt, tab } = await send()
      this.update(tab)
      notice.say(receipt ? `Paid ${dollars(receipt.total_cents)}. Thank you!` : 'Nothing was paid.')
    } catch (problem) {
      const sentence = refusals[problem.code]?.(problem)
      if (sentence === undefined) throw problem
      await reload()
      notice.say(sentence)
    }
    find('input').focus()
  }
}
