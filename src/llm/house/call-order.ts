import type { PlannedCall } from './plan.ts'

/** Sums are told once everything that changes them is done. */
const ranks: Readonly<Record<string, number>> = {
  set_tip: 1,
  get_order: 2,
  get_tip: 2,
  get_balance: 2,
  get_bill: 2,
  // Any change behind it would withdraw the question whether to charge.
  pay_bill: 3,
}

/** The calls of a reply in the order to make them: as they were said, but for tips, sums and the payment. */
export function inCallOrder(calls: readonly PlannedCall[]): readonly PlannedCall[] {
  return withoutRepeats(calls).toSorted((one, other) => rankOf(one) - rankOf(other))
}

function rankOf({ name }: PlannedCall): number {
  return ranks[name] ?? 0
}

/** A question asked twice is answered once; what changes something is done as often as it was said. */
function withoutRepeats(calls: readonly PlannedCall[]): readonly PlannedCall[] {
  return calls.filter(
    ({ name }, at) =>
      (!name.startsWith('get_') && name !== 'pay_bill' && name !== 'clear_order') ||
      calls.findIndex((other) => other.name === name) === at,
  )
}
