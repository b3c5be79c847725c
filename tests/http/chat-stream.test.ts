import { describe, expect, it } from 'vitest'
import { ModelError } from '../../src/llm/model.ts'
import { EventReader, eventsOf, listen, streamsAt, textOf, typesOf } from '../fakes/event-reader.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { newGuest } from '../fakes/guest.ts'
import { calls, hanging, says, ScriptedModel } from '../fakes/scripted-model.ts'
import { shareService, startService } from '../fakes/test-service.ts'

const service = await shareService()
const { app, model } = service
const { send, listenTo } = streamsAt(await listen(service))

describe('a stream', () => {
  it('is framed as EventSource reads it, byte by byte', async () => {
    const guest = await newGuest(service)
    model.add(says('Hello you\nthere.'))
    const { body, headers, statusCode } = await guest.post('/chat/stream', { user_input: 'hi' })
    const turnId = eventsOf(body)[0]?.data.turn_id
    const session = JSON.stringify({ type: 'session', session_id: guest.token, turn_id: turnId })
    expect(body).toBe(
      `retry: 1000\n\n` +
        `id: ${turnId}:1\ndata: ${session}\n\n` +
        `id: ${turnId}:2\ndata: {"type":"text_chunk","content":"Hello "}\n\n` +
        `id: ${turnId}:3\ndata: {"type":"text_chunk","content":"you\\n"}\n\n` +
        `id: ${turnId}:4\ndata: {"type":"text_chunk","content":"there."}\n\n` +
        `id: ${turnId}:5\ndata: {"type":"complete","content":"Hello you\\nthere.","usage":{"input_tokens":10,"output_tokens":5},"finish_reason":"stop"}\n\n`,
    )
    expect(statusCode).toBe(200)
    expect(headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
      'x-session-id': guest.token,
    })
  })

  it('keeps every event on one line, whatever is said', async () => {
    const guest = await newGuest(service)
    const text = 'a\r\nb\rc\nd\u2028e\u0085f\n\nid: forged:1\ndata: {"type":"complete"}\n\n'
    model.add([{ type: 'text-delta', text }, ...says('.')])
    const { body } = await guest.post('/chat/stream', { user_input: text })
    expect(body).not.toContain('\r')
    expect(textOf(eventsOf(body))).toBe(`${text}.`)
  })

  it('sends its headers and the session at once, before the model says anything', async () => {
    const guest = await newGuest(service)
    const { promise, resolve } = Promise.withResolvers<void>()
    model.add(async function* late() {
      await promise
      yield* says('Late.')
    })
    const reader = await send(guest, 'hi')
    expect(reader.status).toBe(200)
    await reader.saw('session')
    expect(typesOf(reader.events)).toEqual(['session'])
    resolve()
    expect(typesOf(await reader.toEnd())).toEqual(['session', 'text_chunk', 'complete'])
    expect(reader.isWhole).toBe(true)
  })

  it('says that the model is still starting, once for each reply, also to a reader that comes back', async () => {
    const guest = await newGuest(service)
    const warmingUp = { type: 'progress', what: 'warming-up' } as const
    const thinking = { type: 'progress', what: 'thinking' } as const
    model.add(
      [thinking, warmingUp, warmingUp, ...calls(['add_to_order', { item_name: 'martini', quantity: 1 }])],
      [warmingUp, thinking, ...says('Cheers.')],
    )
    const { body } = await guest.post('/chat/stream', { user_input: 'a martini' })
    const events = eventsOf(body)
    expect(typesOf(events)).toEqual([
      'session',
      'status',
      'tool_call',
      'tool_result',
      'state',
      'status',
      'text_chunk',
      'complete',
    ])
    expect(events[1]?.data).toEqual({ type: 'status', status: 'warming_up' })
    expect(events.at(-1)?.data.content).toBe('Cheers.')
    const again = await guest.get(`/chat/stream?turn_id=${events[0]?.data.turn_id}`, {
      headers: { 'last-event-id': `${events[4]?.id}` },
    })
    expect(typesOf(eventsOf(again.body))).toEqual(['session', 'status', 'text_chunk', 'complete'])
  })

  it('tells of tools, their results, the tab and the confirmation, in order', async () => {
    const guest = await newGuest(service)
    model.add(
      [
        { type: 'text-delta', text: 'Sure.' },
        ...calls(['add_to_order', { item_name: 'martini', quantity: 2, modifiers: ['Dry'] }]),
      ],
      calls(['pay_bill', {}], ['no_such_tool', {}], ['add_to_order', { quantity: 'two' }]),
      says('That is 26 dollars. Shall I?'),
    )
    const { body } = await guest.post('/chat/stream', { user_input: 'two martinis and the bill' })
    const events = eventsOf(body)
    const turnId = events[0]?.data.turn_id
    expect(events.map(({ id }) => id)).toEqual(events.map((_event, index) => `${turnId}:${index + 1}`))
    const told = events.map(({ data }) => data)
    expect(told.slice(0, 5)).toEqual([
      { type: 'session', session_id: guest.token, turn_id: turnId },
      { type: 'text_chunk', content: 'Sure.' },
      {
        type: 'tool_call',
        call_id: 'call-1',
        name: 'add_to_order',
        arguments: { item_name: 'martini', quantity: 2, modifiers: ['Dry'] },
      },
      {
        type: 'tool_result',
        call_id: 'call-1',
        name: 'add_to_order',
        result: expect.objectContaining({ status: 'added', item_name: 'Martini', tab_cents: 2600 }),
      },
      {
        type: 'state',
        tab: (await guest.get('/payments/tab')).json(),
        order: [{ item_name: 'Martini', quantity: 2, modifiers: ['Dry'], price: 13, price_cents: 1300 }],
      },
    ])
    const confirmation = told.find(({ type }) => type === 'confirmation')
    expect(confirmation).toEqual({
      type: 'confirmation',
      confirmation_id: expect.any(String),
      total_cents: 2600,
      expires_at: expect.any(String),
    })
    const results = told.filter(({ type }) => type === 'tool_result')
    expect(results.map(({ result }) => result.status)).toEqual([
      'added',
      'error',
      'invalid_arguments',
      'confirmation_required',
    ])
    const last = told.at(-1)
    expect(last).toMatchObject({ type: 'complete', finish_reason: 'stop' })
    expect(last.content).toBe(textOf(events))
    expect(last.content).toBe('Sure. That is 26 dollars. Shall I?')
    expect(last.usage).toEqual({ input_tokens: 30, output_tokens: 15 })
  })

  it.each([
    [new ModelError('MODEL_UNAVAILABLE', 'Away.', { retryable: true }), 'MODEL_UNAVAILABLE', true],
    [new ModelError('MODEL_BLOCKED', 'No.', { retryable: false }), 'MODEL_BLOCKED', false],
    [new Error('a defect'), 'INTERNAL', false],
  ])('ends with an error event when its turn fails: %s', async (reply, code, retryable) => {
    const guest = await newGuest(service)
    model.add(reply)
    const { body, statusCode } = await guest.post('/chat/stream', { user_input: 'hi' })
    expect(statusCode).toBe(200)
    expect(eventsOf(body).at(-1)?.data).toEqual({
      type: 'error',
      code,
      message: expect.stringMatching(/^[A-Z].*\.$/),
      retryable,
    })
  })

  it('ends with `complete` when its turn is stopped, and says so', async () => {
    const guest = await newGuest(service)
    const { reply, heard } = hanging('Let me think')
    model.add(reply)
    const reader = await send(guest, 'hi')
    await heard
    await guest.post('/chat/stop')
    const last = (await reader.toEnd()).at(-1)?.data
    expect(last).toMatchObject({ type: 'complete', content: 'Let me think', finish_reason: 'stopped' })
  })

  it('is a problem and no stream where the message is refused', async () => {
    const guest = await newGuest(await startService({ environment: { MAYA_TURN_QUEUE: '0' } }))
    const refused = await guest.post('/chat/stream', { user_input: '' })
    expect(refused.headers['content-type']).toBe('application/problem+json; charset=utf-8')
    expect(refused.statusCode).toBe(400)
  })

  it('goes on when its reader has left', async () => {
    const guest = await newGuest(service)
    const { promise, resolve } = Promise.withResolvers<void>()
    model.add(calls(['add_to_order', { item_name: 'Martini', quantity: 1 }]), async function* late() {
      await promise
      yield* says('One martini.')
    })
    const reader = await send(guest, 'martini')
    await reader.saw('tool_result')
    await reader.leave()
    resolve()
    const again = await listenTo(guest, { turn_id: (await reader.saw('session')).data.turn_id })
    expect((await again.toEnd()).at(-1)?.data).toMatchObject({ type: 'complete', content: 'One martini.' })
  })

  it('beats while there is nothing to say, every 15 seconds, and stops with its end', async () => {
    const clock = new FakeClock()
    const { reply, heard } = hanging('Let me')
    const own = await startService({ clock, model: new ScriptedModel(reply) })
    const guest = await newGuest(own)
    const reader = await EventReader.open(`${await listen(own)}/api/v1/chat/stream`, {
      method: 'POST',
      headers: { 'x-session-id': guest.token },
      body: { user_input: 'hi' },
    })
    await heard
    await reader.heard('Let me')
    expect(reader.text).not.toMatch(/^:/m)
    await clock.advanceAsync(15_000)
    await reader.heard('\n\n: \n\n')
    await clock.advanceAsync(15_000)
    await reader.heard(': \n\n: \n\n')
    await guest.post('/chat/stop')
    const events = await reader.toEnd()
    await clock.advanceAsync(60_000)
    expect(typesOf(events)).toEqual(['session', 'text_chunk', 'complete'])
    expect(reader.text.endsWith('}\n\n')).toBe(true)
  })
})

