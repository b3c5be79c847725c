import { monitorEventLoopDelay } from 'node:perf_hooks'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { ConversationObserver } from '../conversation/observer.ts'
import type { StreamObserver } from '../http/event-stream.ts'
import type { RateObserver } from '../http/message-rates.ts'
import type { ModelObserver } from '../llm/observed.ts'
import type { ModelErrorCode } from '../llm/model.ts'
import type { MemoryReading } from '../memory/readers.ts'
import type { SessionObserver } from '../sessions/session-manager.ts'
import type { GuardObserver } from '../security/guard.ts'
import type { StoreObserver, StoreOperation } from '../store/observed.ts'
import type { VoiceObserver } from '../voice/observer.ts'
import type { FleetObserver } from './fleet.ts'
import { observeFleet } from './fleet-metrics.ts'
import { observeGuard, type GuardLabels } from './guard-metrics.ts'
import { counterIn, histogramIn } from './series.ts'
import { observeVoices, type VoiceLabels } from './voice-metrics.ts'

export interface Metrics
  extends
    SessionObserver,
    ConversationObserver,
    ModelObserver,
    StreamObserver,
    RateObserver,
    StoreObserver,
    GuardObserver,
    VoiceObserver,
    FleetObserver {
  readonly contentType: string
  /** The exposition in Prometheus text format. */
  text(): Promise<string>
  httpRequest(request: {
    readonly method: string
    readonly route: string
    readonly status: number
    readonly seconds: number
  }): void
  /** Names what the gauges are read from at every scrape. */
  watch(sources: MetricSources): void
}

/** The fixed values of the labels that parts bring along. */
export interface MetricLabels extends GuardLabels, VoiceLabels {
  readonly version: string
  readonly nodeVersion: string
  readonly tools: readonly string[]
  readonly providers: readonly string[]
  readonly configuredMemoryBytes: number | null
  readonly containersMax: number | null
}

export interface MetricSources {
  readonly memory: {
    readonly reading: MemoryReading
    readonly utilization: number
    readonly availableBytes: number | null
    readonly pressure: boolean
  }
  readonly sessions: {
    readonly liveCount: number
    readonly sessionsMax: number
    readonly admissible: number
    readonly liveBytes: number
    readonly turnsRunning: number
  }
  readonly cpuSeconds: () => number
  readonly uptimeSeconds: () => number
}

const bytesPerMb = 1024 * 1024
const methods: ReadonlySet<string> = new Set(['GET', 'POST', 'DELETE', 'HEAD', 'OPTIONS'])
const turnSeconds = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]
const firstSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const storeSeconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 2]

/** Every operation, so that each has its series from the start; the compiler tells when one is missing. */
const storeOperations = {
  append: true,
  load: true,
  events: true,
  version: true,
  saveSnapshot: true,
  touch: true,
  expired: true,
  ids: true,
  remove: true,
  acquireLease: true,
  renewLease: true,
  releaseLease: true,
  count: true,
} as const satisfies Record<StoreOperation, true>

const modelErrorCodes = {
  MODEL_UNAVAILABLE: true,
  MODEL_TIMEOUT: true,
  MODEL_TRUNCATED: true,
  MODEL_BLOCKED: true,
  KEY_REJECTED: true,
  KEY_QUOTA: true,
} as const satisfies Record<ModelErrorCode, true>

/** The whole catalogue of metrics, in a registry of its own. Names and labels are a contract with dashboards. */
export function createMetrics(labels: MetricLabels): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const gauges = createGauges(registry, labels)
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    watch: gauges.watch,
    ...observeSessions(registry),
    ...observeConversation(registry, labels),
    ...observeModels(registry, labels),
    ...observeEdge(registry),
    ...observeGuard(registry, labels),
    ...observeVoices(registry, labels),
    ...observeFleet(registry),
  }
}

