import { describe, expect, it } from 'vitest'
import type { PaymentProvider } from '../../src/bar/payment-provider.ts'

export interface ProviderUnderTest {
  readonly provider: PaymentProvider
  /** What the provider has taken for this payment in all, where it can be looked up. */
  readonly takenCents?: (paymentId: string) => Promise<number>
}

/** The promises that every PaymentProvider keeps, run once for each implementation. */
export function paymentProviderContract(name: string, create: () => ProviderUnderTest): void {
  function setup() {
    const { provider, takenCents } = create()
    const charge = (paymentId: string, amountCents: number, signal = new AbortController().signal) =>
      provider.charge({ paymentId, amountCents }, signal)
    return { provider, takenCents, charge }
  }

  describe(`${name}: charge`, () => {
    it('has a name', () => {
      expect(setup().provider.name).toMatch(/^[a-z][a-z0-9-]*$/)
    })

    it('settles with a reference of its own for each payment', async () => {
      const { charge } = setup()
      const one = await charge('one', 1300)
      const two = await charge('two', 1300)
      expect([one.status, two.status]).toEqual(['settled', 'settled'])
      expect(one).not.toEqual(two)
    })

    it.each([99_98, 100_00, 9_99, 1])('settles %i cents', async (cents) => {
      expect((await setup().charge('payment', cents)).status).toBe('settled')
    })

    it('declines exactly 99.99 with a reason, every time it is asked', async () => {
      const { charge } = setup()
      const declined = await charge('payment', 99_99)
      expect(declined).toEqual({ status: 'declined', reason: expect.stringMatching(/\S/) })
      expect(await charge('payment', 99_99)).toEqual(declined)
    })

    it('charges once for one payment, however often it is asked, one after the other or at once', async () => {
      const { charge, takenCents } = setup()
      const first = await charge('payment', 1300)
      const again = await Promise.all([charge('payment', 1300), charge('payment', 1300)])
      expect(again).toEqual([first, first])
      expect((await takenCents?.('payment')) ?? 1300).toBe(1300)
    })

    it('rejects when it is aborted before, and can be asked again', async () => {
      const { charge } = setup()
      const reason = new Error('stop')
      await expect(charge('payment', 1300, AbortSignal.abort(reason))).rejects.toBe(reason)
      expect((await charge('payment', 1300)).status).toBe('settled')
    })
  })
}