describe('a message by GET', () => {
  it('is streamed as one by POST', async () => {
    const guest = await newGuest(service)
    model.add(says('Hello.'))
    const reader = await listenTo(guest, { message: 'hi & bye?', idempotency_key: 'one' })
    expect(typesOf(await reader.toEnd())).toEqual(['session', 'text_chunk', 'complete'])
    expect((await guest.get('/chat/history')).json().history[0].content).toBe('hi & bye?')
  })

  it.each([
    [{}, 'Name a message'],
    [{ message: 'hi' }, 'needs idempotency_key'],
    [{ message: '', idempotency_key: 'one' }, 'fewer than 1 characters'],
    [{ message: '  ', idempotency_key: 'one' }, 'must not be blank'],
    [{ message: 'x'.repeat(4001), idempotency_key: 'one' }, 'more than 4000 characters'],
    [{ idempotency_key: 'one' }, 'Name a message'],
    [{ last_event_id: 'nonsense' }, 'Last-Event-ID must be'],
    [{ last_event_id: 'turn:-1' }, 'Last-Event-ID must be'],
    [{ last_event_id: 'turn:1e3' }, 'Last-Event-ID must be'],
    [{ last_event_id: 'turn:99999999999999999' }, 'Last-Event-ID must be'],
  ])('is refused without what it needs: %j', async (query, detail) => {
    const guest = await newGuest(service)
    const response = await guest.get(`/chat/stream?${new URLSearchParams(query).toString()}`)
    expect([response.statusCode, response.json().code]).toEqual([400, 'BAD_REQUEST'])
    expect(response.json().detail).toContain(detail)
    expect((await guest.get('/session/status')).json().turn_count).toBe(0)
  })

  it('without a session is refused', async () => {
    const response = await app.inject('/api/v1/chat/stream?message=hi&idempotency_key=one')
    expect([response.statusCode, response.json().code]).toEqual([400, 'IDEMPOTENCY_KEY_WITHOUT_SESSION'])
  })

  it.each([
    { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
    { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe' },
    { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
    { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'script' },
    { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'empty' },
    { 'sec-fetch-mode': 'websocket', 'sec-fetch-dest': 'websocket' },
    { 'sec-fetch-mode': 'Navigate', 'sec-fetch-dest': 'Document' },
    { 'sec-purpose': 'prefetch' },
    { 'sec-purpose': 'prefetch;prerender' },
    { purpose: 'prefetch', 'sec-fetch-mode': 'cors' },
  ])('that no script sent is refused: %j', async (headers) => {
    const guest = await newGuest(service)
    const response = await guest.get('/chat/stream?message=hi&idempotency_key=one', { headers })
    expect([response.statusCode, response.json().code]).toEqual([403, 'FORBIDDEN'])
    expect((await guest.get('/session/status')).json().turn_count).toBe(0)
  })

  it.each([
    {},
    { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-mode': 'same-origin', 'sec-fetch-dest': 'empty' },
  ])('that a script sent is taken: %j', async (headers) => {
    const guest = await newGuest(service)
    model.add(says('Hello.'))
    const response = await guest.get('/chat/stream?message=hi&idempotency_key=one', { headers })
    expect(response.statusCode).toBe(200)
  })
})
