import { randomUUID } from 'node:crypto'
import type { Clock } from './clock.ts'
import type { Limits } from './config/limits.ts'
import type { Settings } from './config/settings.ts'
import type { ConversationObserver } from './conversation/observer.ts'
import type { Log } from './logs/log.ts'
import { createMasker } from './security/mask-secrets.ts'
import type { SpanNames } from './traces/span-of-step.ts'

export interface TraceParts {
  readonly settings: Settings
  readonly limits: Limits
  readonly clock: Clock
  readonly log: Log
  readonly version: string
  /** Never to be exported, whatever is said. */
  readonly secrets: readonly string[]
}

export interface Traces {
  /** Tells the observer the same as before, and makes spans of it where traces are on. */
  around(observer: ConversationObserver): ConversationObserver
  /** Sends what is not sent yet, within a bound. Never rejects. */
  close(): Promise<void>
}

const noTraces: Traces = { around: (observer) => observer, close: async () => {} }

/** The traces of this server. Where they are off, nothing of OpenTelemetry is loaded and nothing is in the way. */
export async function openTraces(parts: TraceParts): Promise<Traces> {
  const { settings, limits, clock, log, version, secrets } = parts
  const { otlpEndpoint } = settings
  if (otlpEndpoint === null) return noTraces
  const [{ openSpanWriter }, { traced }] = await Promise.all([
    import('./traces/open-telemetry.ts'),
    import('./traces/tracing-observer.ts'),
  ])
  const spans = openSpanWriter({
    url: `${otlpEndpoint}/v1/traces`,
    headers: settings.otlpHeaders,
    serviceName: settings.otlpServiceName,
    serviceVersion: version,
    instanceId: randomUUID(),
    sampledPart: settings.tracesSampledPart,
    clock,
    limits,
    onLost: (lost) => log('spans lost', lost),
    onWarning: (detail) => log('tracing warned', { detail }),
  })
  const masker = createMasker(secrets)
  const isContentWanted = settings.traceContent === 'on'
  const content = {
    mask: (text: string) => masker.maskText(text),
    charactersMax: limits.traceContentCharactersMax,
  }
  const options = { spans, names: namesOf(settings), content: isContentWanted ? content : null }
  return { around: (observer) => traced(observer, options), close: () => spans.close() }
}

/** Our names of providers as the conventions know them, each with the model that it is asked for. */
function namesOf(settings: Settings): SpanNames {
  const { geminiModel, openaiModel, vertexProject } = settings
  const gemini = vertexProject === null ? 'gcp.gemini' : 'gcp.vertex_ai'
  const known = new Map([
    ['house', { provider: 'house', model: 'house' }],
    ['gemini', { provider: gemini, model: geminiModel }],
    ['openai', { provider: 'openai', model: openaiModel }],
  ])
  return {
    storeSystem: settings.store.kind,
    modelOf: (provider) => known.get(provider) ?? { provider, model: null },
  }
}
