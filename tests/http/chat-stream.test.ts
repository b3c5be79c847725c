import { describe, expect, it } from 'vitest'
import { limits } from '../../src/config/limits.ts'
import { ModelError } from '../../src/llm/model.ts'
import type { Store } from '../../src/log/store.ts'
import { EventReader, eventsOf, listen, type StreamedEvent } from '../fakes/event-reader.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { newGuest, type Guest } from '../fakes/guest.ts'
import { calls, hanging, says, ScriptedModel } from '../fakes/scripted-model.ts'
import { shareService, startService } from '../fakes/test-service.ts'

const service = await shareService()
const { app, model } = service
const origin = await listen(service)
const streamUrl = `${origin}/api/v1/chat/stream`

/** Opens a stream as EventSource does, with the session in the query. */
function listenTo(guest: Guest, query: Record<string, string>, headers = {}) {
  const search = new URLSearchParams({ session_id: guest.token, ...query })
  return EventReader.open(`${streamUrl}?${search.toString()}`, { headers })
}

function send(guest: Guest, userInput: string, headers = {}) {
  return EventReader.open(streamUrl, {
    method: 'POST',
    headers: { 'x-session-id': guest.token, ...headers },
    body: { user_input: userInput },
  })
}

/** The same store for several services, none of which closes it. */
function openForAll(store: Store): Store {
  return { ...store, close: async () => {} }
}

const typesOf = (events: readonly StreamedEvent[]) => events.map(({ data }) => data.type)

const textOf = (events: readonly StreamedEvent[]) =>
  events.map(({ data }) => (data.type === 'text_chunk' ? data.content : '')).join('')

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
      'confirmation_required',
      'error',
      'invalid_arguments',
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

/** A turn that has said two words and says two more when it is released. */
async function setup() {
  const guest = await newGuest(service)
  const { promise, resolve } = Promise.withResolvers<void>()
  model.add(async function* halves() {
    yield* says('one two ').slice(0, 2)
    await promise
    yield* says('three four')
  })
  const reader = await send(guest, 'count', { 'idempotency-key': 'count' })
  await reader.heard('two ')
  const turnId: string = (await reader.saw('session')).data.turn_id
  return { guest, reader, turnId, release: resolve }
}

const lastIdOf = ({ events }: EventReader) => events.at(-1)?.id ?? ''

