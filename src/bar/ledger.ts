/** Where a guest's money can be. Every posting moves whole cents from one account to another. */
export type Account = 'balance' | 'tab' | 'in-payment' | 'paid'

export interface Posting {
  readonly from: Account
  readonly to: Account
  readonly cents: number
}

export interface Ledger {
  readonly openingCents: number
  readonly accounts: Readonly<Record<Account, number>>
}

export function openLedger(openingCents: number): Ledger {
  return { openingCents, accounts: { balance: openingCents, tab: 0, 'in-payment': 0, paid: 0 } }
}

/** Throws when a posting would break the books: nothing may be negative, fractional or out of nowhere. */
export function post(ledger: Ledger, postings: readonly Posting[]): Ledger {
  const accounts = { ...ledger.accounts }
  for (const { from, to, cents } of postings) {
    if (!Number.isSafeInteger(cents) || cents < 0)
      throw new Error(`A posting of ${cents} cents is not whole.`)
    accounts[from] -= cents
    accounts[to] += cents
    if (accounts[from] < 0) throw new Error(`The account ${from} would be below zero.`)
  }
  return { ...ledger, accounts }
}

/** The first invariant of the product: no cent is lost and none appears. */
export function isBalanced({ openingCents, accounts }: Ledger): boolean {
  const amounts = Object.values(accounts)
  return (
    amounts.every((cents) => cents >= 0) && amounts.reduce((sum, cents) => sum + cents, 0) === openingCents
  )
}
