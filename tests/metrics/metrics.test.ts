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
import { calls, hanging, says, ScriptedModel } from '../fakes/scripted-model.ts'
import { facts, shareService, startService } from '../fakes/test-service.ts'

const mb = 1024 * 1024
const service = await shareService()
const { app, model } = service

const martini = calls(['add_to_order', { item_name: 'Martini', quantity: 1 }])

/** The names that dashboards rely on. */
const published = {
  maya_container_memory_usage_bytes: 'gauge',
  maya_container_memory_limit_bytes: 'gauge',
  maya_container_memory_utilization: 'gauge',
  maya_container_memory_available_mb: 'gauge',
  maya_container_memory_pressure: 'gauge',
  maya_container_cpu_usage_seconds_total: 'counter',
  maya_process_uptime_seconds: 'gauge',
  maya_config_memory_mb: 'gauge',
  maya_config_max_containers: 'gauge',
  maya_active_sessions: 'gauge',
  maya_max_sessions: 'gauge',
  maya_session_utilization: 'gauge',
  maya_sessions_created_total: 'counter',
  maya_sessions_rejected_total: 'counter',
  maya_sessions_expired_total: 'counter',
  maya_rag_available: 'gauge',
  maya_rag_document_count: 'gauge',
  maya_rag_type: 'gauge',
}

const ours = {
  maya_sessions_hibernated_total: 'counter',
  maya_sessions_woken_total: 'counter',
  maya_sessions_admissible: 'gauge',
  maya_session_memory_bytes: 'gauge',
  maya_memory_source_info: 'gauge',
  maya_turns_total: 'counter',
  maya_turn_duration_seconds: 'histogram',
  maya_turn_first_text_seconds: 'histogram',
  maya_turn_first_audio_seconds: 'histogram',
  maya_turns_running: 'gauge',
  maya_tool_calls_total: 'counter',
  maya_llm_requests_total: 'counter',
  maya_llm_tokens_total: 'counter',
  maya_stream_readers: 'gauge',
  maya_stream_resumes_total: 'counter',
  maya_stream_slow_readers_total: 'counter',
  maya_store_operation_seconds: 'histogram',
  maya_store_conflicts_total: 'counter',
  maya_payments_total: 'counter',
  maya_http_request_duration_seconds: 'histogram',
  maya_event_loop_delay_seconds: 'gauge',
  maya_build_info: 'gauge',
}

