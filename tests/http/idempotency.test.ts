import { describe, expect, it } from 'vitest'
import type { PaymentProvider } from '../../src/bar/payment-provider.ts'
import { systemClock } from '../../src/clock.ts'
import { limits } from '../../src/config/limits.ts'
import type { Service } from '../../src/service.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { eventsOf } from '../fakes/event-reader.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { newGuest, type Guest } from '../fakes/guest.ts'
import { calls, hanging, says, ScriptedModel } from '../fakes/scripted-model.ts'
import { shareService, startService } from '../fakes/test-service.ts'

const service = await shareService()
const { app, model } = service

const martini = (quantity = 1) => calls(['add_to_order', { item_name: 'Martini', quantity }])

async function order(guest: Guest, quantity = 1) {
  model.add(martini(quantity), says('Here you are.'))
  expect((await guest.post('/chat', { user_input: 'martini' })).statusCode).toBe(200)
}

/** Asks for the bill and gives the id of the confirmation that waits. */
async function askToPay(guest: Guest): Promise<string> {
  model.add(calls(['pay_bill', {}]), says('Shall I?'))
  const response = await guest.post('/chat/stream', { user_input: 'the bill' })
  return eventsOf(response.body).find(({ data }) => data.type === 'confirmation')?.data.confirmation_id
}

const tabOf = async (guest: Guest) => (await guest.get('/payments/tab')).json()

