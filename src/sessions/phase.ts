import { openConfirmation } from '../bar/paying.ts'
import type { SessionState } from '../log/state.ts'

/** Where the guest is, for clients that show it. */
export type Phase = 'greeting' | 'talking' | 'ordering' | 'paying' | 'paid'

export function phaseOf({ bar, turnCount }: SessionState, date: number): Phase {
  if (bar.payment !== null || openConfirmation(bar, date) !== null) return 'paying'
  if (bar.lines.length > 0) return 'ordering'
  if (bar.lastReceipt !== null) return 'paid'
  return turnCount === 0 ? 'greeting' : 'talking'
}
