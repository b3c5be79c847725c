import { describe, expect, it } from 'vitest'
import type { ChargeOutcome } from '../../src/bar/payment-provider.ts'
import { ModelError } from '../../src/llm/model.ts'
import type { Store } from '../../src/log/store.ts'
import type { MemoryReading } from '../../src/memory/readers.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { EventReader, listen } from '../fakes/event-reader.ts'
import { changesOf, scrape, seriesOf } from '../fakes/exposition.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { newGuest } from '../fakes/guest.ts'
import { GuestProvider } from '../fakes/guest-provider.ts'
import { calls, hanging, says, ScriptedModel } from '../fakes/scripted-model.ts'
import { shareService, startService } from '../fakes/test-service.ts'

const mb = 1024 * 1024
const service = await shareService()
const { model } = service

const martini = calls(['add_to_order', { item_name: 'Martini', quantity: 1 }])

describe('sessions are counted', () => {
  it('when they are made and when they end', async () => {
    const made = await changesOf(service, () => newGuest(service))
    expect(made).toMatchObject({ maya_sessions_created_total: 1, maya_active_sessions: 1 })
    const guest = await newGuest(service)
    expect(await changesOf(service, () => guest.delete('/session'))).toMatchObject({
      maya_active_sessions: -1,
    })
  })

  it('when they are refused, by reason', async () => {
    const container = { usageBytes: 1 }
    const clock = new FakeClock()
    const readMemory = (): MemoryReading => ({
      ...container,
      usageSource: 'rss',
      limitBytes: 1000 * mb,
      limitSource: 'configured',
    })
    const environment = { MAYA_SESSIONS_PER_CONTAINER: '1' }
    const own = await startService({ clock, readMemory, environment })
    const create = () => own.app.inject({ method: 'POST', url: '/api/v1/sessions' })
    const guest = await newGuest(own)
    expect(await changesOf(own, create)).toMatchObject({
      'maya_sessions_rejected_total{reason="SESSION_LIMIT"}': 1,
    })
    await guest.delete('/session')
    container.usageBytes = 900 * mb
    clock.advance(1001)
    expect(await changesOf(own, create)).toMatchObject({
      'maya_sessions_rejected_total{reason="MEMORY_PRESSURE"}': 1,
    })
    expect(seriesOf(await scrape(own)).get('maya_container_memory_pressure')).toBe(1)
    await own.sessions.drain(AbortSignal.abort())
    expect(await changesOf(own, create)).toMatchObject({
      'maya_sessions_rejected_total{reason="DRAINING"}': 1,
    })
  })

  it('when they leave memory, come back and expire', async () => {
    const clock = new FakeClock()
    const own = await startService({ clock, environment: { MAYA_SESSIONS_PER_CONTAINER: '1' } })
    const guest = await newGuest(own)
    clock.advance(61_000)
    const left = await changesOf(own, () => own.sessions.sweep())
    expect(left).toMatchObject({ maya_sessions_hibernated_total: 1, maya_active_sessions: -1 })
    const woken = await changesOf(own, () => guest.get('/session/status'))
    expect(woken).toMatchObject({ maya_sessions_woken_total: 1, maya_active_sessions: 1 })
    const expired = await changesOf(own, () => {
      clock.advance(3_600_000)
      return own.sessions.sweep()
    })
    expect(expired).toMatchObject({ maya_sessions_expired_total: 1, maya_active_sessions: -1 })
  })
})