describe('a reader that comes back', () => {
  it.each(['header', 'query'])('goes on after what it has, without gap or repeat (%s)', async (place) => {
    const { guest, reader, turnId, release } = await setup()
    await reader.leave()
    const lastId = lastIdOf(reader)
    const again =
      place === 'header'
        ? await listenTo(guest, {}, { 'last-event-id': lastId })
        : await listenTo(guest, { last_event_id: lastId })
    release()
    const events = await again.toEnd()
    expect(events[0]).toEqual({
      id: lastId,
      data: { type: 'session', session_id: guest.token, turn_id: turnId },
    })
    expect(textOf(reader.events) + textOf(events)).toBe('one two three four')
    expect(events.slice(1).map(({ id }) => id)).toEqual([`${turnId}:4`, `${turnId}:5`, `${turnId}:6`])
  })

  it('at every place gets exactly the rest', async () => {
    const { guest, reader, turnId, release } = await setup()
    release()
    const whole = await reader.toEnd()
    for (let have = 1; have < whole.length; have++) {
      const response = await guest.get(`/chat/stream?last_event_id=${turnId}:${have}`)
      expect(eventsOf(response.body).slice(1)).toEqual(whole.slice(have))
    }
  })

  it('as EventSource does, with its message and key again, orders nothing anew', async () => {
    const guest = await newGuest(service)
    model.add(calls(['add_to_order', { item_name: 'Martini', quantity: 1 }]), says('One martini.'))
    const query = { message: 'martini', idempotency_key: 'one' }
    const whole = await (await listenTo(guest, query)).toEnd()
    const lastId = whole[2]?.id ?? ''
    const rest = await (await listenTo(guest, query, { 'last-event-id': lastId })).toEnd()
    expect(rest.slice(1)).toEqual(whole.slice(3))
    expect((await guest.get('/payments/tab')).json().total_cents).toBe(1300)
  })

  it('by POST with its key and Last-Event-ID goes on too', async () => {
    const { guest, reader, release } = await setup()
    await reader.leave()
    const headers = { 'idempotency-key': 'count', 'last-event-id': lastIdOf(reader) }
    const again = await send(guest, 'count', headers)
    release()
    expect(textOf(await again.toEnd())).toBe('three four')
  })

  it('to a turn that it has read to its end gets 204, which ends its coming back', async () => {
    const { guest, reader, turnId, release } = await setup()
    release()
    const lastId = (await reader.toEnd()).at(-1)?.id ?? ''
    for (const query of [
      `last_event_id=${lastId}`,
      `turn_id=${turnId}&last_event_id=${lastId}`,
      `message=count&idempotency_key=count&last_event_id=${lastId}`,
    ]) {
      const response = await guest.get(`/chat/stream?${query}`)
      expect([response.statusCode, response.body]).toEqual([204, ''])
      expect(response.headers['x-session-id']).toBe(guest.token)
    }
  })

  it('with the id of another turn starts from the beginning of this one', async () => {
    const { guest, reader, turnId, release } = await setup()
    release()
    const whole = await reader.toEnd()
    model.add(says('Other.'))
    const other = eventsOf((await guest.post('/chat/stream', { user_input: 'x' })).body)
    const lastId = other.at(-1)?.id ?? ''
    const again = eventsOf((await guest.get(`/chat/stream?turn_id=${turnId}&last_event_id=${lastId}`)).body)
    expect(again).toEqual(whole)
  })

  it('to a turn that is not there gets 404', async () => {
    const guest = await newGuest(service)
    for (const query of ['turn_id=none', 'last_event_id=none:1', 'turn_id=..%2f..', 'turn_id=']) {
      const response = await guest.get(`/chat/stream?${query}`)
      expect([response.statusCode, response.json().code]).toEqual([404, 'TURN_NOT_FOUND'])
    }
  })

  it('cannot come back to another session’s turn', async () => {
    const { reader, turnId, release } = await setup()
    const stranger = await newGuest(service)
    const response = await stranger.get(`/chat/stream?turn_id=${turnId}`)
    expect(response.json().code).toBe('TURN_NOT_FOUND')
    release()
    await reader.toEnd()
  })

  it('finds company: several readers get the same turn', async () => {
    const { guest, reader, turnId, release } = await setup()
    const others = [await listenTo(guest, { turn_id: turnId }), await listenTo(guest, { turn_id: turnId })]
    release()
    const whole = await reader.toEnd()
    for (const other of others) expect(await other.toEnd()).toEqual(whole)
  })

  it('waits for a turn that waits', async () => {
    const { guest, release } = await setup()
    model.add(says('Second.'))
    const waiting = await send(guest, 'second', { 'idempotency-key': 'second' })
    await waiting.saw('session')
    expect(typesOf(waiting.events)).toEqual(['session'])
    release()
    expect(textOf(await waiting.toEnd())).toBe('Second.')
  })

  it('to another server of the same store gets the turn anew, marked as a restart', async () => {
    const environment = { MAYA_MASTER_KEY: Buffer.alloc(32, 'k').toString('base64') }
    const options = { environment, store: openForAll(service.store) }
    const script = new ScriptedModel(
      calls(['add_to_order', { item_name: 'Martini', quantity: 1 }]),
      says('One martini.'),
    )
    const before = await startService({ ...options, model: script })
    const guest = await newGuest(before)
    const first = eventsOf((await guest.post('/chat/stream', { user_input: 'martini' })).body)
    const after = await startService({ ...options, model: new ScriptedModel() })
    const url = (query: string) => `/api/v1/chat/stream?session_id=${guest.token}&${query}`
    const [session, lastId] = [first[0]?.data, first.at(-1)?.id]
    const again = eventsOf((await after.app.inject(url(`last_event_id=${first[1]?.id}`))).body)
    expect(again[0]?.data).toEqual({ ...session, restart: true })
    expect(textOf(again)).toBe('One martini.')
    expect(again.at(-1)?.data).toEqual(first.at(-1)?.data)
    const fresh = eventsOf((await after.app.inject(url(`turn_id=${session.turn_id}`))).body)
    expect(fresh[0]?.data).toEqual(session)
    for (const id of [lastId, again.at(-1)?.id]) {
      expect((await after.app.inject(url(`last_event_id=${id}`))).statusCode).toBe(204)
    }
  })

  it('after its numbers were merged away starts again, and still gets every word', async () => {
    const own = new ScriptedModel()
    const small = { ...limits, turnEventBytesMax: 8000, readerLagBytesMax: 3000 }
    const guest = await newGuest(await startService({ model: own, limits: small }))
    const words = Array.from({ length: 100 }, (_word, index) => `word${index}`).join(' ')
    own.add(says(words))
    const first = eventsOf((await guest.post('/chat/stream', { user_input: 'talk' })).body)
    const turnId = first[0]?.data.turn_id
    const again = eventsOf((await guest.get(`/chat/stream?last_event_id=${turnId}:5`)).body)
    expect(again[0]?.data.restart).toBe(true)
    expect(textOf(again)).toBe(words)
    const near = Number(again.at(-1)?.id.split(':')[1]) - 2
    const rest = eventsOf((await guest.get(`/chat/stream?last_event_id=${turnId}:${near}`)).body)
    expect(typesOf(rest)).toEqual(['session', 'text_chunk', 'complete'])
    expect(rest[0]?.data.restart).toBeUndefined()
  })
})

