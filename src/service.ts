import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { PaymentProvider } from './bar/payment-provider.ts'
import { simulatedPayments } from './bar/payments/simulated.ts'
import { systemClock, type Clock } from './clock.ts'
import { limits as defaultLimits, type Limits } from './config/limits.ts'
import type { Settings } from './config/settings.ts'
import type { Agent } from './conversation/agent.ts'
import { maya } from './conversation/agents/maya.ts'
import { Budgets } from './conversation/budgets.ts'
import { joinObservers } from './conversation/joined-observers.ts'
import type { ConversationObserver } from './conversation/observer.ts'
import type { PaymentsOptions } from './conversation/payments.ts'
import { createApp, type App } from './http/app.ts'
import { EventStreams } from './http/event-stream.ts'
import { Listening } from './http/listening.ts'
import type { MessageRates } from './http/message-rates.ts'
import { SessionIdentity } from './http/session-identity.ts'
import { Turns } from './http/turns.ts'
import { VoiceChoices } from './http/voice-choices.ts'
import { present } from './http/wire.ts'
import type { ClosableModel, Model } from './llm/model.ts'
import type { Models } from './llm/models.ts'
import type { EventLoopMonitor } from './event-loop/monitor.ts'
import type { Bus } from './log/bus.ts'
import type { Store } from './log/store.ts'
import { logDefects, logFailures } from './logs/failure-lines.ts'
import { createLog, type LineWriter, type Log } from './logs/log.ts'
import { logRequests } from './logs/request-lines.ts'
import { logTurns } from './logs/turn-lines.ts'
import { createCpuReader } from './memory/cpu.ts'
import type { MemoryMonitor } from './memory/monitor.ts'
import type { Fleet } from './metrics/fleet.ts'
import { createMetrics, type Metrics } from './metrics/metrics.ts'
import { guardMarks, type Guard, type GuardRules } from './security/guard.ts'
import type { SessionTokens } from './security/session-token.ts'
import type { KeyChecks } from './sessions/guest-keys.ts'
import { createFleet } from './service-fleet.ts'
import { createLoopMonitor, createMemoryMonitor, failedChecks, type HealthOptions } from './service-health.ts'
import { createKeyChecks, createModels, pricesOf, providersOf, takesGeminiKeys } from './service-models.ts'
import { createGuard, createRates, openSecrets } from './service-security.ts'
import { openShared, sharedByNobody, type Shared } from './service-store.ts'
import { openTraces, type Traces } from './service-traces.ts'
import { createVoices, takesCartesiaKeys, voicesOf } from './service-voices.ts'
import type { SessionParts } from './sessions/session.ts'
import { SessionManager, type SessionManagerOptions } from './sessions/session-manager.ts'
import { observeStore } from './store/observed.ts'
import type { VoiceClient, Voices } from './voice/voices.ts'

/** What only the process knows. */
export interface ProcessFacts {
  readonly residentBytes: () => number
  readonly constrainedMemory: () => number | undefined
  readonly cpuSeconds: () => number
  readonly uptimeSeconds: () => number
  readonly nodeVersion: string
  readonly version: string
  /** How the platform calls this container; its host's name where it does not say. */
  readonly containerName?: string | undefined
}

/** Everything a service is made of. What a test may replace is optional here. */
export interface ServiceOptions extends Partial<Shared>, Pick<HealthOptions, 'readMemory' | 'watchLoop'> {
  readonly settings: Settings
  readonly facts: ProcessFacts
  /** Where the lines of the log go; nowhere where it is missing. */
  readonly logger?: LineWriter
  readonly clock?: Clock
  readonly limits?: Limits
  readonly model?: Model
  /** The model that is used with a guest's own key. */
  readonly guestModel?: (key: string) => ClosableModel
  readonly keyChecks?: KeyChecks
  /** Who speaks and listens where a guest has no key. */
  readonly voice?: VoiceClient
  /** Who speaks and listens to a guest who has brought a key for it. */
  readonly guestVoice?: (key: string) => VoiceClient
  readonly agents?: readonly Agent[]
  readonly payments?: PaymentProvider
  readonly guardRules?: GuardRules
  /** Called once when the store cannot be had yet and is waited for, with a sentence that says why. */
  readonly onStoreWait?: (reason: string) => void
  /** Called with the texts that nobody may ever be shown, as soon as they are known. */
  readonly onSecrets?: (secrets: readonly string[]) => void
}

export interface Service {
  readonly app: App
  readonly sessions: SessionManager
  readonly memory: MemoryMonitor
  readonly loop: EventLoopMonitor
  readonly store: Store
  /** Refuses new sessions, lets running turns end within `graceMs`, then closes everything. */
  close(graceMs: number): Promise<void>
}

