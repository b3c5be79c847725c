import { describe, expect, it } from 'vitest'
import type { PaymentProvider } from '../../src/bar/payment-provider.ts'
import { limits } from '../../src/config/limits.ts'
import { ModelError } from '../../src/llm/model.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { newGuest, type Guest } from '../fakes/guest.ts'
import { calls, finish, hanging, hangsAfter, says, ScriptedModel } from '../fakes/scripted-model.ts'
import { shareService, startService, type TestServiceOptions } from '../fakes/test-service.ts'

const service = await shareService()
const { app, model } = service

const isRunning = async (guest: Guest) => (await guest.get('/session/status')).json().turn_running

describe('a message', () => {
  it('is answered with the whole turn, the order and the tab', async () => {
    const guest = await newGuest(service)
    model.add(
      [
        { type: 'text-delta', text: 'Coming up.' },
        ...calls(['add_to_order', { item_name: 'MARTINI', quantity: 2, modifiers: ['dry'] }]),
      ],
      says('Two dry martinis.'),
    )
    const response = await guest.post('/chat', { user_input: 'two dry martinis' })
    expect(response.statusCode).toBe(200)
    const answer = response.json()
    const turnId = answer.turn_id
    expect(answer).toEqual({
      response_text: 'Coming up. Two dry martinis.',
      history: [
        { role: 'user', content: 'two dry martinis', turn_id: turnId, at: expect.any(String) },
        {
          role: 'assistant',
          content: 'Coming up. Two dry martinis.',
          turn_id: turnId,
          at: expect.any(String),
        },
      ],
      current_order: [
        { item_name: 'Martini', quantity: 2, modifiers: ['Dry'], price: 13, price_cents: 1300 },
      ],
      payment_summary: {
        tab_amount: 26,
        tab_amount_cents: 2600,
        balance: 974,
        balance_cents: 97_400,
        tip_percentage: null,
        tip_amount: 0,
        tip_amount_cents: 0,
        total: 26,
        total_cents: 2600,
        status: 'open',
        version: 1,
      },
      usage: { input_tokens: 20, output_tokens: 10 },
      turn_id: expect.stringMatching(/^[\w-]+$/),
    })
  })

  it('without an id makes a session, in which the next one goes on', async () => {
    model.add(says('Hello.'), says('Again.'))
    const first = await app.inject({ method: 'POST', url: '/api/v1/chat', payload: { user_input: 'hi' } })
    const headers = { 'x-session-id': String(first.headers['x-session-id']) }
    const payload = { user_input: 'hi again' }
    const second = await app.inject({ method: 'POST', url: '/api/v1/chat', headers, payload })
    expect(second.json().history).toHaveLength(4)
    expect(second.headers['x-session-id']).toBe(first.headers['x-session-id'])
  })

  it('comes back as it was, but for characters that nobody sees', async () => {
    const guest = await newGuest(service)
    const userInput = 'a\u0000b \ud83c\udf78 "\\ </script> \u0645\u06cc\u200c\u062e\ud800\u202e'
    model.add(says('Hm.'))
    const response = await guest.post('/chat', { user_input: userInput })
    const visible = 'ab \ud83c\udf78 "\\ </script> \u0645\u06cc\u200c\u062e\ufffd'
    expect(response.json().history[0].content).toBe(visible)
  })

  it.each([
    [new ModelError('MODEL_UNAVAILABLE', 'Away.', { retryable: true }), 502, 'MODEL_UNAVAILABLE'],
    [new ModelError('MODEL_TIMEOUT', 'Slow.', { retryable: true }), 504, 'MODEL_TIMEOUT'],
    [new ModelError('MODEL_BLOCKED', 'No.', { retryable: false }), 502, 'MODEL_BLOCKED'],
    [[finish], 502, 'MODEL_TRUNCATED'],
    [new Error('a defect'), 500, 'INTERNAL'],
  ])('whose answer fails is answered with the reason: %s', async (reply, status, code) => {
    const guest = await newGuest(service)
    model.add(reply)
    const response = await guest.post('/chat', { user_input: 'hi' })
    expect([response.statusCode, response.json().code]).toEqual([status, code])
    expect(response.headers['content-type']).toContain('application/problem+json')
    model.add(says('Better.'))
    expect((await guest.post('/chat', { user_input: 'hi' })).statusCode).toBe(200)
  })

  it('whose answer breaks off goes on under the same key, and what was done is not done again', async () => {
    const guest = await newGuest(service)
    const away = new ModelError('MODEL_UNAVAILABLE', 'Away.', { retryable: true })
    model.add(calls(['add_to_order', { item_name: 'Martini', quantity: 1 }]), away)
    const first = await guest.post('/chat', { user_input: 'martini' }, { key: 'one' })
    expect(first.statusCode).toBe(502)
    model.add(says('One martini.'))
    const second = await guest.post('/chat', { user_input: 'martini' }, { key: 'one' })
    expect(second.json()).toMatchObject({
      response_text: 'One martini.',
      payment_summary: { total_cents: 1300 },
    })
    expect((await guest.get('/session/status')).json().turn_count).toBe(1)
  })

  it('that would be answered for ever is ended at each of its bounds', async () => {
    const bounded = { ...limits, modelCallsPerTurnMax: 2, toolCallsPerTurnMax: 3, turnCharactersMax: 20 }
    const own = new ScriptedModel()
    const guest = await newGuest(await startService({ model: own, limits: bounded }))
    const menu = ['get_menu', {}] as const
    for (const replies of [
      [calls(menu), calls(menu)],
      [calls(menu, menu, menu, menu)],
      [says('far too many words for so small a bound')],
    ]) {
      own.add(...replies)
      const response = await guest.post('/chat', { user_input: 'hi' })
      expect([response.statusCode, response.json().code]).toEqual([502, 'TURN_LIMIT'])
    }
  })

  it('that takes too long is ended', async () => {
    const clock = new FakeClock()
    const { reply, heard } = hanging('Let me')
    const guest = await newGuest(await startService({ clock, model: new ScriptedModel(reply) }))
    const asked = guest.post('/chat', { user_input: 'hi' })
    await heard
    await clock.advanceAsync(120_000)
    expect((await asked).json().code).toBe('TURN_LIMIT')
  })

  it('in a session that has become too long is refused', async () => {
    const guest = await newGuest(await startService({ limits: { ...limits, logEventsMax: 1 } }))
    const response = await guest.post('/chat', { user_input: 'hi' })
    expect([response.statusCode, response.json().code]).toEqual([429, 'BUDGET_EXHAUSTED'])
  })
})