describe('readers', () => {
  it('of one turn are at most so many; one more is refused and may come again', async () => {
    const own = new ScriptedModel()
    const { reply, heard } = hanging('Let me')
    own.add(reply)
    const bounded = await startService({ model: own, limits: { ...limits, readersPerSessionMax: 2 } })
    const guest = await newGuest(bounded)
    const url = `${await listen(bounded)}/api/v1/chat/stream`
    const headers = { 'x-session-id': guest.token }
    const first = await EventReader.open(url, { method: 'POST', headers, body: { user_input: 'hi' } })
    await heard
    const { turn_id: turnId } = (await first.saw('session')).data
    const second = await EventReader.open(`${url}?turn_id=${turnId}`, { headers })
    const refused = await guest.get(`/chat/stream?turn_id=${turnId}`)
    expect([refused.statusCode, refused.json().code]).toEqual([503, 'OVERLOADED'])
    expect(refused.headers['retry-after']).toBe('5')
    await second.leave()
    await settle()
    const third = await EventReader.open(`${url}?turn_id=${turnId}`, { headers })
    expect(third.status).toBe(200)
    await guest.post('/chat/stop')
    expect((await third.toEnd()).at(-1)?.data.type).toBe('complete')
  })

  it('that do not read are cut off, and go on from where they were', async () => {
    const own = new ScriptedModel()
    const mb = 1024 * 1024
    const roomy = { ...limits, turnCharactersMax: 64 * mb, turnEventBytesMax: 256 * mb }
    const slow = await startService({ model: own, limits: roomy })
    const guest = await newGuest(slow)
    const word = `${'x'.repeat(mb / 4)} `
    const whole = Promise.withResolvers<void>()
    const { promise: cut, resolve: release } = Promise.withResolvers<void>()
    own.add(async function* flood() {
      // Far more than the buffers of the two sockets hold.
      for (let part = 0; part < 60; part++) {
        yield { type: 'text-delta', text: word } as const
        await settle()
      }
      whole.resolve()
      await cut
      yield* says('End.')
    })
    const url = `${await listen(slow)}/api/v1/chat/stream`
    const headers = { 'x-session-id': guest.token }
    const reader = await EventReader.open(url, { method: 'POST', headers, body: { user_input: 'hi' } })
    await reader.saw('session')
    reader.pause()
    await whole.promise
    reader.resume()
    const events = await reader.toEnd()
    expect(reader.isWhole).toBe(false)
    release()
    const lastId = events.at(-1)?.id ?? ''
    const again = await EventReader.open(url, { headers: { ...headers, 'last-event-id': lastId } })
    const rest = await again.toEnd()
    expect(rest[0]?.data.restart).toBeUndefined()
    expect((textOf(events) + textOf(rest)).length).toBe(word.length * 60 + 'End.'.length)
    expect((await slow.app.inject('/metrics')).body).toContain('maya_stream_slow_readers_total 1')
  })

  it('that left before their stream began hold nothing', async () => {
    const environment = { MAYA_MASTER_KEY: Buffer.alloc(32, 'k').toString('base64') }
    const store = openForAll(service.store)
    const guest = await newGuest(await startService({ environment, store }))
    const [waking, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const load: typeof store.load = async (id) => {
      waking.resolve()
      await left.promise
      return store.load(id)
    }
    const own = await startService({
      environment,
      store: { ...store, load },
      model: new ScriptedModel(says('Hello.')),
    })
    own.app.server.once('connection', (socket) => socket.once('close', () => left.resolve()))
    const leaving = new AbortController()
    const asked = fetch(`${await listen(own)}/api/v1/chat/stream`, {
      method: 'POST',
      headers: { 'x-session-id': guest.token, 'content-type': 'application/json' },
      body: '{"user_input": "hi"}',
      signal: leaving.signal,
    })
    await waking.promise
    leaving.abort()
    await expect(asked).rejects.toThrow('aborted')
    await left.promise
    await settle()
    const history = await own.app.inject({
      url: '/api/v1/chat/history',
      headers: { 'x-session-id': guest.token },
    })
    expect(history.json().history).toHaveLength(2)
    expect((await own.app.inject('/metrics')).body).toContain('\nmaya_stream_readers 0\n')
  })
})
