import {
  addresses,
  apiKeys,
  choice,
  decimal,
  headerPairs,
  headers,
  hostName,
  httpUrl,
  integer,
  masterKey,
  mebibytes,
  milliseconds,
  modelName,
  origins,
  storeAddress,
  token,
  word,
  type Kind,
} from './kinds.ts'

/** Every setting: its name here, its variable, its default as `.env.example` shows it, and what it may be. */
const table = {
  host: setting('HOST', '0.0.0.0', hostName),
  port: setting('PORT', '8000', integer(0, 65_535)),

  sessionsMax: setting('MAYA_SESSIONS_PER_CONTAINER', '50', integer(1, 100_000)),
  sessionMemoryBytes: setting('MAYA_DEFAULT_SESSION_MEMORY_MB', '50', mebibytes(1, 65_536)),
  memoryThreshold: setting('MAYA_CONTAINER_MEMORY_THRESHOLD', '0.8', decimal(0.1, 0.95)),
  eventLoopDelayMs: setting('MAYA_EVENT_LOOP_DELAY_MS', '150', integer(0, 60_000)),
  sessionExpiryMs: setting('MAYA_SESSION_EXPIRY_SECONDS', '3600', milliseconds(1, 31_536_000)),
  cleanupIntervalMs: setting('MAYA_CLEANUP_INTERVAL_SECONDS', '300', milliseconds(1, 86_400)),
  sessionIdleMs: setting('MAYA_SESSION_IDLE_SECONDS', '60', milliseconds(1, 86_400)),
  memoryLimitBytes: optional('MODAL_MEMORY_MB', mebibytes(1, 16_777_216)),
  containersMax: optional('MODAL_MAX_CONTAINERS', integer(1, 100_000)),

  store: setting('MAYA_STORE_URL', 'sqlite:data/maya.db', storeAddress),
  masterKey: optional('MAYA_MASTER_KEY', masterKey),
  masterKeyPrevious: optional('MAYA_MASTER_KEY_PREVIOUS', masterKey),

  llmProvider: setting('MAYA_LLM_PROVIDER', 'auto', choice('auto', 'house', 'gemini', 'openai')),
  llmFallback: optional('MAYA_LLM_FALLBACK', choice('house', 'gemini', 'openai')),
  firstByteMs: setting('MAYA_MODEL_FIRST_SECONDS', '30', milliseconds(1, 600)),
  temperature: optional('TEMPERATURE', decimal(0, 2)),
  outputTokensMax: setting('MAX_OUTPUT_TOKENS', '2048', integer(16, 65_536)),
  promptTokensMax: setting('MAYA_PROMPT_TOKENS', '16000', integer(2000, 1_000_000)),
  llmInputPrice: optional('MAYA_LLM_INPUT_PRICE', decimal(0, 10_000)),
  llmOutputPrice: optional('MAYA_LLM_OUTPUT_PRICE', decimal(0, 10_000)),
  housePaceMs: setting('MAYA_HOUSE_PACE_MS', '30', integer(0, 10_000)),

  geminiKey: optional('GEMINI_API_KEY', token(8, 512)),
  geminiModel: setting('GEMINI_MODEL_VERSION', 'gemini-3.5-flash-lite', modelName),
  geminiThinking: setting('GEMINI_THINKING_LEVEL', 'minimal', choice('minimal', 'low', 'medium', 'high')),
  geminiBaseUrl: optional('GEMINI_BASE_URL', httpUrl),
  vertexProject: optional('GEMINI_VERTEX_PROJECT', word),
  vertexLocation: setting('GEMINI_VERTEX_LOCATION', 'global', word),

  openaiBaseUrl: optional('OPENAI_BASE_URL', httpUrl),
  openaiKey: optional('OPENAI_API_KEY', token(1, 512)),
  openaiModel: optional('OPENAI_MODEL', modelName),
  openaiHeaders: setting('OPENAI_HEADERS', '', headers),
  modalEndpointUrl: optional('MODAL_ENDPOINT_URL', httpUrl),
  modalProxyKey: optional('MODAL_PROXY_KEY', token(1, 512)),
  modalProxySecret: optional('MODAL_PROXY_SECRET', token(1, 512)),
  warmUpMs: setting('MAYA_WARMUP_SECONDS', '90', milliseconds(0, 3600)),

  cartesiaKey: optional('CARTESIA_API_KEY', token(8, 512)),
  cartesiaBaseUrl: setting('CARTESIA_BASE_URL', 'https://api.cartesia.ai', httpUrl),
  cartesiaModel: setting('CARTESIA_MODEL', 'sonic-3', modelName),
  cartesiaVoice: setting('CARTESIA_VOICE_ID', 'f786b574-daa5-4673-aa0c-cbe3e8534c02', word),
  cartesiaListeningModel: setting('CARTESIA_LISTENING_MODEL', 'ink-2', modelName),
  cartesiaConcurrency: setting('CARTESIA_CONCURRENCY', '2', integer(1, 1000)),
  voiceProvider: setting('MAYA_VOICE_PROVIDER', 'auto', choice('auto', 'cartesia', 'embedded', 'none')),
  embeddedVoice: setting('MAYA_EMBEDDED_VOICE', 'slt', choice('slt', 'rms', 'awb', 'kal16')),

  apiKeys: setting('MAYA_API_KEYS', '', apiKeys),
  sessionRateLimit: setting('MAYA_SESSION_RATE_LIMIT', '10', integer(0, 1_000_000)),
  burstLimit: setting('MAYA_BURST_LIMIT', '5', integer(0, 1_000_000)),
  workspaceRateLimit: setting('MAYA_WORKSPACE_RATE_LIMIT', '0', integer(0, 1_000_000)),
  addressRateLimit: setting('MAYA_ADDRESS_RATE_LIMIT', '0', integer(0, 1_000_000)),
  appRateLimit: setting('MAYA_APP_RATE_LIMIT', '100', integer(0, 1_000_000)),
  turnTokensMax: setting('MAYA_TURN_TOKENS', '100000', integer(0, 1_000_000_000)),
  sessionTokensMax: setting('MAYA_SESSION_TOKENS', '0', integer(0, 1_000_000_000)),
  sessionToolCallsMax: setting('MAYA_SESSION_TOOL_CALLS', '0', integer(0, 1_000_000)),
  workspaceDailyTokensMax: setting('MAYA_WORKSPACE_DAILY_TOKENS', '0', integer(0, 1_000_000_000_000)),
  guardOnError: setting('MAYA_GUARD_ON_ERROR', 'closed', choice('open', 'closed')),
  trustedProxies: setting('MAYA_TRUSTED_PROXIES', '', addresses),

  turnOverlap: setting('MAYA_TURN_OVERLAP', 'queue', choice('queue', 'reject', 'interrupt')),
  turnsQueuedMax: setting('MAYA_TURN_QUEUE', '4', integer(0, 100)),
  turnMs: setting('MAYA_TURN_SECONDS', '120', milliseconds(1, 3600)),
  shutdownMs: setting('MAYA_SHUTDOWN_SECONDS', '25', milliseconds(1, 3600)),

  bodyBytesMax: setting('MAYA_BODY_BYTES_MAX', '65536', integer(1024, 16_777_216)),
  messageCharactersMax: setting('MAYA_MESSAGE_CHARACTERS_MAX', '4000', integer(1, 1_000_000)),
  corsOrigins: setting('MAYA_CORS_ORIGINS', '', origins),
  metricsToken: optional('MAYA_METRICS_TOKEN', token(16, 512)),
  logLevel: setting(
    'MAYA_LOG_LEVEL',
    'info',
    choice('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
  ),
  logFormat: setting('MAYA_LOG_FORMAT', 'auto', choice('auto', 'json', 'pretty')),
  otlpEndpoint: optional('OTEL_EXPORTER_OTLP_ENDPOINT', httpUrl),
  otlpHeaders: setting('OTEL_EXPORTER_OTLP_HEADERS', '', headerPairs),
  otlpServiceName: setting('OTEL_SERVICE_NAME', 'maya', word),
  tracesSampledPart: setting('OTEL_TRACES_SAMPLER_ARG', '1', decimal(0, 1)),
  traceContent: setting('MAYA_TRACE_CONTENT', 'off', choice('off', 'on')),
}

export type Settings = { readonly [Name in keyof typeof table]: (typeof table)[Name]['unset'] }

/** The variables, in the order of `.env.example`, with their defaults as text; empty where there is none. */
export const settingDefaults: ReadonlyMap<string, string> = new Map(
  Object.values(table).map(({ variable, fallback }) => [variable, fallback]),
)

export const settingNames: readonly string[] = [...settingDefaults.keys()]

/** A value that was refused. Safe to print: a secret is only described in `came`. */
export interface Problem {
  readonly variable: string
  readonly came: string
  readonly allowed: string
}

export type SettingsResult =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly problems: readonly Problem[] }