describe('turns are counted', () => {
  it('with their model, tokens, tools and times when they are complete', async () => {
    const guest = await newGuest(service)
    model.add(martini, says('One martini.'))
    const changes = await changesOf(service, () => guest.post('/chat', { user_input: 'martini' }))
    expect(changes).toMatchObject({
      'maya_turns_total{outcome="complete"}': 1,
      'maya_llm_requests_total{provider="scripted",outcome="ok"}': 2,
      'maya_llm_tokens_total{provider="scripted",kind="input"}': 20,
      'maya_llm_tokens_total{provider="scripted",kind="output"}': 10,
      'maya_tool_calls_total{tool="add_to_order",outcome="ok"}': 1,
      maya_turn_duration_seconds_count: 1,
      maya_turn_first_text_seconds_count: 1,
      'maya_http_request_duration_seconds_count{method="POST",route="/api/v1/chat",status="200"}': 1,
    })
    expect(changes['maya_store_operation_seconds_count{operation="append"}']).toBeGreaterThan(3)
  })

  it('when they are stopped, and while they run', async () => {
    const guest = await newGuest(service)
    const { reply, heard } = hanging('Let me')
    model.add(reply)
    const asked = guest.post('/chat', { user_input: 'hi' })
    await heard
    expect(seriesOf(await scrape(service)).get('maya_turns_running')).toBe(1)
    const changes = await changesOf(service, async () => {
      await guest.post('/chat/stop')
      await asked
    })
    expect(changes).toMatchObject({
      'maya_turns_total{outcome="stopped"}': 1,
      'maya_llm_requests_total{provider="scripted",outcome="aborted"}': 1,
      maya_turns_running: -1,
    })
    expect(Object.keys(changes).filter((name) => name.startsWith('maya_turn_failures'))).toEqual([])
  })

  it.each([
    [new ModelError('MODEL_BLOCKED', 'No.', { retryable: false }), 'failed', 'MODEL_BLOCKED'],
    [new Error('a defect'), 'failed', 'INTERNAL'],
    [new ModelError('MODEL_TIMEOUT', 'Slow.', { retryable: true }), 'interrupted', 'MODEL_TIMEOUT'],
  ])('when their model fails: %s', async (reply, outcome, code) => {
    const guest = await newGuest(service)
    model.add(reply)
    const changes = await changesOf(service, () => guest.post('/chat', { user_input: 'hi' }))
    expect(changes).toMatchObject({
      [`maya_turns_total{outcome="${outcome}"}`]: 1,
      [`maya_turn_failures_total{code="${code}"}`]: 1,
      'maya_llm_requests_total{provider="scripted",outcome="error"}': 1,
    })
  })

  it('with what became of each tool call', async () => {
    const guest = await newGuest(service)
    model.add(
      calls(
        ['add_to_order', { item_name: 'Unicorn tears', quantity: 1 }],
        ['add_to_order', { item_name: 'Martini' }],
        ['Canary', {}],
      ),
      says('Sorry.'),
    )
    const changes = await changesOf(service, () => guest.post('/chat', { user_input: 'hi' }))
    expect(changes).toMatchObject({
      'maya_tool_calls_total{tool="add_to_order",outcome="refused"}': 1,
      'maya_tool_calls_total{tool="add_to_order",outcome="invalid"}': 1,
      'maya_tool_calls_total{tool="unknown",outcome="invalid"}': 1,
    })
  })

  it('with a tool that fails', async () => {
    const broken = {
      name: 'broken',
      description: 'Fails.',
      parameters: {},
      decide() {
        throw new Error('broken')
      },
    }
    const own = await startService({
      agents: [{ name: 'maya', instructions: '', tools: [broken] }],
      model: new ScriptedModel(calls(['broken', {}]), says('Sorry.')),
    })
    const guest = await newGuest(own)
    const changes = await changesOf(own, () => guest.post('/chat', { user_input: 'hi' }))
    expect(changes).toMatchObject({ 'maya_tool_calls_total{tool="broken",outcome="failed"}': 1 })
  })
})

describe('what the model costs is counted', () => {
  const prices = { MAYA_LLM_INPUT_PRICE: '0.5', MAYA_LLM_OUTPUT_PRICE: '3' }
  const cost = 'maya_llm_cost_dollars_total{provider="scripted"}'

  it('by the tokens of each reply and the prices for a million of them', async () => {
    const own = await startService({ model: new ScriptedModel(martini, says('.')), environment: prices })
    const guest = await newGuest(own)
    const changes = await changesOf(own, () => guest.post('/chat', { user_input: 'martini' }))
    // Two replies of 10 tokens in and 5 out.
    expect(changes[cost]).toBeCloseTo((20 * 0.5 + 10 * 3) / 1e6, 12)
  })

  it('not where nothing is said about prices', async () => {
    const guest = await newGuest(service)
    model.add(says('Hello.'))
    const changes = await changesOf(service, () => guest.post('/chat', { user_input: 'hi' }))
    expect(changes).not.toHaveProperty(cost)
  })

  it('not for the keys of guests', async () => {
    const provider = new GuestProvider()
    const { keyChecks, guestModel } = provider
    const own = await startService({ model: new ScriptedModel(), keyChecks, guestModel, environment: prices })
    const guest = await newGuest(own)
    await guest.post('/session/keys', { gemini_key: 'AIza-Canary' })
    provider.say('AIza-Canary', says('Hello.'))
    const changes = await changesOf(own, async () => {
      expect((await guest.post('/chat', { user_input: 'hi' })).json().response_text).toBe('Hello.')
    })
    expect(Object.keys(changes).filter((name) => name.startsWith('maya_llm_cost'))).toEqual([])
  })

  it('not for the model that is a part of the server', async () => {
    const own = await startService({ environment: { MAYA_LLM_PROVIDER: 'house', ...prices } })
    const guest = await newGuest(own)
    const changes = await changesOf(own, () => guest.post('/chat', { user_input: 'A martini, please.' }))
    expect(changes).toMatchObject({ 'maya_turns_total{outcome="complete"}': 1 })
    expect(seriesOf(await scrape(own)).get('maya_llm_cost_dollars_total{provider="house"}')).toBe(0)
  })
})

