import type { PaymentProvider } from '../payment-provider.ts'

/** The total that the simulated provider declines, so that a decline can be tried by hand. */
const declinedCents = 99_99

/** Settles every charge but one of exactly 99.99. The answer depends on the charge alone, so it needs no memory. */
export const simulatedPayments: PaymentProvider = {
  name: 'simulated',
  async charge({ paymentId, amountCents }, signal) {
    signal.throwIfAborted()
    if (amountCents === declinedCents) return { status: 'declined', reason: 'The card was declined.' }
    return { status: 'settled', reference: `simulated-${paymentId}` }
  },
}