describe('history', () => {
  it('has both sides in order, and the turn that runs', async () => {
    const guest = await newGuest(service)
    expect((await guest.get('/chat/history')).json()).toEqual({ history: [], running_turn_id: null })
    model.add(says('Hello.'))
    const { turn_id: first } = (await guest.post('/chat', { user_input: 'one' })).json()
    const { reply, heard } = hanging('Let me')
    model.add(reply)
    const asked = guest.post('/chat', { user_input: 'two' })
    await heard
    const { history, running_turn_id: running } = (await guest.get('/chat/history')).json()
    expect(history).toMatchObject([
      { role: 'user', content: 'one', turn_id: first },
      { role: 'assistant', content: 'Hello.', turn_id: first },
      { role: 'user', content: 'two', turn_id: running },
    ])
    await guest.post('/chat/stop')
    expect((await asked).json().turn_id).toBe(running)
  })
})

describe('stop', () => {
  it('ends the running answer, of which the text stays', async () => {
    const guest = await newGuest(service)
    const { reply, heard } = hanging('Let me think')
    model.add(reply)
    const asked = guest.post('/chat', { user_input: 'hi' })
    await heard
    expect((await guest.post('/chat/stop')).json()).toEqual({ stopped: true })
    expect((await asked).json().response_text).toBe('Let me think')
    expect(await isRunning(guest)).toBe(false)
    expect((await guest.get('/chat/history')).json().history).toHaveLength(2)
  })

  it('stops nothing where nothing runs', async () => {
    const guest = await newGuest(service)
    expect((await guest.post('/chat/stop')).json()).toEqual({ stopped: false })
  })
})

