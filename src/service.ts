import { randomBytes, randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'
import { menu } from './bar/menu.ts'
import type { PaymentProvider } from './bar/payment-provider.ts'
import { simulatedPayments } from './bar/payments/simulated.ts'
import { systemClock, type Clock } from './clock.ts'
import { limits as defaultLimits, type Limits } from './config/limits.ts'
import type { Settings } from './config/settings.ts'
import type { Agent } from './conversation/agent.ts'
import { maya } from './conversation/agents/maya.ts'
import type { PaymentsOptions } from './conversation/payments.ts'
import { createApp, type App, type AppOptions } from './http/app.ts'
import { EventStreams } from './http/event-stream.ts'
import { SessionIdentity } from './http/session-identity.ts'
import { Turns } from './http/turns.ts'
import { present } from './http/wire.ts'
import type { Model } from './llm/model.ts'
import { createHouseModel } from './llm/providers/house.ts'
import type { Store } from './log/store.ts'
import { createCpuReader } from './memory/cpu.ts'
import { MemoryMonitor } from './memory/monitor.ts'
import { createMemoryReader, type MemoryReading } from './memory/readers.ts'
import { createMetrics, type Metrics } from './metrics/metrics.ts'
import { loadMasterKey } from './security/master-key.ts'
import { describeDefect } from './security/redaction.ts'
import { createSessionTokens, type SessionTokens } from './security/session-token.ts'
import { SessionManager } from './sessions/session-manager.ts'
import { createMemoryStore } from './store/memory.ts'
import { observeStore } from './store/observed.ts'
import { openSqliteStore } from './store/sqlite.ts'

/** What only the process knows. */
export interface ProcessFacts {
  readonly residentBytes: () => number
  readonly constrainedMemory: () => number | undefined
  readonly cpuSeconds: () => number
  readonly uptimeSeconds: () => number
  readonly nodeVersion: string
  readonly version: string
  readonly parentPid?: number
}

/** Everything a service is made of. What a test may replace is optional here. */
export interface ServiceOptions {
  readonly settings: Settings
  readonly facts: ProcessFacts
  readonly logger?: AppOptions['logger']
  readonly clock?: Clock
  readonly limits?: Limits
  readonly model?: Model
  readonly agents?: readonly Agent[]
  readonly store?: Store
  readonly payments?: PaymentProvider
  readonly readMemory?: () => MemoryReading
  /** Called once when the store is held by another process and has to be waited for. */
  readonly onStoreWait?: () => void
}

export interface Service {
  readonly app: App
  readonly sessions: SessionManager
  readonly memory: MemoryMonitor
  readonly store: Store
  readonly model: Model
  /** Refuses new sessions, lets running turns end within `graceMs`, then closes everything. */
  close(graceMs: number): Promise<void>
}

/** Builds and joins the parts of one server. The bill of materials. */
export async function createService(options: ServiceOptions): Promise<Service> {
  const { settings, facts, logger = false, clock = systemClock, limits = defaultLimits } = options
  const agents = new Map((options.agents ?? [maya]).map((agent) => [agent.name, agent]))
  const model = options.model ?? createModel(settings, clock)
  const metrics = createMetrics({
    version: facts.version,
    nodeVersion: facts.nodeVersion,
    tools: [...agents.values()].flatMap(({ tools }) => tools.map(({ name }) => name)),
    providers: [model.name],
    configuredMemoryBytes: settings.memoryLimitBytes,
    containersMax: settings.containersMax,
  })
  const tokens = createTokens(settings)
  const memory = createMonitor(options, clock)
  const store = observeStore(options.store ?? (await openStore(options, clock)), metrics, clock)
  const sessions = new SessionManager({
    parts: {
      store,
      clock,
      limits,
      agents,
      model,
      payments: createPayments(options, { clock, metrics, limits }),
      present,
      overlap: settings.turnOverlap,
      turnsQueuedMax: settings.turnsQueuedMax,
      turnMs: settings.turnMs,
      createId: randomUUID,
      observer: metrics,
      reportDefect: (error) => logger && logger.error({ err: describeDefect(error) }, 'defect'),
    },
    memory,
    sessionsMax: settings.sessionsMax,
    sessionBytes: settings.sessionMemoryBytes,
    expiryMs: settings.sessionExpiryMs,
    idleMs: settings.sessionIdleMs,
    cleanupIntervalMs: settings.cleanupIntervalMs,
    createSessionId: () => tokens.mint().id,
    observer: metrics,
  })
  const streams = new EventStreams({ clock, heartbeatMs: limits.heartbeatMs, observer: metrics })
  const app = await createEdge({
    settings,
    limits,
    clock,
    logger,
    sessions,
    tokens,
    streams,
    agents,
    metrics,
    memory,
    store,
  })
  const cpuSeconds = createCpuReader({ processCpuSeconds: facts.cpuSeconds })
  metrics.watch({ memory, sessions, cpuSeconds, uptimeSeconds: facts.uptimeSeconds })
  memory.start()
  sessions.start()
  return {
    app,
    sessions,
    memory,
    store,
    model,
    close: (graceMs) => closeParts({ clock, sessions, streams, app, memory, store }, graceMs),
  }
}

type ClosingParts = Pick<EdgeParts, 'clock' | 'sessions' | 'streams' | 'memory' | 'store'> & {
  readonly app: App
}

/** In this order: what still runs needs what comes after it. */
async function closeParts(parts: ClosingParts, graceMs: number): Promise<void> {
  const { clock, sessions, streams, app, memory, store } = parts
  const deadline = new AbortController()
  const cancel = clock.after(graceMs, () => deadline.abort())
  await sessions.drain(deadline.signal)
  cancel()
  streams.close()
  await app.close()
  memory.stop()
  await store.close()
}

interface EdgeParts {
  readonly settings: Settings
  readonly limits: Limits
  readonly clock: Clock
  readonly logger: AppOptions['logger']
  readonly sessions: SessionManager
  readonly tokens: SessionTokens
  readonly streams: EventStreams
  readonly agents: ReadonlyMap<string, Agent>
  readonly metrics: Metrics
  readonly memory: MemoryMonitor
  readonly store: Store
}

function createEdge({ settings, limits, tokens, streams, memory, store, ...parts }: EdgeParts): Promise<App> {
  const identity = new SessionIdentity({
    sessions: parts.sessions,
    tokens,
    workspace: 'default',
    agent: maya.name,
    cookieMaxAgeSeconds: settings.sessionExpiryMs / 1000,
    trustedOrigins: settings.corsOrigins,
  })
  return createApp({
    ...parts,
    identity,
    turns: new Turns({ identity, streams }),
    messageCharactersMax: settings.messageCharactersMax,
    turnsKeptMax: limits.turnsKeptMax,
    metricsToken: settings.metricsToken,
    health: { checks: () => failedChecks(memory, store) },
    bodyBytesMax: settings.bodyBytesMax,
    corsOrigins: settings.corsOrigins,
    webDirectory: join(import.meta.dirname, '../web'),
    observeRequest: (request) => parts.metrics.httpRequest(request),
  })
}

function createPayments(
  { payments = simulatedPayments }: ServiceOptions,
  { clock, metrics, limits }: { clock: Clock; metrics: Metrics; limits: Limits },
): PaymentsOptions {
  return { provider: payments, clock, timeoutMs: limits.paymentMs, observer: metrics }
}

/** `auto` is the best model that can be had with what is configured. */
function createModel({ housePaceMs }: Settings, clock: Clock): Model {
  const items = menu.categories.flatMap((category) =>
    category.items.map((item) => ({ ...item, category: category.name })),
  )
  return createHouseModel({ clock, paceMs: housePaceMs, vocabulary: { items, modifiers: menu.modifiers } })
}

function createTokens({ masterKey, masterKeyPrevious, store }: Settings): SessionTokens {
  const keyFile = store.kind === 'sqlite' ? join(dirname(store.file), 'master.key') : null
  const { key } = loadMasterKey({ configured: masterKey, keyFile, randomBytes })
  return createSessionTokens({ masterKey: key, previousMasterKey: masterKeyPrevious })
}

async function openStore({ settings, onStoreWait }: ServiceOptions, clock: Clock): Promise<Store> {
  const { store } = settings
  if (store.kind === 'memory') return createMemoryStore({ clock })
  return openSqliteStore({ path: store.file, clock, ...(onStoreWait && { onWaiting: onStoreWait }) })
}

function createMonitor({ settings, facts, readMemory }: ServiceOptions, clock: Clock): MemoryMonitor {
  const { constrainedMemory, residentBytes } = facts
  const read =
    readMemory ??
    createMemoryReader({ configuredBytes: settings.memoryLimitBytes, constrainedMemory, residentBytes })
  return new MemoryMonitor({ read, clock, threshold: settings.memoryThreshold })
}

/** What `/healthz` says is wrong. */
async function failedChecks(memory: MemoryMonitor, store: Store): Promise<readonly string[]> {
  const isStoreThere = await store.version('health').then(
    () => true,
    () => false,
  )
  return [
    ...(memory.pressure ? ['Container memory pressure detected'] : []),
    ...(isStoreThere ? [] : ['The store cannot be reached']),
  ]
}
