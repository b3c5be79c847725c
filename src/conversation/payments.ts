import type { ChargeOutcome, PaymentProvider } from '../bar/payment-provider.ts'
import type { Clock } from '../clock.ts'
import type { ConversationObserver } from './observer.ts'

export type PaymentOutcome = ChargeOutcome | { readonly status: 'unknown' }

export interface PaymentsOptions {
  readonly provider: PaymentProvider
  readonly clock: Clock
  /** How long one charge may take before its outcome counts as unknown. */
  readonly timeoutMs: number
  readonly observer: Pick<ConversationObserver, 'paymentEnded'>
}

/**
 * Asks the provider to charge, or what became of this charge. Never rejects: what went wrong here may have gone
 * right there, so every failure is `unknown` and asking again with the same id is safe.
 */
export async function charge(
  { provider, clock, timeoutMs, observer }: PaymentsOptions,
  payment: { readonly paymentId: string; readonly amountCents: number },
): Promise<PaymentOutcome> {
  const timeout = new AbortController()
  const timedOut = Promise.withResolvers<never>()
  const cancel = clock.after(timeoutMs, () => {
    timeout.abort(new Error('The payment provider did not answer in time.'))
    timedOut.reject(timeout.signal.reason)
  })
  let outcome: PaymentOutcome
  try {
    outcome = await Promise.race([provider.charge(payment, timeout.signal), timedOut.promise])
  } catch {
    outcome = { status: 'unknown' }
  } finally {
    cancel()
  }
  observer.paymentEnded(outcome.status)
  return outcome
}
