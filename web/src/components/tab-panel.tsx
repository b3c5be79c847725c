import type { JSX } from 'preact'
import type { OrderLineWire, TabWire } from '../api/wire.ts'
import type { Bar } from '../state/bar.ts'
import { balanceLevel, dollars, type BalanceLevel } from '../state/tab.ts'
import { Amount } from './amount.tsx'
import { FoldedDetails } from './folded-details.tsx'
import { onSingleClick } from './single-click.ts'

const percentages = [10, 15, 20]

const states: Record<TabWire['status'], string> = {
  open: 'Nothing ordered yet.',
  paid: 'All paid. Thank you!',
  processing: 'The payment is being processed.',
}

const levelWords: Record<BalanceLevel, string> = { fine: '', low: ' (low)', empty: ' (empty)' }

/** What the guest has ordered, owes and has left. */
export function TabPanel({ bar }: { readonly bar: Bar }): JSX.Element {
  const { tab, payments, visit } = bar
  const { value: bill } = tab.tab
  const { value: order } = tab.order
  const canPay = bill !== null && (bill.total_cents > 0 || bill.status === 'processing')
  return (
    <FoldedDetails id="tab">
      <summary>
        <h2>Your tab</h2>
        <span id="tab-brief">{bill === null ? '' : dollars(bill.total_cents)}</span>
      </summary>
      <ul id="tab-lines" aria-label="Order">
        {order.map((line, index) => (
          <OrderLine key={index} line={line} />
        ))}
      </ul>
      <p id="tab-state">{bill !== null && order.length === 0 ? states[bill.status] : ''}</p>
      <Sums bill={bill} />
      <Tips bar={bar} bill={bill} />
      <button
        id="pay"
        class="accent"
        type="button"
        disabled={!canPay}
        onClick={() => void visit.guard(() => payments.pay())}
      >
        {payLabel(bill)}
      </button>
    </FoldedDetails>
  )
}

function Sums({ bill }: { readonly bill: TabWire | null }): JSX.Element {
  const level = bill === null ? 'fine' : balanceLevel(bill)
  const percentage = bill?.tip_percentage ?? null
  return (
    <dl>
      <div>
        <dt>Tab</dt>
        <Amount id="tab-amount" cents={bill?.tab_amount_cents ?? null} />
      </div>
      <div>
        <dt id="tip-name">{percentage === null ? 'Tip' : `Tip ${percentage} %`}</dt>
        <Amount id="tip-amount" cents={bill?.tip_amount_cents ?? null} />
      </div>
      <div class="total">
        <dt>Total</dt>
        <Amount id="total" cents={bill?.total_cents ?? null} />
      </div>
      <div id="balance-row" class={level === 'fine' ? '' : level}>
        <dt>Balance</dt>
        <Amount id="balance" cents={bill?.balance_cents ?? null} suffix={levelWords[level]} />
      </div>
    </dl>
  )
}

function Tips({ bar, bill }: { readonly bar: Bar; readonly bill: TabWire | null }): JSX.Element {
  const { visit, payments } = bar
  return (
    <div id="tips" role="group" aria-label="Tip">
      {percentages.map((percentage) => (
        <button
          key={percentage}
          type="button"
          value={percentage}
          disabled={bill === null || bill.tab_amount_cents === 0}
          aria-pressed={bill?.tip_percentage === percentage}
          onClick={onSingleClick(() => void visit.guard(() => payments.tip(percentage)))}
        >
          {percentage} %
        </button>
      ))}
    </div>
  )
}

function OrderLine({ line }: { readonly line: OrderLineWire }): JSX.Element {
  const { quantity, item_name: name, modifiers, price_cents: priceCents } = line
  return (
    <li>
      <span>{quantity} ×</span>
      <span>{name}</span>
      <span>{dollars(priceCents * quantity)}</span>
      <small>{modifiers.join(', ')}</small>
    </li>
  )
}

function payLabel(bill: TabWire | null): string {
  if (bill?.status === 'processing') return 'Finish the payment'
  return bill === null || bill.total_cents === 0 ? 'Pay' : `Pay ${dollars(bill.total_cents)}`
}
