const lowBalanceCents = 50_00

/** Cents as the guest reads them. */
export function dollars(cents) {
  return (cents / 100).toLocaleString('en-US', { style: 'currency', currency: 'USD' })
}

const states = {
  open: 'Nothing ordered yet.',
  paid: 'All paid. Thank you!',
  processing: 'The payment is being processed.',
}

/** What the guest has ordered, owes and has left. */
export class TabPanel {
  #find
  #tab = { version: -1 }
  #order = []

  /** `find` gives the element of an id. */
  constructor(find) {
    this.#find = find
    this.#foldOnNarrowScreens()
  }

  get tab() {
    return this.#tab
  }

  /** The order in one line. */
  get summary() {
    const lines = this.#order.map(({ quantity, item_name: name }) => `${quantity} × ${name}`)
    const { tip_amount_cents: tipCents } = this.#tab
    return [...lines, ...(tipCents > 0 ? [`tip ${dollars(tipCents)}`] : [])].join(', ')
  }

  /** Shows this state, unless a newer one is there already: a turn that is told again tells its old ones too. */
  update(tab, order) {
    if (tab.version >= this.#tab.version) this.show(tab, order)
  }

  show(tab, order = tab.tab_amount_cents === 0 ? [] : this.#order) {
    this.#tab = tab
    this.#order = order
    const isLow = tab.balance_cents < lowBalanceCents
    this.#find('tab-lines').replaceChildren(...order.map(lineNode))
    this.#find('balance-row').classList.toggle('low', isLow)
    this.#showTexts({
      'tab-state': order.length === 0 ? states[tab.status] : '',
      'tab-brief': dollars(tab.total_cents),
      'tab-amount': dollars(tab.tab_amount_cents),
      'tip-name': tab.tip_percentage === null ? 'Tip' : `Tip ${tab.tip_percentage} %`,
      'tip-amount': dollars(tab.tip_amount_cents),
      total: dollars(tab.total_cents),
      balance: `${dollars(tab.balance_cents)}${isLow ? ' (low)' : ''}`,
      pay: payLabel(tab),
    })
    this.#find('pay').disabled = tab.total_cents === 0 && tab.status !== 'processing'
    for (const button of this.#find('tips').children) {
      button.disabled = tab.tab_amount_cents === 0
      button.setAttribute('aria-pressed', String(Number(button.value) === tab.tip_percentage))
    }
  }

  #showTexts(texts) {
    for (const [id, text] of Object.entries(texts)) this.#find(id).textContent = text
  }

  /** Beside the conversation there is room for both; above it they are one line each until opened. */
  #foldOnNarrowScreens() {
    const wide = matchMedia('(min-width: 50rem)')
    const fold = () => {
      for (const id of ['tab', 'menu']) this.#find(id).open = wide.matches
    }
    wide.addEventListener('change', fold)
    fold()
  }
}

function payLabel({ status, total_cents: totalCents }) {
  if (status === 'processing') return 'Finish the payment'
  return totalCents === 0 ? 'Pay' : `Pay ${dollars(totalCents)}`
}

function lineNode({ quantity, item_name: name, modifiers, price_cents: priceCents }) {
  const node = document.createElement('li')
  const texts = [`${quantity} ×`, name, dollars(priceCents * quantity)]
  node.append(
    ...texts.map((text) => Object.assign(document.createElement('span'), { textContent: text })),
    Object.assign(document.createElement('small'), { textContent: modifiers.join(', ') }),
  )
  return node
}
