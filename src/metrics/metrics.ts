import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { ConversationObserver } from '../conversation/observer.ts'
import type { StreamObserver } from '../http/event-stream.ts'
import type { RateObserver } from '../http/message-rates.ts'
import type { ModelObserver } from '../llm/observed.ts'
import type { MemoryReading } from '../memory/readers.ts'
import type { SessionObserver } from '../sessions/session-manager.ts'
import type { GuardObserver } from '../security/guard.ts'
import type { StoreObserver } from '../store/observed.ts'
import type { VoiceObserver } from '../voice/observer.ts'
import { observeConversation, type ConversationLabels } from './conversation-metrics.ts'
import { showEventLoop, type LoopState } from './event-loop-metrics.ts'
import type { FleetObserver } from './fleet.ts'
import { observeFleet } from './fleet-metrics.ts'
import { observeGuard, type GuardLabels } from './guard-metrics.ts'
import { observeModels } from './model-metrics.ts'
import { counterIn, turnSeconds } from './series.ts'
import { observeStore } from './store-metrics.ts'
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
export interface MetricLabels extends GuardLabels, VoiceLabels, ConversationLabels {
  readonly version: string
  readonly nodeVersion: string
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
  readonly loop: LoopState
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
    ...observeStore(registry),
    ...observeGuard(registry, labels),
    ...observeVoices(registry, labels),
    ...observeFleet(registry),
  }
}

function observeSessions(registry: Registry): SessionObserver {
  const counter = counterIn(registry)
  const created = counter('maya_sessions_created_total', 'Sessions that were made.')
  const rejected = counter('maya_sessions_rejected_total', 'Sessions that were not admitted, by reason.', {
    reason: ['SESSION_LIMIT', 'MEMORY_PRESSURE', 'OVERLOADED', 'DRAINING'],
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

function observeEdge(registry: Registry): StreamObserver & RateObserver & Pick<Metrics, 'httpRequest'> {
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
  showEventLoop(registry, () => watched?.loop)
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