describe('the same key with the same body gets the first answer', () => {
  it('of a chat, also when the tab has changed meanwhile', async () => {
    const guest = await newGuest(service)
    model.add(martini(2), says('Two martinis.'))
    const body = { user_input: 'two martinis' }
    const first = await guest.post('/chat', body, { key: 'one' })
    await order(guest)
    await guest.post('/payments/tip', { tip_percentage: 20 })
    const again = await guest.post('/chat', body, { key: 'one' })
    expect(again.statusCode).toBe(200)
    expect(again.json()).toEqual(first.json())
    expect((await tabOf(guest)).tab_amount_cents).toBe(3900)
  })

  it('of a chat, also after a reset', async () => {
    const guest = await newGuest(service)
    model.add(martini(2), says('Two martinis.'))
    const body = { user_input: 'two martinis' }
    const first = await guest.post('/chat', body, { key: 'one' })
    await guest.post('/session/reset')
    expect((await guest.post('/chat', body, { key: 'one' })).json()).toEqual(first.json())
    expect((await tabOf(guest)).tab_amount_cents).toBe(0)
  })

  it('of a chat, also when the guest has heard only a part of it', async () => {
    const guest = await newGuest(service)
    model.add(says('One. Two.'))
    const body = { user_input: 'count' }
    const first = await guest.post('/chat', body, { key: 'one' })
    const turnId: string = first.json().turn_id
    await guest.post('/chat/stop', { turn_id: turnId, heard_characters: 4 })
    expect((await guest.get('/chat/history')).json().history.at(-1).content).toBe('One.')
    expect((await guest.post('/chat', body, { key: 'one' })).json()).toEqual(first.json())
  })

  it('of a stream, whichever way it is asked', async () => {
    const guest = await newGuest(service)
    model.add(martini(), says('Here.'))
    const first = await guest.post('/chat/stream', { user_input: 'martini' }, { key: 'one' })
    const again = await guest.post('/chat/stream', { user_input: 'martini' }, { key: 'one' })
    const byGet = await guest.get('/chat/stream?message=martini&idempotency_key=one')
    expect(again.body).toBe(first.body)
    expect(byGet.body).toBe(first.body)
    const inOne = await guest.post('/chat', { user_input: 'martini' }, { key: 'one' })
    expect(inOne.json().turn_id).toBe(eventsOf(first.body)[0]?.data.turn_id)
    expect((await tabOf(guest)).tab_amount_cents).toBe(1300)
  })

  it('of a tip: it is not toggled back', async () => {
    const guest = await newGuest(service)
    await order(guest)
    const first = await guest.post('/payments/tip', { tip_percentage: 20 }, { key: 'tip' })
    await order(guest)
    const again = await guest.post('/payments/tip', { tip_percentage: 20 }, { key: 'tip' })
    expect([again.statusCode, again.json()]).toEqual([200, first.json()])
    expect(again.json().tip_amount_cents).toBe(260)
    expect(await tabOf(guest)).toMatchObject({ tip_percentage: 20, tip_amount_cents: 520 })
  })

  it('of a payment: nothing is paid twice', async () => {
    const guest = await newGuest(service)
    await order(guest)
    const first = await guest.post('/payments/pay', { expected_total_cents: 1300 }, { key: 'pay' })
    await order(guest)
    const again = await guest.post('/payments/pay', { expected_total_cents: 1300 }, { key: 'pay' })
    expect([again.statusCode, again.json()]).toEqual([200, first.json()])
    expect(await tabOf(guest)).toMatchObject({ tab_amount_cents: 1300, balance_cents: 1000_00 - 2600 })
  })

  it('of a payment that was declined', async () => {
    const guest = await newGuest(service)
    await order(guest)
    await guest.post('/payments/tip', { tip_amount: 86.99 })
    const first = await guest.post('/payments/pay', {}, { key: 'pay' })
    await guest.post('/payments/tip', { tip_amount: 1 })
    const again = await guest.post('/payments/pay', {}, { key: 'pay' })
    expect([first.statusCode, again.statusCode]).toEqual([502, 502])
    expect(again.headers['content-type']).toBe('application/problem+json; charset=utf-8')
    expect(again.body).toBe(first.body)
  })

  it.each([true, false])('of a confirmation (accept: %s)', async (accept) => {
    const guest = await newGuest(service)
    await order(guest)
    const body = { confirmation_id: await askToPay(guest), accept }
    const first = await guest.post('/payments/confirm', body, { key: 'confirm' })
    await order(guest)
    const again = await guest.post('/payments/confirm', body, { key: 'confirm' })
    expect([again.statusCode, again.json()]).toEqual([200, first.json()])
    expect((await tabOf(guest)).tab_amount_cents).toBe(accept ? 1300 : 2600)
  })

  it('of a reset: what came after it stays', async () => {
    const guest = await newGuest(service)
    const first = await guest.post('/session/reset', {}, { key: 'reset' })
    await order(guest)
    const again = await guest.post('/session/reset', {}, { key: 'reset' })
    expect([again.statusCode, again.json()]).toEqual([200, first.json()])
    expect((await tabOf(guest)).tab_amount_cents).toBe(1300)
  })

  it('of a stop: the next turn is not stopped', async () => {
    const guest = await newGuest(service)
    expect((await guest.post('/chat/stop', {}, { key: 'stop' })).json()).toEqual({ stopped: false })
    const { reply, heard } = hanging('Let me')
    model.add(reply)
    const asked = guest.post('/chat', { user_input: 'hi' })
    await heard
    expect((await guest.post('/chat/stop', {}, { key: 'stop' })).json()).toEqual({ stopped: false })
    expect((await guest.get('/session/status')).json().turn_running).toBe(true)
    expect((await guest.post('/chat/stop', {}, { key: 'another' })).json()).toEqual({ stopped: true })
    expect((await asked).statusCode).toBe(200)
  })

  it('whatever the order of its fields, and with a body left out as with an empty one', async () => {
    const guest = await newGuest(service)
    await order(guest)
    const id = await askToPay(guest)
    await guest.post('/payments/confirm', { confirmation_id: id, accept: true }, { key: 'confirm' })
    const turned = { accept: true, confirmation_id: id }
    expect((await guest.post('/payments/confirm', turned, { key: 'confirm' })).statusCode).toBe(200)
    await guest.post('/chat/stop', {}, { key: 'stop' })
    expect((await guest.post('/chat/stop', undefined, { key: 'stop' })).statusCode).toBe(200)
  })

  it('when the service is another one by then', async () => {
    const environment = { MAYA_MASTER_KEY: Buffer.alloc(32, 'k').toString('base64') }
    const options = { environment, store: createMemoryStore({ clock: systemClock }) }
    const before = await startService({ ...options, model: new ScriptedModel(martini(2), says('Two.')) })
    const guest = await newGuest(before)
    const questions = [
      ['/chat', { user_input: 'two' }],
      ['/payments/tip', { tip_percentage: 10 }],
      ['/payments/pay', {}],
      ['/session/reset', {}],
    ] as const
    const ask = async (from: Service) => {
      const answers = []
      for (const [path, payload] of questions) {
        const headers = { 'x-session-id': guest.token, 'idempotency-key': path }
        answers.push(await from.app.inject({ method: 'POST', url: `/api/v1${path}`, headers, payload }))
      }
      return answers.map((answer) => [answer.statusCode, answer.json()])
    }
    const first = await ask(before)
    const after = await startService({ ...options, model: new ScriptedModel() })
    expect(await ask(after)).toEqual(first)
    expect(first.map(([status]) => status)).toEqual([200, 200, 200, 200])
  })
})