/** Reads every setting, or says everything that is wrong. Blanks around a value do not count; empty is unset. */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): SettingsResult {
  const problems: Problem[] = []
  const values = Object.entries(table).map(([name, { variable, unset, kind }]) => {
    const text = (environment[variable] ?? '').trim()
    if (text === '') return [name, unset]
    const value = kind.parse(text)
    if (value === undefined) problems.push({ variable, came: kind.show(text), allowed: kind.allowed })
    return [name, value]
  })
  // Each name of the table stands there with what its own kind made of it, which `fromEntries` cannot tell.
  const settings: Settings = Object.fromEntries(values)
  problems.push(...missingSettings(settings))
  return problems.length > 0 ? { ok: false, problems } : { ok: true, settings }
}

/**
 * What other settings make necessary. It is asked also where some were refused: those are undefined then, not null,
 * and so not missing.
 */
function missingSettings(settings: Partial<Settings>): readonly Problem[] {
  const { llmProvider, llmFallback, openaiBaseUrl, modalEndpointUrl, modalProxyKey, modalProxySecret } =
    settings
  const wantsOpenAi = llmProvider === 'openai' || llmFallback === 'openai'
  const needs: readonly (readonly [boolean, keyof typeof table, string])[] = [
    [
      wantsOpenAi && openaiBaseUrl === null && modalEndpointUrl === null,
      'openaiBaseUrl',
      `because ${llmProvider === 'openai' ? 'MAYA_LLM_PROVIDER' : 'MAYA_LLM_FALLBACK'} is openai and MODAL_ENDPOINT_URL is not set either`,
    ],
    [
      llmFallback === 'gemini' && settings.geminiKey === null && settings.vertexProject === null,
      'geminiKey',
      'because MAYA_LLM_FALLBACK is gemini and GEMINI_VERTEX_PROJECT is not set either',
    ],
    [
      modalProxyKey !== null && modalProxySecret === null,
      'modalProxySecret',
      'because MODAL_PROXY_KEY is set',
    ],
    [
      modalProxySecret !== null && modalProxyKey === null,
      'modalProxyKey',
      'because MODAL_PROXY_SECRET is set',
    ],
  ]
  return needs
    .filter(([isMissing]) => isMissing)
    .map(([, name, reason]) => {
      const { variable, kind } = table[name]
      return { variable, came: 'not set', allowed: `${kind.allowed}, ${reason}` }
    })
}