describe('the exposition', () => {
  it('has every name of the contract with its type and a word of help', async () => {
    const families = new Map((await scrape(service)).map((family) => [family.name, family]))
    for (const [name, type] of Object.entries({ ...published, ...ours })) {
      expect([name, families.get(name)?.type]).toEqual([name, type])
      expect(families.get(name)?.help).toMatch(/^[A-Z0-9].*\.$/)
    }
  })

  it('has no other names of ours, and those of the process and of Node', async () => {
    const names = (await scrape(service)).map(({ name }) => name)
    expect(names.filter((name) => name.startsWith('maya_')).toSorted()).toEqual(
      Object.keys({ ...published, ...ours }).toSorted(),
    )
    expect(names).toEqual(
      expect.arrayContaining(['process_cpu_seconds_total', 'nodejs_eventloop_lag_seconds']),
    )
  })

  it('has every series of fixed labels from the start, at 0', async () => {
    const series = seriesOf(await scrape(await startService()))
    const expected = [
      'maya_sessions_created_total',
      'maya_sessions_expired_total',
      'maya_sessions_hibernated_total',
      'maya_sessions_woken_total',
      'maya_stream_resumes_total',
      'maya_stream_slow_readers_total',
      'maya_store_conflicts_total',
      'maya_stream_readers',
      'maya_turns_running',
      'maya_active_sessions',
      ...['SESSION_LIMIT', 'MEMORY_PRESSURE', 'DRAINING'].map(
        (reason) => `maya_sessions_rejected_total{reason="${reason}"}`,
      ),
      ...['complete', 'stopped', 'failed', 'interrupted'].map(
        (outcome) => `maya_turns_total{outcome="${outcome}"}`,
      ),
      ...['settled', 'declined', 'unknown'].map((outcome) => `maya_payments_total{outcome="${outcome}"}`),
      ...['ok', 'error', 'aborted'].map(
        (outcome) => `maya_llm_requests_total{provider="house",outcome="${outcome}"}`,
      ),
      ...['input', 'output'].map((kind) => `maya_llm_tokens_total{provider="house",kind="${kind}"}`),
      ...['ok', 'refused', 'invalid', 'failed'].flatMap((outcome) =>
        ['add_to_order', 'pay_bill', 'unknown'].map(
          (tool) => `maya_tool_calls_total{tool="${tool}",outcome="${outcome}"}`,
        ),
      ),
      'maya_turn_duration_seconds_count',
      'maya_turn_first_text_seconds_count',
      'maya_turn_first_audio_seconds_count',
      ...['append', 'load', 'touch', 'acquireLease', 'saveSnapshot'].map(
        (operation) => `maya_store_operation_seconds_count{operation="${operation}"}`,
      ),
    ]
    expect(expected.map((name) => [name, series.get(name)])).toEqual(expected.map((name) => [name, 0]))
  })

  it('shows memory, settings and build as they are', async () => {
    const reading: MemoryReading = {
      usageBytes: 256 * mb,
      usageSource: 'cgroup-v1',
      limitBytes: 1024 * mb,
      limitSource: 'configured',
    }
    const environment = {
      MODAL_MEMORY_MB: '1024',
      MODAL_MAX_CONTAINERS: '5',
      MAYA_SESSIONS_PER_CONTAINER: '4',
      MAYA_DEFAULT_SESSION_MEMORY_MB: '100',
    }
    const own = await startService({
      environment,
      readMemory: () => reading,
      facts: { ...facts, uptimeSeconds: () => 42, version: '1.2.3', nodeVersion: 'v24.1.0' },
    })
    await newGuest(own)
    const series = seriesOf(await scrape(own))
    const shown = {
      maya_container_memory_usage_bytes: 256 * mb,
      maya_container_memory_limit_bytes: 1024 * mb,
      maya_container_memory_utilization: 0.25,
      maya_container_memory_available_mb: 768,
      maya_container_memory_pressure: 0,
      maya_process_uptime_seconds: 42,
      maya_config_memory_mb: 1024,
      maya_config_max_containers: 5,
      maya_active_sessions: 1,
      maya_max_sessions: 4,
      maya_session_utilization: 0.25,
      maya_sessions_admissible: 3,
      maya_rag_available: 0,
      maya_rag_document_count: 0,
      'maya_rag_type{type="none"}': 1,
      'maya_memory_source_info{what="usage",source="cgroup-v1"}': 1,
      'maya_memory_source_info{what="limit",source="configured"}': 1,
      'maya_build_info{version="1.2.3",node="v24.1.0"}': 1,
    }
    expect(Object.fromEntries(Object.keys(shown).map((name) => [name, series.get(name)]))).toEqual(shown)
    expect(series.get('maya_session_memory_bytes')).toBeGreaterThan(1000)
  })

  it('has no label but those that are fixed, whoever comes', async () => {
    const guest = await newGuest(service)
    for (const path of ['/x/Canary', '/api/v1/Canary', `/api/v1/session/${guest.token}`, '/%']) {
      await app.inject(path)
      await app.inject({ method: 'PROPFIND', url: path })
    }
    await guest.get(`/session/status?session_id=${guest.token}&x=Canary`)
    await guest.get('/chat/stream?turn_id=Canary')
    const families = (await scrape(service)).filter(({ name }) => name.startsWith('maya_'))
    const values = families.flatMap(({ samples }) => samples.flatMap(({ labels }) => Object.entries(labels)))
    const routes = new Set(values.flatMap(([label, value]) => (label === 'route' ? [value] : [])))
    expect([...routes].filter((route) => !/^(unknown|\/[a-z0-9./_*-]*)$/.test(route))).toEqual([])
    expect(JSON.stringify(values)).not.toContain('Canary')
    expect(JSON.stringify(values)).not.toContain(guest.token.slice(0, 22))
    const methods = new Set(values.flatMap(([label, value]) => (label === 'method' ? [value] : [])))
    expect([...methods].filter((method) => !/^(GET|HEAD|POST|DELETE|OPTIONS|other)$/.test(method))).toEqual(
      [],
    )
  })
})

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
  })

  it.each([
    [new ModelError('MODEL_BLOCKED', 'No.', { retryable: false }), 'failed'],
    [new Error('a defect'), 'failed'],
    [new ModelError('MODEL_TIMEOUT', 'Slow.', { retryable: true }), 'interrupted'],
  ])('when their model fails: %s', async (reply, outcome) => {
    const guest = await newGuest(service)
    model.add(reply)
    const changes = await changesOf(service, () => guest.post('/chat', { user_input: 'hi' }))
    expect(changes).toMatchObject({
      [`maya_turns_total{outcome="${outcome}"}`]: 1,
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