describe('the same key with another question is refused', () => {
  const questions: readonly (readonly [string, object])[] = [
    ['/chat', { user_input: 'hello' }],
    ['/chat/stream', { user_input: 'hello again' }],
    ['/payments/tip', { tip_percentage: 10 }],
    ['/payments/tip', { tip_percentage: 15 }],
    ['/payments/tip', { tip_amount: 1 }],
    ['/payments/pay', {}],
    ['/payments/pay', { expected_total_cents: 1300 }],
    ['/payments/confirm', { confirmation_id: 'x', accept: true }],
    ['/session/reset', {}],
    ['/session/keys', { gemini_key: null }],
    ['/session/keys', { cartesia_key: null }],
    ['/chat/stop', {}],
  ]

  const firsts = questions.filter(([path]) => path !== '/payments/confirm')

  it.each(firsts)('when it was first %s %j', async (path, body) => {
    const guest = await newGuest(service)
    await order(guest)
    if (path.startsWith('/chat') && path !== '/chat/stop') model.add(says('Hello.'))
    expect((await guest.post(path, body, { key: 'same' })).statusCode).toBe(200)
    for (const [otherPath, other] of questions) {
      if (path === otherPath && body === other) continue
      const response = await guest.post(otherPath, other, { key: 'same' })
      expect([otherPath, other, response.statusCode]).toEqual([otherPath, other, 422])
      expect(response.json().code).toBe('IDEMPOTENCY_KEY_REUSED')
    }
  })

  it('by GET too', async () => {
    const guest = await newGuest(service)
    model.add(says('Hello.'))
    await guest.get('/chat/stream?message=hello&idempotency_key=same')
    const response = await guest.get('/chat/stream?message=other&idempotency_key=same')
    expect([response.statusCode, response.json().code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED'])
    const tip = await guest.post('/payments/tip', { tip_percentage: 10 }, { key: 'same' })
    expect(tip.statusCode).toBe(422)
  })

  it('also while the first is still being answered or waits for its turn', async () => {
    const guest = await newGuest(service)
    const { reply, heard } = hanging('Let me')
    model.add(reply, says('Later.'))
    const running = guest.post('/chat', { user_input: 'one' }, { key: 'running' })
    await heard
    const waiting = guest.post('/chat', { user_input: 'two' }, { key: 'waiting' })
    for (const key of ['running', 'waiting']) {
      const response = await guest.post('/chat', { user_input: 'three' }, { key })
      expect([response.statusCode, response.json().code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED'])
    }
    await guest.post('/chat/stop')
    expect([(await running).statusCode, (await waiting).statusCode]).toEqual([200, 200])
  })

  it('of ending the session, which then stays', async () => {
    const guest = await newGuest(service)
    await guest.post('/payments/tip', { tip_percentage: 10 }, { key: 'same' })
    expect((await guest.delete('/session', { key: 'same' })).json().code).toBe('IDEMPOTENCY_KEY_REUSED')
    expect((await guest.delete('/session', { key: '' })).json().code).toBe('BAD_REQUEST')
    expect((await guest.delete('/session', { key: 'another' })).statusCode).toBe(204)
  })

  it('but another session may use the same key', async () => {
    const [one, other] = [await newGuest(service), await newGuest(service)]
    expect((await one.post('/payments/tip', { tip_percentage: 10 }, { key: 'same' })).statusCode).toBe(200)
    expect((await other.post('/payments/tip', { tip_percentage: 15 }, { key: 'same' })).statusCode).toBe(200)
  })
})

describe('a key', () => {
  it.each([
    ['/sessions', {}],
    ['/chat', { user_input: 'hi' }],
    ['/chat/stream', { user_input: 'hi' }],
  ])('without a session is refused at %s, and no session is made', async (path, payload) => {
    const live = service.sessions.liveCount
    const headers = { 'idempotency-key': 'one' }
    const response = await app.inject({ method: 'POST', url: `/api/v1${path}`, headers, payload })
    expect([response.statusCode, response.json().code]).toEqual([400, 'IDEMPOTENCY_KEY_WITHOUT_SESSION'])
    expect(service.sessions.liveCount).toBe(live)
  })

  it.each([
    ['/chat', { user_input: 'hi' }],
    ['/chat/stream', { user_input: 'hi' }],
    ['/chat/stop', {}],
    ['/session/reset', {}],
    ['/session/keys', { gemini_key: null }],
    ['/payments/tip', { tip_percentage: 10 }],
    ['/payments/pay', {}],
    ['/payments/confirm', { confirmation_id: 'x', accept: true }],
  ])('of %s has 1 to 200 characters', async (path, body) => {
    const guest = await newGuest(service)
    for (const key of ['', 'k'.repeat(201)]) {
      const response = await guest.post(path, body, { key })
      expect([response.statusCode, response.json().code]).toEqual([400, 'BAD_REQUEST'])
    }
    expect((await guest.get('/session/status')).json().turn_count).toBe(0)
  })

  it('of a message by GET has 1 to 200 characters too', async () => {
    const guest = await newGuest(service)
    for (const key of ['', 'k'.repeat(201)]) {
      const response = await guest.get(`/chat/stream?message=hi&idempotency_key=${key}`)
      expect([response.statusCode, response.json().code]).toEqual([400, 'BAD_REQUEST'])
    }
  })

  it('of a request that was refused is free again', async () => {
    const guest = await newGuest(service)
    expect((await guest.post('/payments/pay', {}, { key: 'pay' })).json().code).toBe('NOTHING_TO_PAY')
    await order(guest)
    const other = await guest.post('/payments/pay', { expected_total_cents: 1 }, { key: 'pay' })
    expect(other.json().code).toBe('TOTAL_CHANGED')
    expect((await guest.post('/payments/pay', {}, { key: 'pay' })).statusCode).toBe(200)
  })

  it('is known as long as a thousand others have not come after it', async () => {
    const own = await startService({ limits: { ...limits, requestsKeptMax: 5 } })
    const guest = await newGuest(own)
    expect(limits.requestsKeptMax).toBe(1000)
    const tip = (key: string) => guest.post('/payments/tip', { tip_percentage: 10 }, { key })
    const percentages = []
    for (const key of ['1', '2', '3', '4', '5', '1', '6', '1']) {
      percentages.push((await tip(key)).json().tip_percentage)
    }
    // Each new one toggles the tip: the first is told again as it was, and is new once it is forgotten.
    expect(percentages).toEqual([10, null, 10, null, 10, 10, null, 10])
  })
})

describe('duplicates at the same moment have one effect', () => {
  it('as chats', async () => {
    const guest = await newGuest(service)
    model.add(martini(), says('One martini.'))
    const send = () => guest.post('/chat', { user_input: 'martini' }, { key: 'one' })
    const answers = await Promise.all([send(), send(), send(), send()])
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200])
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1)
    expect((await tabOf(guest)).tab_amount_cents).toBe(1300)
  })

  it('as streams', async () => {
    const guest = await newGuest(service)
    model.add(martini(), says('One martini.'))
    const send = () => guest.post('/chat/stream', { user_input: 'martini' }, { key: 'one' })
    const answers = await Promise.all([send(), send(), send()])
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1)
    expect((await guest.get('/session/status')).json().turn_count).toBe(1)
  })

  it('as tips', async () => {
    const guest = await newGuest(service)
    await order(guest)
    const send = () => guest.post('/payments/tip', { tip_percentage: 15 }, { key: 'one' })
    const answers = await Promise.all([send(), send(), send(), send()])
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1)
    expect((await tabOf(guest)).tip_percentage).toBe(15)
  })

  it('as payments, and then the provider is asked once', async () => {
    const { charges, guest } = await payingGuest()
    const send = () => guest.post('/payments/pay', {}, { key: 'one' })
    const answers = await Promise.all([send(), send(), send()])
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200])
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1)
    expect(charges).toHaveLength(1)
  })

  it('as payments without a key: one payment, one receipt', async () => {
    const { charges, guest } = await payingGuest()
    const answers = await Promise.all([1, 2, 3].map(() => guest.post('/payments/pay')))
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200])
    expect(new Set(answers.map((answer) => answer.json().receipt.payment_id)).size).toBe(1)
    expect(new Set(charges).size).toBe(1)
    expect((await tabOf(guest)).balance_cents).toBe(1000_00 - 1300)
  })
})

/** A guest with a tab, and the ids of the payments that the provider is asked for. */
async function payingGuest() {
  const charges: string[] = []
  const payments: PaymentProvider = {
    name: 'recorded',
    async charge({ paymentId }) {
      charges.push(paymentId)
      return { status: 'settled', reference: 'r' }
    },
  }
  const own = await startService({
    payments,
    clock: new FakeClock(),
    model: new ScriptedModel(martini(), says('One.')),
  })
  const guest = await newGuest(own)
  await guest.post('/chat', { user_input: 'martini' })
  return { charges, guest }
}