function observeSessions(registry: Registry): SessionObserver {
  const counter = counterIn(registry)
  const created = counter('maya_sessions_created_total', 'Sessions that were made.')
  const rejected = counter('maya_sessions_rejected_total', 'Sessions that were not admitted, by reason.', {
    reason: ['SESSION_LIMIT', 'MEMORY_PRESSURE', 'DRAINING'],
  })
  const expired = counter('maya_sessions_expired_total', 'Sessions that were removed after their last use.')
  const hibernated = counter('maya_sessions_hibernated_total', 'Idle sessions that left memory.')
  const woken = counter('maya_sessions_woken_total', 'Sessions that came back into memory.')
  return {
    sessionCreated: () => created.inc(),
    sessionRejected: (reason) => rejected.inc({ reason }),
    sessionExpired: () => expired.inc(),
    sessionHibernated: () => hibernated.inc(),
    sessionWoken: () => woken.inc(),
  }
}

function observeConversation(registry: Registry, { tools }: MetricLabels): ConversationObserver {
  const counter = counterIn(registry)
  const histogram = histogramIn(registry)
  const turns = counter('maya_turns_total', 'Turns that ended, by outcome.', {
    outcome: ['complete', 'stopped', 'failed', 'interrupted'],
  })
  const duration = histogram(
    'maya_turn_duration_seconds',
    'From taking a message up to its end.',
    turnSeconds,
  )
  const firstText = histogram(
    'maya_turn_first_text_seconds',
    'From taking a message up to the first text.',
    firstSeconds,
  )
  const firstAudio = histogram(
    'maya_turn_first_audio_seconds',
    'From taking a message up to the first sound.',
    firstSeconds,
  )
  const toolCalls = counter('maya_tool_calls_total', 'Tool calls that ended, by tool and outcome.', {
    tool: [...tools, 'unknown'],
    outcome: ['ok', 'refused', 'invalid', 'failed'],
  })
  const exhausted = counter(
    'maya_budget_exhausted_total',
    'Messages and calls of a model that a budget refused, by budget.',
    { budget: ['turn', 'session', 'day'] },
  )
  const payments = counter('maya_payments_total', 'Charges, by outcome.', {
    outcome: ['settled', 'declined', 'unknown'],
  })
  return {
    turnEnded(outcome, seconds) {
      turns.inc({ outcome })
      duration.observe(seconds)
    },
    firstText: (seconds) => firstText.observe(seconds),
    firstAudio: (seconds) => firstAudio.observe(seconds),
    toolCalled: (tool, outcome) => toolCalls.inc({ tool, outcome }),
    budgetExhausted: (budget) => exhausted.inc({ budget }),
    paymentEnded: (outcome) => payments.inc({ outcome }),
  }
}

function observeModels(registry: Registry, { providers }: MetricLabels): ModelObserver {
  const counter = counterIn(registry)
  const requests = counter('maya_llm_requests_total', 'Replies asked of a model, by outcome.', {
    provider: providers,
    outcome: ['ok', 'error', 'aborted'],
  })
  const failures = counter('maya_llm_failures_total', 'Replies that failed, by why.', {
    provider: providers,
    code: Object.keys(modelErrorCodes),
  })
  const tokens = counter('maya_llm_tokens_total', 'Tokens, by provider and kind.', {
    provider: providers,
    kind: ['input', 'output'],
  })
  const retries = counter('maya_llm_retries_total', 'Replies asked for once more after a failure.', {
    provider: providers,
  })
  const fallbacks = counter('maya_llm_fallbacks_total', 'Replies that another model gave instead.', {
    provider: providers,
  })
  const breakers = new Gauge({
    name: 'maya_llm_breaker_open',
    help: '1 while a provider is left alone because it failed too often.',
    labelNames: ['provider'],
    registers: [registry],
  })
  for (const provider of providers) breakers.set({ provider }, 0)
  return {
    modelAnswered: (provider, outcome) => requests.inc({ provider, outcome }),
    modelFailed: (provider, { code }) => failures.inc({ provider, code }),
    tokensUsed: (provider, kind, count) => tokens.inc({ provider, kind }, count),
    modelRetried: (provider) => retries.inc({ provider }),
    modelFellBack: (provider) => fallbacks.inc({ provider }),
    breakerChanged: (provider, isOpen) => breakers.set({ provider }, Number(isOpen)),
  }
}