/** The secrets of the server that are texts, so that they can be kept out of what is shown. */
export function secretsIn(settings: Settings): readonly string[] {
  const { geminiKey, openaiKey, openaiHeaders, modalProxyKey, modalProxySecret, cartesiaKey } = settings
  const storePassword = settings.store.kind === 'redis' ? settings.store.password : null
  const keys = [geminiKey, openaiKey, modalProxyKey, modalProxySecret, cartesiaKey]
  const texts = [...keys, settings.metricsToken, storePassword]
  const allHeaders = [...Object.entries(openaiHeaders), ...Object.entries(settings.otlpHeaders)]
  const secretHeaders = allHeaders.filter(([name]) => credentialName.test(name))
  return [...texts.filter((text) => text !== null), ...secretHeaders.map(([, value]) => value)]
}

/** Names of headers that hold credentials. The values of others are ordinary words, such as a region. */
const credentialName = /auth|key|token|secret|cookie|passw|credential/i

/** One line for people: `PORT is "80a", allowed is a whole number from 0 to 65535.` */
export function describeProblem({ variable, came, allowed }: Problem): string {
  return `${variable} is ${came}, allowed is ${allowed}.`
}

/** Settings that are allowed and yet can hardly be meant together, one sentence each. */
export function settingWarnings(settings: Settings): readonly string[] {
  const { sessionIdleMs, sessionExpiryMs, cleanupIntervalMs, messageCharactersMax, bodyBytesMax } = settings
  const { llmProvider, llmFallback, turnMs, warmUpMs } = settings
  const warnings: readonly (readonly [boolean, string])[] = [
    [
      sessionIdleMs >= sessionExpiryMs,
      'MAYA_SESSION_IDLE_SECONDS is not below MAYA_SESSION_EXPIRY_SECONDS: sessions expire before they may be hibernated.',
    ],
    [
      cleanupIntervalMs > sessionExpiryMs,
      'MAYA_CLEANUP_INTERVAL_SECONDS is above MAYA_SESSION_EXPIRY_SECONDS: expired sessions keep their place until the next sweep.',
    ],
    [
      settings.eventLoopDelayMs > 0 && settings.eventLoopDelayMs < 20,
      'MAYA_EVENT_LOOP_DELAY_MS is below 20: a busy host is as late, and guests are refused while nothing is to do.',
    ],
    [
      messageCharactersMax * utf8BytesMax > bodyBytesMax,
      `MAYA_BODY_BYTES_MAX is below ${utf8BytesMax} x MAYA_MESSAGE_CHARACTERS_MAX: a message of allowed length can be too large a body.`,
    ],
    [
      settings.turnTokensMax > 0 &&
        settings.turnTokensMax < settings.promptTokensMax + settings.outputTokensMax,
      'MAYA_TURN_TOKENS is below MAYA_PROMPT_TOKENS + MAX_OUTPUT_TOKENS: a long conversation may get no answer.',
    ],
    [
      (settings.llmInputPrice === null) !== (settings.llmOutputPrice === null),
      'Only one of MAYA_LLM_INPUT_PRICE and MAYA_LLM_OUTPUT_PRICE is set: the other tokens are counted as free.',
    ],
    [
      settings.traceContent === 'on' && settings.otlpEndpoint === null,
      'MAYA_TRACE_CONTENT is on without OTEL_EXPORTER_OTLP_ENDPOINT: no traces are made.',
    ],
    [
      settings.traceContent === 'on' && settings.otlpEndpoint !== null,
      'MAYA_TRACE_CONTENT is on: what guests say is sent to the receiver of the traces.',
    ],
    [
      settings.masterKeyPrevious !== null && settings.masterKey === null,
      'MAYA_MASTER_KEY_PREVIOUS is set without MAYA_MASTER_KEY.',
    ],
    [
      settings.masterKey !== null && settings.masterKeyPrevious?.equals(settings.masterKey) === true,
      'MAYA_MASTER_KEY_PREVIOUS is the same key as MAYA_MASTER_KEY.',
    ],
    [
      llmProvider === 'gemini' && settings.geminiKey === null && settings.vertexProject === null,
      'MAYA_LLM_PROVIDER is gemini without GEMINI_API_KEY and GEMINI_VERTEX_PROJECT: only guests with a key of their own get answers.',
    ],
    [
      settings.voiceProvider === 'cartesia' && settings.cartesiaKey === null,
      'MAYA_VOICE_PROVIDER is cartesia without CARTESIA_API_KEY: only guests with a key of their own hear a voice.',
    ],
    [
      llmFallback !== null && llmFallback === llmProvider,
      'MAYA_LLM_FALLBACK is the same as MAYA_LLM_PROVIDER: what fails there fails here too.',
    ],
    [
      (llmProvider === 'openai' || llmFallback === 'openai') && warmUpMs >= turnMs,
      'MAYA_WARMUP_SECONDS is not below MAYA_TURN_SECONDS: a turn ends before a starting server is waited for.',
    ],
    [
      llmProvider !== 'house' && settings.firstByteMs >= turnMs,
      'MAYA_MODEL_FIRST_SECONDS is not below MAYA_TURN_SECONDS: a turn ends before a silent model is given up.',
    ],
  ]
  return warnings.filter(([applies]) => applies).map(([, sentence]) => sentence)
}

