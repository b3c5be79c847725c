/** Takes a guest's money. Every implementation passes tests/bar/payment-provider.contract.ts. */
export interface PaymentProvider {
  readonly name: string
  /**
   * Charges once for each `paymentId`: asking again for the same one answers what became of it.
   * Rejects when the outcome is not known (a time-out, a broken connection); then ask again.
   */
  charge(charge: { paymentId: string; amountCents: number }, signal: AbortSignal): Promise<ChargeOutcome>
}

export type ChargeOutcome =
  | { readonly status: 'settled'; readonly reference: string }
  | { readonly status: 'declined'; readonly reason: string }