function observeEdge(
  registry: Registry,
): StreamObserver & RateObserver & StoreObserver & Pick<Metrics, 'httpRequest'> {
  const counter = counterIn(registry)
  const readers = new Gauge({
    name: 'maya_stream_readers',
    help: 'Readers of event streams that are connected.',
    registers: [registry],
  })
  const resumes = counter('maya_stream_resumes_total', 'Readers that came back and went on.')
  const slow = counter(
    'maya_stream_slow_readers_total',
    'Readers that were cut off because they did not read.',
  )
  const limited = counter('maya_rate_limited_total', 'Requests that were refused, by limit.', {
    limit: ['session', 'burst', 'workspace', 'address', 'app', 'keys', 'listens'],
  })
  const conflicts = counter(
    'maya_store_conflicts_total',
    'Appends that found another version than they expected.',
  )
  const operations = new Histogram({
    name: 'maya_store_operation_seconds',
    help: 'Operations of the store, by name.',
    labelNames: ['operation'],
    buckets: storeSeconds,
    registers: [registry],
  })
  for (const operation of Object.keys(storeOperations)) operations.zero({ operation })
  const requests = new Histogram({
    name: 'maya_http_request_duration_seconds',
    help: 'HTTP requests to the end of their answer, streams included.',
    labelNames: ['method', 'route', 'status'],
    buckets: turnSeconds,
    registers: [registry],
  })
  return {
    readerJoined: () => readers.inc(),
    readerLeft: () => readers.dec(),
    streamResumed: () => resumes.inc(),
    slowReaderCut: () => slow.inc(),
    rateLimited: (limit) => limited.inc({ limit }),
    operation: (operation, seconds) => operations.observe({ operation }, seconds),
    conflict: () => conflicts.inc(),
    httpRequest({ method, route, status, seconds }) {
      requests.observe({ method: methods.has(method) ? method : 'other', route, status }, seconds)
    },
  }
}

/** Everything that is a state and not an event: read when it is asked for. */
function createGauges(registry: Registry, labels: MetricLabels): Pick<Metrics, 'watch'> {
  let watched: MetricSources | undefined
  const gauge = (name: string, help: string, read: (sources: MetricSources) => number): void => {
    // The registry holds the gauge; a scrape calls `collect`.
    void new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        if (watched !== undefined) this.set(read(watched))
      },
    })
  }
  memoryGauges(gauge)
  sessionGauges(gauge)
  gauge('maya_process_uptime_seconds', 'How long this process runs.', ({ uptimeSeconds }) => uptimeSeconds())
  memorySource(registry, () => watched)
  cpuSeconds(registry, () => watched)
  fixedGauges(registry, labels)
  eventLoopDelay(registry)
  return {
    watch(sources) {
      watched = sources
    },
  }
}

type AddGauge = (name: string, help: string, read: (sources: MetricSources) => number) => void

function memoryGauges(gauge: AddGauge): void {
  gauge('maya_container_memory_usage_bytes', 'Memory in use.', ({ memory }) => memory.reading.usageBytes)
  gauge(
    'maya_container_memory_limit_bytes',
    'Limit of the memory, 0 without one.',
    ({ memory }) => memory.reading.limitBytes ?? 0,
  )
  gauge(
    'maya_container_memory_utilization',
    'Usage as a part of the limit.',
    ({ memory }) => memory.utilization,
  )
  gauge(
    'maya_container_memory_available_mb',
    'What is left below the limit, 0 without one.',
    ({ memory }) => (memory.availableBytes ?? 0) / bytesPerMb,
  )
  gauge('maya_container_memory_pressure', '1 while nobody is admitted for lack of memory.', ({ memory }) =>
    Number(memory.pressure),
  )
}