describe('payments are counted', () => {
  it('by each outcome', async () => {
    const outcomes: (ChargeOutcome | undefined)[] = [
      { status: 'settled', reference: 'r' },
      { status: 'declined', reason: 'No.' },
      undefined,
    ]
    const own = await startService({
      model: new ScriptedModel(martini, says('.'), martini, says('.')),
      payments: {
        name: 'told',
        async charge() {
          const outcome = outcomes.shift()
          if (outcome === undefined) throw new Error('away')
          return outcome
        },
      },
    })
    const guest = await newGuest(own)
    const pay = () => guest.post('/payments/pay')
    await guest.post('/chat', { user_input: 'martini' })
    expect(await changesOf(own, pay)).toMatchObject({ 'maya_payments_total{outcome="settled"}': 1 })
    await guest.post('/chat', { user_input: 'martini' })
    expect(await changesOf(own, pay)).toMatchObject({ 'maya_payments_total{outcome="declined"}': 1 })
    expect(await changesOf(own, pay)).toMatchObject({ 'maya_payments_total{outcome="unknown"}': 1 })
  })
})

describe('streams are counted', () => {
  it('while they are open, also those that are left, with their requests', async () => {
    const { reply, heard } = hanging('Let me')
    const own = await startService({ model: new ScriptedModel(reply) })
    const guest = await newGuest(own)
    const url = `${await listen(own)}/api/v1/chat/stream`
    const headers = { 'x-session-id': guest.token }
    const reader = await EventReader.open(url, { method: 'POST', headers, body: { user_input: 'hi' } })
    await heard
    await reader.saw('text_chunk')
    expect(seriesOf(await scrape(own)).get('maya_stream_readers')).toBe(1)
    const closed = new Promise((resolve) => {
      own.app.server.once('request', (_request, response) => response.once('close', resolve))
    })
    const again = await EventReader.open(url, {
      headers: { ...headers, 'last-event-id': reader.events[0]?.id ?? '' },
    })
    await again.saw('text_chunk')
    const both = seriesOf(await scrape(own))
    expect([both.get('maya_stream_readers'), both.get('maya_stream_resumes_total')]).toEqual([2, 1])
    await again.leave()
    await closed
    await settle()
    const series = seriesOf(await scrape(own))
    expect(series.get('maya_stream_readers')).toBe(1)
    expect(
      series.get(
        'maya_http_request_duration_seconds_count{method="GET",route="/api/v1/chat/stream",status="200"}',
      ),
    ).toBe(1)
    await guest.post('/chat/stop')
    await reader.toEnd()
    await settle()
    expect(seriesOf(await scrape(own)).get('maya_stream_readers')).toBe(0)
  })
})

describe('the store is counted', () => {
  it('when it fails, by operation', async () => {
    const store = createMemoryStore({ clock: new FakeClock() })
    const own = await startService({ store })
    await store.close()
    const create = () => own.app.inject({ method: 'POST', url: '/api/v1/sessions' })
    expect(await changesOf(own, create)).toMatchObject({
      'maya_store_failures_total{operation="append"}': 1,
      'maya_store_operation_seconds_count{operation="append"}': 1,
    })
  })

  it('when two write at once', async () => {
    const clock = new FakeClock()
    const environment = { MAYA_MASTER_KEY: Buffer.alloc(32, 'k').toString('base64') }
    const store = createMemoryStore({ clock, shared: true })
    const one = await startService({ clock, environment, store })
    const guest = await newGuest(one)
    let isRaced = false
    const racing = {
      ...one.store,
      append: (async (events) => {
        if (!isRaced && events.expectedVersion > 0) {
          isRaced = true
          await guest.post('/payments/tip', { tip_percentage: 10 })
        }
        return store.append(events)
      }) satisfies Store['append'],
      close: async () => {},
    }
    const other = await startService({ clock, environment, store: racing })
    const tip = () =>
      other.app.inject({
        method: 'POST',
        url: '/api/v1/payments/tip',
        headers: { 'x-session-id': guest.token },
        payload: { tip_percentage: 20 },
      })
    expect(await changesOf(other, tip)).toMatchObject({ maya_store_conflicts_total: 1 })
    expect((await guest.get('/payments/tab')).json().tip_percentage).toBe(20)
  })
})

it('counts a request whose client has left before its answer as such', async () => {
  const { reply, heard } = hanging('Let me')
  const own = await startService({ model: new ScriptedModel(reply) })
  const guest = await newGuest(own)
  const url = `${await listen(own)}/api/v1/chat`
  const leaving = new AbortController()
  const closed = new Promise((resolve) => {
    own.app.server.once('request', (_request, response) => response.once('close', resolve))
  })
  const asked = fetch(url, {
    method: 'POST',
    headers: { 'x-session-id': guest.token, 'content-type': 'application/json' },
    body: '{"user_input": "hi"}',
    signal: leaving.signal,
  })
  await heard
  leaving.abort()
  await expect(asked).rejects.toThrow('aborted')
  await closed
  expect(
    seriesOf(await scrape(own)).get(
      'maya_http_request_duration_seconds_count{method="POST",route="/api/v1/chat",status="499"}',
    ),
  ).toBe(1)
  await guest.post('/chat/stop')
})
