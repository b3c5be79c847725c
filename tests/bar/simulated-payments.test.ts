import { simulatedPayments } from '../../src/bar/payments/simulated.ts'
import { paymentProviderContract } from './payment-provider.contract.ts'

paymentProviderContract('simulated', () => ({ provider: simulatedPayments }))