/** A guest who has asked something that is not answered yet. */
async function setup(environment: Record<string, string>, options: TestServiceOptions = {}) {
  const { reply, heard } = hanging('Let me')
  const own = new ScriptedModel(reply)
  const guest = await newGuest(await startService({ model: own, environment, ...options }))
  const asked = guest.post('/chat', { user_input: 'first' })
  await heard
  return { guest, model: own, asked }
}

describe('a message while another is answered', () => {
  it('waits for its turn, as many as may; one more is refused', async () => {
    const { guest, model: own, asked } = await setup({})
    own.add(...['one', 'two', 'three', 'four'].map(says))
    const waiting = ['1', '2', '3', '4'].map((text) => guest.post('/chat', { user_input: text }))
    const refused = await guest.post('/chat', { user_input: '5' })
    expect([refused.statusCode, refused.json().code]).toEqual([429, 'TURN_QUEUE_FULL'])
    expect(refused.headers['retry-after']).toBe('5')
    await guest.post('/chat/stop')
    await asked
    const texts = (await Promise.all(waiting)).map((answer) => answer.json().response_text)
    expect(texts).toEqual(['one', 'two', 'three', 'four'])
  })

  it('is refused from the first on where none may wait', async () => {
    const { guest } = await setup({ MAYA_TURN_QUEUE: '0' })
    expect((await guest.post('/chat', { user_input: 'x' })).json().code).toBe('TURN_QUEUE_FULL')
  })

  it('is refused under overlap `reject`', async () => {
    const { guest, asked } = await setup({ MAYA_TURN_OVERLAP: 'reject' })
    const refused = await guest.post('/chat', { user_input: 'x' })
    expect([refused.statusCode, refused.json().code]).toEqual([409, 'TURN_RUNNING'])
    await guest.post('/chat/stop')
    expect((await asked).statusCode).toBe(200)
  })

  it('ends the other under overlap `interrupt`', async () => {
    const { guest, model: own, asked } = await setup({ MAYA_TURN_OVERLAP: 'interrupt' })
    own.add(says('Second.'))
    const second = await guest.post('/chat', { user_input: 'second' })
    expect(second.json().response_text).toBe('Second.')
    expect((await asked).json().response_text).toBe('Let me')
  })

  it('ends those that wait too under overlap `interrupt`, when the other cannot be ended', async () => {
    const clock = new FakeClock()
    const charging = Promise.withResolvers<void>()
    let charges = 0
    const payments: PaymentProvider = {
      name: 'silent at first',
      async charge() {
        charging.resolve()
        if (++charges === 1) await new Promise(() => {})
        return { status: 'settled', reference: 'late' }
      },
    }
    const own = new ScriptedModel(
      calls(['add_to_order', { item_name: 'Martini', quantity: 1 }], ['pay_bill', {}]),
      says('Shall I?'),
    )
    const environment = { MAYA_TURN_OVERLAP: 'interrupt' }
    const guest = await newGuest(await startService({ clock, model: own, payments, environment }))
    await guest.post('/chat', { user_input: 'a martini and the bill' })
    const granted = guest.post('/chat', { user_input: 'yes' })
    await charging.promise
    const flood = Array.from({ length: 20 }, () => guest.post('/chat', { user_input: 'hello?' }))
    const early = await Promise.all(flood.slice(0, -1))
    expect(new Set(early.map((answer) => answer.json().code))).toEqual(new Set(['INTERRUPTED']))
    own.add(says('Here I am.'))
    await clock.advanceAsync(limits.paymentMs)
    expect((await flood.at(-1))?.json().response_text).toBe('Here I am.')
    expect((await granted).statusCode).toBe(200)
  })

  it('is one of another session’s business', async () => {
    const own = await startService({ model: new ScriptedModel(hangsAfter('Let me'), says('Hello.')) })
    const [one, other] = [await newGuest(own), await newGuest(own)]
    const asked = one.post('/chat', { user_input: 'hi' })
    expect((await other.post('/chat', { user_input: 'hi' })).json().response_text).toBe('Hello.')
    await one.post('/chat/stop')
    await asked
  })
})