/** The most bytes that one character of a message takes in a body. */
const utf8BytesMax = 4

export interface Capacity {
  readonly sessionsMax: number
  readonly sessionMemoryBytes: number
  /** The container's limit; null where none is known, so that only the number of sessions counts. */
  readonly limitBytes: number | null
  readonly threshold: number
  /** What the container uses before the first session. */
  readonly usageBytes: number
}

/** Says that the settings promise more sessions than the memory holds, and how many it does hold. */
export function capacityWarning(capacity: Capacity): string | null {
  const { sessionsMax, sessionMemoryBytes, limitBytes, threshold, usageBytes } = capacity
  if (limitBytes === null) return null
  const roomBytes = limitBytes * threshold - usageBytes
  const sessionsThatFit = Math.max(0, Math.floor(roomBytes / sessionMemoryBytes))
  if (sessionsThatFit >= sessionsMax) return null
  return (
    `${sessionsMax} sessions of ${inMb(sessionMemoryBytes)} MB do not fit in ${inMb(limitBytes)} MB ` +
    `at a threshold of ${threshold} with ${inMb(usageBytes)} MB in use: ${sessionsThatFit} do. ` +
    'Change MAYA_SESSIONS_PER_CONTAINER, MAYA_DEFAULT_SESSION_MEMORY_MB or the memory of the container.'
  )
}

function inMb(bytes: number): number {
  return Math.round(bytes / 1024 / 1024)
}

interface Setting<Value> {
  readonly variable: string
  readonly fallback: string
  readonly unset: Value
  readonly kind: Kind<Value>
}

function setting<Value>(variable: string, fallback: string, kind: Kind<Value>): Setting<Value> {
  const unset = kind.parse(fallback)
  if (unset === undefined) throw new Error(`The default of ${variable} is not allowed.`)
  return { variable, fallback, unset, kind }
}

function optional<Value>(variable: string, kind: Kind<Value>): Setting<Value | null> {
  return { variable, fallback: '', unset: null, kind }
}
