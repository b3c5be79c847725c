import { computed, signal, type ReadonlySignal } from '@preact/signals'
import type { OrderLineWire, TabWire } from '../api/wire.ts'

const lowBalanceCents = 50_00

export type BalanceLevel = 'fine' | 'low' | 'empty'

/** Cents as the guest reads them. */
export function dollars(cents: number): string {
  return (cents / 100).toLocaleString('en-US', { style: 'currency', currency: 'USD' })
}

export function balanceLevel({ balance_cents: balanceCents }: TabWire): BalanceLevel {
  if (balanceCents <= 0) return 'empty'
  return balanceCents < lowBalanceCents ? 'low' : 'fine'
}

/** What the guest has ordered, owes and has left. */
export class Tab {
  readonly #tab = signal<TabWire | null>(null)
  readonly #order = signal<readonly OrderLineWire[]>([])
  readonly summary = computed(() => summaryOf(this.#order.value, this.#tab.value))

  /** Null until the server has told it. */
  get tab(): ReadonlySignal<TabWire | null> {
    return this.#tab
  }

  get order(): ReadonlySignal<readonly OrderLineWire[]> {
    return this.#order
  }

  get version(): number {
    return this.#tab.value?.version ?? -1
  }

  /** Takes this state, unless a newer one is there already: a turn that is told again tells its old ones too. */
  update(tab: TabWire, order?: readonly OrderLineWire[]): void {
    if (tab.version >= this.version) this.show(tab, order)
  }

  show(tab: TabWire, order = tab.tab_amount_cents === 0 ? [] : this.#order.value): void {
    this.#tab.value = tab
    this.#order.value = order
  }
}

/** The order in one line. */
function summaryOf(order: readonly OrderLineWire[], tab: TabWire | null): string {
  const lines = order.map(({ quantity, item_name: name }) => `${quantity} × ${name}`)
  const tipCents = tab?.tip_amount_cents ?? 0
  return [...lines, ...(tipCents > 0 ? [`tip ${dollars(tipCents)}`] : [])].join(', ')
}
