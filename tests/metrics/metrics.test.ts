import { describe, expect, it } from 'vitest'
import type { MemoryReading } from '../../src/memory/readers.ts'
import { scrape, seriesOf } from '../fakes/exposition.ts'
import { newGuest } from '../fakes/guest.ts'
import { shareService, startService } from '../fakes/test-service.ts'
import { facts } from '../fakes/test-settings.ts'

const mb = 1024 * 1024
const service = await shareService()
const { app } = service

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
  maya_turn_failures_total: 'counter',
  maya_turn_duration_seconds: 'histogram',
  maya_turn_first_text_seconds: 'histogram',
  maya_turn_first_audio_seconds: 'histogram',
  maya_turns_running: 'gauge',
  maya_tool_calls_total: 'counter',
  maya_llm_requests_total: 'counter',
  maya_llm_failures_total: 'counter',
  maya_llm_tokens_total: 'counter',
  maya_llm_cost_dollars_total: 'counter',
  maya_llm_retries_total: 'counter',
  maya_llm_fallbacks_total: 'counter',
  maya_llm_breaker_open: 'gauge',
  maya_stream_readers: 'gauge',
  maya_stream_resumes_total: 'counter',
  maya_stream_slow_readers_total: 'counter',
  maya_rate_limited_total: 'counter',
  maya_tts_speeches_total: 'counter',
  maya_tts_characters_total: 'counter',
  maya_tts_audio_seconds_total: 'counter',
  maya_stt_sessions: 'gauge',
  maya_stt_sessions_total: 'counter',
  maya_stt_audio_seconds_total: 'counter',
  maya_voice_failures_total: 'counter',
  maya_store_operation_seconds: 'histogram',
  maya_store_failures_total: 'counter',
  maya_store_conflicts_total: 'counter',
  maya_payments_total: 'counter',
  maya_budget_exhausted_total: 'counter',
  maya_http_request_duration_seconds: 'histogram',
  maya_guard_policy_info: 'gauge',
  maya_guard_marks_total: 'counter',
  maya_guard_refusals_total: 'counter',
  maya_guard_errors_total: 'counter',
  maya_fleet_failures_total: 'counter',
  maya_event_loop_delay_seconds: 'gauge',
  maya_event_loop_delay_bound_seconds: 'gauge',
  maya_event_loop_overloaded: 'gauge',
  maya_build_info: 'gauge',
}

const turnFailureCodes = [
  'MODEL_UNAVAILABLE',
  'MODEL_TIMEOUT',
  'MODEL_TRUNCATED',
  'MODEL_BLOCKED',
  'KEY_REJECTED',
  'KEY_QUOTA',
  'BUDGET_EXHAUSTED',
  'TURN_LIMIT',
  'INTERRUPTED',
  'OVERLOADED',
  'STORE_UNAVAILABLE',
  'INTERNAL',
]

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
      'maya_guard_refusals_total',
      'maya_guard_errors_total',
      ...['override-instructions', 'secret', 'unguarded', 'other'].map(
        (mark) => `maya_guard_marks_total{mark="${mark}"}`,
      ),
      ...['too-large', 'too-many', 'unreachable'].map(
        (reason) => `maya_fleet_failures_total{reason="${reason}"}`,
      ),
      'maya_stream_readers',
      'maya_turns_running',
      'maya_active_sessions',
      ...['SESSION_LIMIT', 'MEMORY_PRESSURE', 'OVERLOADED', 'DRAINING'].map(
        (reason) => `maya_sessions_rejected_total{reason="${reason}"}`,
      ),
      ...['complete', 'stopped', 'failed', 'interrupted'].map(
        (outcome) => `maya_turns_total{outcome="${outcome}"}`,
      ),
      ...turnFailureCodes.map((code) => `maya_turn_failures_total{code="${code}"}`),
      ...['settled', 'declined', 'unknown'].map((outcome) => `maya_payments_total{outcome="${outcome}"}`),
      ...['ok', 'error', 'aborted'].map(
        (outcome) => `maya_llm_requests_total{provider="house",outcome="${outcome}"}`,
      ),
      ...['input', 'output'].map((kind) => `maya_llm_tokens_total{provider="house",kind="${kind}"}`),
      ...['retries_total', 'fallbacks_total', 'breaker_open', 'cost_dollars_total'].map(
        (name) => `maya_llm_${name}{provider="house"}`,
      ),
      ...['ok', 'refused', 'invalid', 'failed'].flatMap((outcome) =>
        ['add_to_order', 'pay_bill', 'unknown'].map(
          (tool) => `maya_tool_calls_total{tool="${tool}",outcome="${outcome}"}`,
        ),
      ),
      'maya_turn_duration_seconds_count',
      'maya_turn_first_text_seconds_count',
      'maya_turn_first_audio_seconds_count',
      ...['append', 'load', 'touch', 'acquireLease', 'saveSnapshot'].flatMap((operation) => [
        `maya_store_operation_seconds_count{operation="${operation}"}`,
        `maya_store_failures_total{operation="${operation}"}`,
      ]),
      'maya_event_loop_overloaded',
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
      MAYA_EVENT_LOOP_DELAY_MS: '150',
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
      maya_event_loop_overloaded: 0,
      maya_event_loop_delay_bound_seconds: 0.15,
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