/** Builds and joins the parts of one server. The bill of materials. */
export async function createService(options: ServiceOptions): Promise<Service> {
  const { settings, facts, clock = systemClock, limits = defaultLimits } = options
  const agents = new Map((options.agents ?? [maya]).map((agent) => [agent.name, agent]))
  const metrics = createCatalogue(options, agents)
  const log = createLog(options.logger)
  const reportDefect = logDefects(log)
  const memory = createMemoryMonitor(options, clock)
  const loop = createLoopMonitor(options, clock)
  const { bus, board, buckets, ...opened } = await openSharedOf(options, { clock, limits, log })
  const store = observeStore(opened.store, metrics, clock)
  const {
    tokens,
    vault,
    neverShown: secrets,
  } = await closedOnFailure([bus, store], () => openSecrets(settings, store))
  options.onSecrets?.(secrets)
  const rates = createRates({ settings, limits, buckets, metrics })
  const guard = createGuard({ ...options, clock, limits, metrics, secrets })
  const random = Math.random
  const observer = logFailures(metrics, log)
  const traces = await openTraces({ settings, limits, clock, log, version: facts.version, secrets })
  const conversation = traces.around(joinObservers([metrics, logTurns(log)]))
  const listening = new Listening({ clock, limits, observer, reportDefect })
  const models = createModels({ ...options, clock, limits, observer, random, reportDefect })
  const voices = createVoices({ ...options, clock, limits, observer, reportDefect })
  const shared = { settings, limits, clock, agents, metrics, memory, loop, store, bus, rates, guard, tokens }
  const domain = { ...shared, listening, voices, conversation, traces }
  const sessions = new SessionManager({
    ...createSessionOptions({ ...domain, models, reportDefect }),
    parts: {
      ...createSessionParts({ ...domain, models, reportDefect }),
      keys: {
        vault,
        checks: options.keyChecks ?? createKeyChecks(settings),
        takesGemini: takesGeminiKeys(settings),
        voices,
        takesCartesia: takesCartesiaKeys(settings),
      },
      payments: createPayments(options, { clock, limits, conversation }),
    },
  })
  const streams = new EventStreams({ clock, heartbeatMs: limits.heartbeatMs, observer: metrics })
  const fleet = createFleet({ board, facts, clock, limits, metrics, reportDefect })
  const app = await createEdge({ ...domain, log, sessions, streams, fleet })
  const cpuSeconds = createCpuReader({ processCpuSeconds: facts.cpuSeconds })
  metrics.watch({ memory, loop, sessions, cpuSeconds, uptimeSeconds: facts.uptimeSeconds })
  memory.start()
  loop.start()
  sessions.start()
  await fleet.start()
  return {
    app,
    sessions,
    memory,
    loop,
    store,
    close: (graceMs) => closeParts({ ...domain, sessions, streams, app, models, fleet }, graceMs),
  }
}

function createCatalogue(
  { settings, facts, model, voice }: ServiceOptions,
  agents: ReadonlyMap<string, Agent>,
): Metrics {
  const providers = model === undefined ? providersOf(settings) : [model.name]
  return createMetrics({
    version: facts.version,
    nodeVersion: facts.nodeVersion,
    tools: [...agents.values()].flatMap(({ tools }) => tools.map(({ name }) => name)),
    providers,
    prices: pricesOf(settings, providers),
    voices: voicesOf(settings, voice),
    configuredMemoryBytes: settings.memoryLimitBytes,
    containersMax: settings.containersMax,
    guardPolicy: settings.guardOnError,
    guardMarks,
  })
}

interface DomainParts extends Omit<EdgeParts, 'log' | 'sessions' | 'streams' | 'fleet'> {
  readonly conversation: ConversationObserver
  readonly models: Models
  readonly reportDefect: (error: unknown) => void
}

function createSessionOptions(parts: DomainParts): Omit<SessionManagerOptions, 'parts'> {
  const { settings, memory, loop, metrics, tokens, rates, listening } = parts
  return {
    memory,
    loop,
    sessionsMax: settings.sessionsMax,
    sessionBytes: settings.sessionMemoryBytes,
    expiryMs: settings.sessionExpiryMs,
    idleMs: settings.sessionIdleMs,
    cleanupIntervalMs: settings.cleanupIntervalMs,
    createSessionId: () => tokens.mint().id,
    onGone: (id) => {
      rates.letGo(id)
      listening.end(id, 'session-gone')
    },
    observer: metrics,
  }
}

