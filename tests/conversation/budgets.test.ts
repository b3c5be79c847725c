import { describe, expect, it } from 'vitest'
import { Budgets, type BudgetBounds } from '../../src/conversation/budgets.ts'
import { StoreError } from '../../src/log/store.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { unreliable } from '../log/unreliable-store.ts'

const unbounded: BudgetBounds = {
  turnTokensMax: 0,
  sessionTokensMax: 0,
  sessionToolCallsMax: 0,
  workspaceDailyTokensMax: 0,
  outputTokensMax: 100,
}

const day = 24 * 60 * 60_000

function setup(bounds: Partial<BudgetBounds>, startDate = Date.UTC(2026, 0, 1)) {
  const clock = new FakeClock(startDate)
  const { store, faults } = unreliable(createMemoryStore({ clock }))
  const exhausted: string[] = []
  const observer = { budgetExhausted: (budget: string) => void exhausted.push(budget) }
  const budgets = new Budgets({ store, clock, bounds: { ...unbounded, ...bounds }, observer })
  const session = { workspace: 'bar', tokensUsed: 0, toolCallsMade: 0 }
  const call = { session, payer: 'server', turnTokens: 0, promptTokens: 400 } as const
  return { clock, faults, exhausted, budgets, session, call }
}

describe('the budget of a day', () => {
  it('takes every call as dear as it can become, and gives back what was not used', async () => {
    const { budgets, call, session, exhausted } = setup({ workspaceDailyTokensMax: 1000 })
    const first = await budgets.reserve(call)
    const second = await budgets.reserve(call)
    await expect(budgets.reserve(call)).rejects.toMatchObject({ code: 'BUDGET_EXHAUSTED' })
    await expect(budgets.admit(session, 'server')).rejects.toMatchObject({ code: 'BUDGET_EXHAUSTED' })
    await first.settle(100)
    await second.settle(100)
    await budgets.admit(session, 'server')
    await budgets.reserve(call)
    expect(exhausted).toEqual(['day', 'day'])
  })

  it('is never passed by many calls at once', async () => {
    const { budgets, call } = setup({ workspaceDailyTokensMax: 5000 })
    const asked = await Promise.allSettled(Array.from({ length: 50 }, () => budgets.reserve(call)))
    const given = asked.filter(({ status }) => status === 'fulfilled').length
    expect(given).toBeGreaterThan(0)
    expect(given * 500).toBeLessThanOrEqual(5000)
  })

  it('comes back at midnight UTC, and says in how many seconds', async () => {
    const { budgets, call, session, clock } = setup(
      { workspaceDailyTokensMax: 500 },
      Date.UTC(2026, 0, 1, 23),
    )
    await budgets.reserve(call)
    const refused = {
      code: 'BUDGET_EXHAUSTED',
      retryAfterSeconds: 3600,
      message: expect.stringMatching(/midnight UTC/),
    }
    await expect(budgets.reserve(call)).rejects.toMatchObject(refused)
    await expect(budgets.admit(session, 'server')).rejects.toMatchObject(refused)
    clock.advance(3600_000 - 1)
    await expect(budgets.reserve(call)).rejects.toMatchObject({ retryAfterSeconds: 1 })
    clock.advance(1)
    await budgets.admit(session, 'server')
    await budgets.reserve(call)
  })

  it('gives nothing to the next day that was reserved on this one', async () => {
    const { budgets, call, clock } = setup({ workspaceDailyTokensMax: 500 })
    const reserved = await budgets.reserve(call)
    clock.advance(day)
    await budgets.reserve(call)
    await reserved.settle(0)
    await expect(budgets.reserve(call)).rejects.toMatchObject({ code: 'BUDGET_EXHAUSTED' })
  })

  it('is of one workspace', async () => {
    const { budgets, call, session } = setup({ workspaceDailyTokensMax: 500 })
    await budgets.reserve(call)
    await expect(budgets.admit(session, 'server')).rejects.toMatchObject({ code: 'BUDGET_EXHAUSTED' })
    const other = { ...session, workspace: 'other' }
    await expect(budgets.admit(other, 'server')).resolves.toBeUndefined()
    await budgets.reserve({ ...call, session: other })
  })

  it.each(['guest', 'nobody'] as const)('is not touched where %s pays', async (payer) => {
    const { budgets, call, session } = setup({ workspaceDailyTokensMax: 500 })
    await (await budgets.reserve({ ...call, payer, promptTokens: 10_000 })).settle(10_000)
    await expect(budgets.admit(session, payer)).resolves.toBeUndefined()
    await budgets.reserve(call)
    await expect(budgets.admit(session, payer)).resolves.toBeUndefined()
  })

  it('keeps a reservation counted that the store would not take back', async () => {
    const { budgets, call, faults } = setup({ workspaceDailyTokensMax: 900 })
    const reserved = await budgets.reserve(call)
    faults.before = () => Promise.reject(new StoreError('away'))
    await reserved.settle(0)
    await expect(budgets.reserve(call)).rejects.toThrow(StoreError)
    faults.before = () => {}
    await expect(budgets.reserve(call)).rejects.toMatchObject({ code: 'BUDGET_EXHAUSTED' })
  })
})

describe('the budgets of turn and session', () => {
  it('refuse the call that could pass them, and not the one that just fits', async () => {
    const { budgets, call, session, exhausted } = setup({ turnTokensMax: 800, sessionTokensMax: 900 })
    await budgets.reserve({ ...call, turnTokens: 300 })
    await expect(budgets.reserve({ ...call, turnTokens: 301 })).rejects.toMatchObject({
      code: 'BUDGET_EXHAUSTED',
    })
    await budgets.reserve({ ...call, session: { ...session, tokensUsed: 400 } })
    const spent = { ...call, session: { ...session, tokensUsed: 401 } }
    await expect(budgets.reserve(spent)).rejects.toMatchObject({ code: 'BUDGET_EXHAUSTED' })
    await budgets.reserve({ ...spent, payer: 'nobody', turnTokens: 100_000 })
    expect(exhausted).toEqual(['turn', 'session'])
  })

  it('count what a guest pays, too', async () => {
    const { budgets, call, session } = setup({ turnTokensMax: 100, sessionTokensMax: 900 })
    await expect(budgets.reserve({ ...call, payer: 'guest' })).rejects.toMatchObject({
      code: 'BUDGET_EXHAUSTED',
    })
    const spent = { ...session, tokensUsed: 900 }
    await expect(budgets.admit(spent, 'guest')).rejects.toMatchObject({ code: 'BUDGET_EXHAUSTED' })
    await budgets.admit(spent, 'nobody')
  })

  it('bound the calls of tools, whoever pays', () => {
    const { budgets, session } = setup({ sessionToolCallsMax: 3 })
    const two = { ...session, toolCallsMade: 2 }
    budgets.assertToolCalls(two, 1)
    budgets.assertToolCalls({ ...session, toolCallsMade: 9 }, 0)
    expect(() => budgets.assertToolCalls(two, 2)).toThrow(/actions/)
  })

  it('are without end where they are 0, and then the store is not asked', async () => {
    const { budgets, call, session, faults } = setup({})
    faults.before = () => Promise.reject(new StoreError('away'))
    const spent = { ...session, tokensUsed: 1e12, toolCallsMade: 1e6 }
    await expect(budgets.admit(spent, 'server')).resolves.toBeUndefined()
    await (await budgets.reserve({ ...call, session: spent, turnTokens: 1e12 })).settle(1)
    budgets.assertToolCalls(spent, 1000)
  })
})
