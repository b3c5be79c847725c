import { describe, expect, it } from 'vitest'
import { FakeClock } from '../fakes/fake-clock.ts'
import { newGuest } from '../fakes/guest.ts'
import { refusalOf } from '../fakes/refusal.ts'
import { ScriptedModel, type ScriptedReply } from '../fakes/scripted-model.ts'
import { startService } from '../fakes/test-service.ts'

const dear: ScriptedReply = [
  { type: 'text-delta', text: 'Hello.' },
  { type: 'finish', reason: 'stop', usage: { inputTokens: 9000, outputTokens: 1000 } },
]

/** A server at noon, with a model whose every answer takes 10,000 tokens. */
async function setup(environment: Readonly<Record<string, string>>) {
  const clock = new FakeClock(Date.UTC(2026, 0, 1, 12))
  const model = new ScriptedModel(dear, dear, dear)
  const { app } = await startService({ environment, model, clock })
  const counted = async (budget: string) => {
    const { body } = await app.inject('/metrics')
    return Number(
      new RegExp(`^maya_budget_exhausted_total\\{budget="${budget}"\\} (\\d+)$`, 'm').exec(body)?.[1],
    )
  }
  return { guest: await newGuest({ app }), other: await newGuest({ app }), counted }
}

describe('a budget that is used up', () => {
  it.each(['/chat', '/chat/stream'])(
    'of the day refuses %s until midnight, for all of the workspace',
    async (route) => {
      const { guest, other, counted } = await setup({ MAYA_WORKSPACE_DAILY_TOKENS: '10000' })
      expect((await guest.post(route, { user_input: 'Hello' })).statusCode).toBe(200)
      for (const each of [guest, other]) {
        const answer = await each.post(route, { user_input: 'Hello' })
        expect(refusalOf(answer)).toMatchObject({ status: 429, code: 'BUDGET_EXHAUSTED' })
        expect(answer.headers['retry-after']).toBe(String(12 * 3600))
      }
      expect(await counted('day')).toBe(2)
    },
  )

  it('of a session refuses its messages, and the guest can still pay', async () => {
    const { guest, other, counted } = await setup({ MAYA_SESSION_TOKENS: '10000' })
    await guest.post('/chat', { user_input: 'Hello' })
    const answer = await guest.post('/chat', { user_input: 'Hello' })
    expect(refusalOf(answer)).toMatchObject({ status: 429, code: 'BUDGET_EXHAUSTED' })
    expect(answer.headers['retry-after']).toBeUndefined()
    expect((await guest.post('/payments/tip', { tip_percentage: 10 })).statusCode).toBe(200)
    expect((await other.post('/chat', { user_input: 'Hello' })).statusCode).toBe(200)
    expect(await counted('session')).toBe(1)
  })

  it('of a turn ends it', async () => {
    const { guest, counted } = await setup({ MAYA_TURN_TOKENS: '1000' })
    const answer = await guest.post('/chat', { user_input: 'Hello' })
    expect(refusalOf(answer)).toMatchObject({ status: 429, code: 'BUDGET_EXHAUSTED' })
    expect(await counted('turn')).toBe(1)
  })
})