function sessionGauges(gauge: AddGauge): void {
  gauge('maya_active_sessions', 'Live sessions.', ({ sessions }) => sessions.liveCount)
  gauge('maya_max_sessions', 'Live sessions that are allowed.', ({ sessions }) => sessions.sessionsMax)
  gauge(
    'maya_session_utilization',
    'Live sessions as a part of those allowed.',
    ({ sessions }) => sessions.liveCount / sessions.sessionsMax,
  )
  gauge(
    'maya_sessions_admissible',
    'Sessions that could be admitted now.',
    ({ sessions }) => sessions.admissible,
  )
  gauge('maya_session_memory_bytes', 'Memory of all live sessions.', ({ sessions }) => sessions.liveBytes)
  gauge('maya_turns_running', 'Turns that are being answered.', ({ sessions }) => sessions.turnsRunning)
}

function memorySource(registry: Registry, watched: () => MetricSources | undefined): void {
  void new Gauge({
    name: 'maya_memory_source_info',
    help: 'Where usage and limit of the memory are read.',
    labelNames: ['what', 'source'],
    registers: [registry],
    collect() {
      const reading = watched()?.memory.reading
      if (reading === undefined) return
      this.reset()
      this.set({ what: 'usage', source: reading.usageSource }, 1)
      this.set({ what: 'limit', source: reading.limitSource }, 1)
    },
  })
}

/** A counter that the kernel counts: every scrape adds what is new. */
function cpuSeconds(registry: Registry, watched: () => MetricSources | undefined): void {
  let counted = 0
  void new Counter({
    name: 'maya_container_cpu_usage_seconds_total',
    help: 'CPU time of the container.',
    registers: [registry],
    collect() {
      const seconds = watched()?.cpuSeconds() ?? 0
      this.inc(Math.max(0, seconds - counted))
      counted = Math.max(counted, seconds)
    },
  })
}

function fixedGauges(registry: Registry, labels: MetricLabels): void {
  const fixed = (name: string, help: string, value: number): void => {
    new Gauge({ name, help, registers: [registry] }).set(value)
  }
  fixed(
    'maya_config_memory_mb',
    'Configured memory, 0 when not set.',
    (labels.configuredMemoryBytes ?? 0) / bytesPerMb,
  )
  fixed(
    'maya_config_max_containers',
    'Configured number of containers, 0 when not set.',
    labels.containersMax ?? 0,
  )
  fixed('maya_rag_available', '1 when documents can be searched.', 0)
  fixed('maya_rag_document_count', 'Documents that can be searched.', 0)
  new Gauge({
    name: 'maya_rag_type',
    help: 'How documents are searched.',
    labelNames: ['type'],
    registers: [registry],
  }).set({ type: 'none' }, 1)
  new Gauge({
    name: 'maya_build_info',
    help: 'What is running.',
    labelNames: ['version', 'node'],
    registers: [registry],
  }).set({ version: labels.version, node: labels.nodeVersion }, 1)
}

/** How long callbacks wait for the event loop, since the metrics were last read: by a scrape or for the fleet. */
function eventLoopDelay(registry: Registry): void {
  const resolutionMs = 20
  const delay = monitorEventLoopDelay({ resolution: resolutionMs })
  delay.enable()
  void new Gauge({
    name: 'maya_event_loop_delay_seconds',
    help: 'Delay of the event loop since the metrics were last read, by quantile.',
    labelNames: ['quantile'],
    registers: [registry],
    collect() {
      for (const quantile of [50, 99, 100]) {
        // What is measured is the time between two ticks, of which the resolution is no delay.
        const seconds = delay.percentile(quantile) / 1e9 - resolutionMs / 1000
        this.set({ quantile: String(quantile / 100) }, Math.max(0, seconds))
      }
      delay.reset()
    },
  })
}