/** What all sessions share, but for keys and payments. */
function createSessionParts(parts: DomainParts): Omit<SessionParts, 'keys' | 'payments'> {
  const { settings, store, bus, clock, limits, agents, models, conversation, guard, reportDefect } = parts
  return {
    store,
    bus,
    clock,
    limits,
    agents,
    models,
    budgets: new Budgets({ store, clock, bounds: settings, observer: conversation }),
    promptTokensMax: settings.promptTokensMax,
    createMask: (secrets) => guard.maskOutput(secrets),
    present,
    overlap: settings.turnOverlap,
    turnsQueuedMax: settings.turnsQueuedMax,
    turnMs: settings.turnMs,
    createId: randomUUID,
    observer: conversation,
    reportDefect,
  }
}

type ClosingParts = Pick<
  EdgeParts,
  'clock' | 'listening' | 'voices' | 'sessions' | 'streams' | 'memory' | 'loop' | 'store' | 'bus' | 'fleet'
> & {
  readonly app: App
  readonly models: Models
  readonly traces: Traces
}

/** In this order: what still runs needs what comes after it. */
async function closeParts(parts: ClosingParts, graceMs: number): Promise<void> {
  const { clock, listening, sessions, streams, app, models, voices, memory, loop, store, bus, fleet } = parts
  // What is said from now on would be answered by nobody.
  listening.close()
  const deadline = new AbortController()
  const cancel = clock.after(graceMs, () => deadline.abort())
  await sessions.drain(deadline.signal)
  cancel()
  streams.close()
  await app.close()
  await models.close()
  await voices.close()
  await parts.traces.close()
  memory.stop()
  loop.stop()
  await fleet.stop()
  await bus.close()
  await store.close()
}

interface EdgeParts {
  readonly settings: Settings
  readonly limits: Limits
  readonly clock: Clock
  readonly log: Log
  readonly sessions: SessionManager
  readonly tokens: SessionTokens
  readonly rates: MessageRates
  readonly guard: Guard
  readonly listening: Listening
  readonly voices: Voices
  readonly streams: EventStreams
  readonly agents: ReadonlyMap<string, Agent>
  readonly metrics: Metrics
  readonly memory: MemoryMonitor
  readonly loop: EventLoopMonitor
  readonly store: Store
  readonly bus: Bus
  readonly fleet: Fleet
}

function createEdge({
  settings,
  limits,
  tokens,
  streams,
  memory,
  loop,
  store,
  guard,
  voices,
  ...parts
}: EdgeParts): Promise<App> {
  const identity = new SessionIdentity({
    sessions: parts.sessions,
    tokens,
    apiKeys: settings.apiKeys,
    agent: maya.name,
    cookieMaxAgeSeconds: settings.sessionExpiryMs / 1000,
    trustedOrigins: settings.corsOrigins,
  })
  const logRequest = logRequests(parts.log, parts.clock)
  return createApp({
    ...parts,
    identity,
    voiceChoices: new VoiceChoices({ clock: parts.clock, timeoutMs: limits.voiceConnectMs }),
    voices: voices.own,
    turns: new Turns({ identity, streams, rates: parts.rates, guard }),
    messageCharactersMax: settings.messageCharactersMax,
    turnsKeptMax: limits.turnsKeptMax,
    metricsToken: settings.metricsToken,
    health: { guardPolicy: guard.policy, checks: () => failedChecks({ memory, loop, store, guard }) },
    bodyBytesMax: settings.bodyBytesMax,
    corsOrigins: settings.corsOrigins,
    trustedProxies: settings.trustedProxies,
    webDirectory: join(import.meta.dirname, '../web/dist'),
    observeRequest(request) {
      parts.metrics.httpRequest(request)
      logRequest(request)
    },
  })
}

function createPayments(
  { payments = simulatedPayments }: ServiceOptions,
  { clock, limits, conversation }: Pick<DomainParts, 'clock' | 'limits' | 'conversation'>,
): PaymentsOptions {
  return { provider: payments, clock, timeoutMs: limits.paymentMs, observer: conversation }
}

/** The parts are closed in this order where nothing can be made of them. */
async function closedOnFailure<Made>(
  parts: readonly { close(): Promise<void> }[],
  make: () => Made,
): Promise<Made> {
  try {
    return make()
  } catch (error) {
    for (const part of parts) await part.close()
    throw error
  }
}

/** A store that a test gives is not opened, and its other parts go before those that come with a store. */
async function openSharedOf(
  { settings, onStoreWait, store, bus, board, buckets }: ServiceOptions,
  { clock, limits, log }: { readonly clock: Clock; readonly limits: Limits; readonly log: Log },
): Promise<Shared> {
  const opening = {
    clock,
    ...(onStoreWait && { onWaiting: onStoreWait }),
    onLost: (reason: string) => log('store lost', { reason }),
    onRestored: () => log('store restored'),
  }
  const opened = store ? sharedByNobody(store, limits, clock) : await openShared(settings, limits, opening)
  return { ...opened, ...(bus && { bus }), ...(board && { board }), ...(buckets && { buckets }) }
}
