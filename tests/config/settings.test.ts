import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  capacityWarning,
  describeProblem,
  readSettings,
  secretsIn,
  settingNames,
  settingWarnings,
  type Settings,
} from '../../src/config/settings.ts'
import { problemsOf, settingsOf, type Environment } from './reading.ts'

const keyBytes = Buffer.from(Array.from({ length: 32 }, (_, index) => 255 - index * 3))
const mb = 1024 * 1024

/** Any text at all: also control characters and halves of characters. */
const anyText = fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units))

it('takes for secrets what is one, and no header that only says who or where', () => {
  const openaiHeaders = {
    'x-region': 'europe-west',
    'x-team': 'the whole bar',
    authorization: 'Basic YTpi',
    'x-goog-api-key': 'one',
    'X-Gateway-Token': 'two',
    'client-secret': 'three',
    'proxy-auth': 'four',
    Cookie: 'five',
  }
  const environment = { OPENAI_API_KEY: 'six', MAYA_STORE_URL: 'redis://me:se%3Aven@cache' }
  const otlpHeaders = { authorization: 'Bearer eight', 'x-scope-orgid': 'bar' }
  const settings = { ...settingsOf(environment), openaiHeaders, otlpHeaders }
  const inHeaders = ['Basic YTpi', 'one', 'two', 'three', 'four', 'five', 'Bearer eight']
  expect(secretsIn(settings)).toEqual(['six', 'se:ven', ...inHeaders])
})

it('has a default for everything', () => {
  expect(settingsOf({})).toEqual({
    host: '0.0.0.0',
    port: 8000,
    sessionsMax: 50,
    sessionMemoryBytes: 50 * mb,
    memoryThreshold: 0.8,
    eventLoopDelayMs: 150,
    sessionExpiryMs: 3_600_000,
    cleanupIntervalMs: 300_000,
    sessionIdleMs: 60_000,
    memoryLimitBytes: null,
    containersMax: null,
    store: { kind: 'sqlite', file: 'data/maya.db' },
    masterKey: null,
    masterKeyPrevious: null,
    llmProvider: 'auto',
    llmInputPrice: null,
    llmOutputPrice: null,
    housePaceMs: 30,
    llmFallback: null,
    firstByteMs: 30_000,
    temperature: null,
    outputTokensMax: 2048,
    promptTokensMax: 16_000,
    geminiKey: null,
    geminiModel: 'gemini-3.5-flash-lite',
    geminiThinking: 'minimal',
    geminiBaseUrl: null,
    vertexProject: null,
    vertexLocation: 'global',
    openaiBaseUrl: null,
    openaiKey: null,
    openaiModel: null,
    openaiHeaders: {},
    modalEndpointUrl: null,
    modalProxyKey: null,
    modalProxySecret: null,
    warmUpMs: 90_000,
    cartesiaKey: null,
    cartesiaBaseUrl: 'https://api.cartesia.ai',
    cartesiaModel: 'sonic-3',
    cartesiaVoice: 'f786b574-daa5-4673-aa0c-cbe3e8534c02',
    cartesiaListeningModel: 'ink-2',
    cartesiaConcurrency: 2,
    voiceProvider: 'auto',
    embeddedVoice: 'slt',
    apiKeys: [],
    sessionRateLimit: 10,
    burstLimit: 5,
    workspaceRateLimit: 0,
    addressRateLimit: 0,
    appRateLimit: 100,
    turnTokensMax: 100_000,
    sessionTokensMax: 0,
    sessionToolCallsMax: 0,
    workspaceDailyTokensMax: 0,
    guardOnError: 'closed',
    trustedProxies: [],
    turnOverlap: 'queue',
    turnsQueuedMax: 4,
    turnMs: 120_000,
    shutdownMs: 25_000,
    bodyBytesMax: 65_536,
    messageCharactersMax: 4000,
    corsOrigins: [],
    metricsToken: null,
    logLevel: 'info',
    logFormat: 'auto',
    otlpEndpoint: null,
    otlpHeaders: {},
    otlpServiceName: 'maya',
    tracesSampledPart: 1,
    traceContent: 'off',
  } satisfies Settings)
})

it.each(settingNames)('takes an empty %s for an unset one', (name) => {
  expect(settingsOf({ [name]: '' })).toEqual(settingsOf({}))
  expect(settingsOf({ [name]: ' \t\n' })).toEqual(settingsOf({}))
})

const secretNames = [
  'MAYA_MASTER_KEY',
  'MAYA_MASTER_KEY_PREVIOUS',
  'MAYA_METRICS_TOKEN',
  'MAYA_API_KEYS',
  'GEMINI_API_KEY',
  'OPENAI_API_KEY',
  'OPENAI_HEADERS',
  'MODAL_PROXY_KEY',
  'MODAL_PROXY_SECRET',
  'CARTESIA_API_KEY',
  'OTEL_EXPORTER_OTLP_HEADERS',
]
const base64 = keyBytes.toString('base64')
const base64url = keyBytes.toString('base64url')

describe('problems', () => {
  it('come all at once, in the order of the table', () => {
    const environment = { MAYA_LOG_LEVEL: 'loud', PORT: '80a', MAYA_TURN_QUEUE: '4', MAYA_STORE_URL: 'disk' }
    expect(problemsOf(environment).map(({ variable }) => variable)).toEqual([
      'PORT',
      'MAYA_STORE_URL',
      'MAYA_LOG_LEVEL',
    ])
    const everythingBad = Object.fromEntries(settingNames.map((name) => [name, '? ?']))
    expect(problemsOf(everythingBad).map(({ variable }) => variable)).toEqual(settingNames)
  })

  it.each<[Environment, readonly string[]]>([
    [{ MAYA_LLM_PROVIDER: 'openai' }, ['OPENAI_BASE_URL']],
    [{ MAYA_LLM_PROVIDER: 'openai', OPENAI_BASE_URL: 'http://a' }, []],
    [{ MAYA_LLM_PROVIDER: 'openai', MODAL_ENDPOINT_URL: 'http://a' }, []],
    [{ MAYA_LLM_FALLBACK: 'openai' }, ['OPENAI_BASE_URL']],
    [{ MAYA_LLM_FALLBACK: 'openai', MAYA_LLM_PROVIDER: 'openai' }, ['OPENAI_BASE_URL']],
    [{ MAYA_LLM_FALLBACK: 'openai', MODAL_ENDPOINT_URL: 'http://a' }, []],
    [{ MAYA_LLM_FALLBACK: 'gemini' }, ['GEMINI_API_KEY']],
    [{ MAYA_LLM_FALLBACK: 'gemini', GEMINI_API_KEY: 'AIza-0123' }, []],
    [{ MAYA_LLM_FALLBACK: 'gemini', GEMINI_VERTEX_PROJECT: 'bar' }, []],
    [{ MAYA_LLM_PROVIDER: 'gemini' }, []],
    [{ MODAL_PROXY_KEY: 'wk-1' }, ['MODAL_PROXY_SECRET']],
    [{ MODAL_PROXY_SECRET: 'ws-1' }, ['MODAL_PROXY_KEY']],
    [{ MODAL_PROXY_KEY: 'wk-1', MODAL_PROXY_SECRET: 'ws-1' }, []],
    // What came and is wrong is said once, and is not missing.
    [{ MAYA_LLM_PROVIDER: 'openai', OPENAI_BASE_URL: 'nowhere' }, ['OPENAI_BASE_URL']],
    [{ MODAL_PROXY_KEY: 'a b' }, ['MODAL_PROXY_KEY', 'MODAL_PROXY_SECRET']],
    [
      { MAYA_LLM_PROVIDER: 'openai', MAYA_LLM_FALLBACK: 'gemini', MODAL_PROXY_KEY: 'wk-1', PORT: 'x' },
      ['PORT', 'OPENAI_BASE_URL', 'GEMINI_API_KEY', 'MODAL_PROXY_SECRET'],
    ],
  ])('say what other settings make necessary: %j', (environment, missing) => {
    expect(problemsOf(environment).map(({ variable }) => variable)).toEqual(missing)
  })

  it('say why a setting is necessary', () => {
    expect(problemsOf({ MAYA_LLM_FALLBACK: 'openai', MODAL_PROXY_KEY: 'wk-1' }).map(describeProblem)).toEqual(
      [
        'OPENAI_BASE_URL is not set, allowed is an address that begins with http:// or https://, without credentials, query ' +
          'and fragment, because MAYA_LLM_FALLBACK is openai and MODAL_ENDPOINT_URL is not set either.',
        'MODAL_PROXY_SECRET is not set, allowed is 1 to 512 characters, all of them ASCII and none a blank, ' +
          'because MODAL_PROXY_KEY is set.',
      ],
    )
  })

  it('name the variable, what came and what is allowed', () => {
    expect(problemsOf({ PORT: '80a' }).map(describeProblem)).toEqual([
      'PORT is "80a", allowed is a whole number from 0 to 65535.',
    ])
    expect(problemsOf({ MAYA_TURN_OVERLAP: 'drop\n' }).map(describeProblem)).toEqual([
      'MAYA_TURN_OVERLAP is "drop", allowed is one of queue, reject, interrupt.',
    ])
  })

  it('show a long value only in part, and on one line', () => {
    const [problem] = problemsOf({ HOST: `a\nb${'c'.repeat(5000)}` })
    expect(problem?.came).toMatch(/^"a\\nbc+"\.\.\.$/)
    expect(problem?.came.length).toBeLessThan(100)
  })

  it.each(secretNames)('never show a value of %s', (name) => {
    const secret = 'hunter2 hunter2'
    const [problem] = problemsOf({ [name]: secret })
    expect(problem?.came).toBe('a text of 15 characters (not shown)')
    expect(JSON.stringify(problem)).not.toContain('hunter2')
  })

  it.each([
    ['MAYA_STORE_URL', 'redis://me:hunter2@cache:6379/x'],
    ['MAYA_STORE_URL', 'redis:me:hunter2@cache'],
    ['MAYA_STORE_URL', 'rediss://cache?password=hunter2'],
    ['MAYA_CORS_ORIGINS', 'https://a.example,https://me:hunter2@b.example'],
    ['HOST', 'http://me:hunter2/x@y@host'],
    ['OPENAI_BASE_URL', 'https://me:hunter2@llm.example'],
    ['GEMINI_BASE_URL', 'https://llm.example/v1?key=hunter2'],
  ])('never show the credentials in %s=%s', (name, text) => {
    expect(problemsOf({ [name]: text })).toHaveLength(1)
    expect(JSON.stringify(problemsOf({ [name]: text }))).not.toContain('hunter2')
  })
})

it('reads any environment without throwing', () => {
  const text = fc.oneof(anyText, fc.base64String(), fc.integer().map(String))
  const environment = fc.dictionary(fc.oneof(fc.constantFrom(...settingNames), fc.string()), text)
  fc.assert(
    fc.property(environment, (candidate) => {
      const result = readSettings(candidate)
      const sentences = result.ok ? settingWarnings(result.settings) : result.problems.map(describeProblem)
      expect(sentences.filter((sentence) => /[\n\r]/.test(sentence))).toEqual([])
    }),
  )
})

it('never shows a secret, whatever it is', () => {
  fc.assert(
    fc.property(anyText, (secret) => {
      const problems = problemsOf(Object.fromEntries(secretNames.map((name) => [name, secret])))
      const shown = new Set(problems.map(({ came }) => came.replace(/\d+/, 'N')))
      expect([[], ['a text of N characters (not shown)']]).toContainEqual([...shown])
    }),
  )
})

describe('warnings', () => {
  it('are none for the defaults, nor for what does not matter', () => {
    expect(settingWarnings(settingsOf({}))).toEqual([])
    expect(settingWarnings(settingsOf({ MAYA_WARMUP_SECONDS: '3600' }))).toEqual([])
    expect(settingWarnings(settingsOf({ MAYA_TURN_TOKENS: '0' }))).toEqual([])
    expect(settingWarnings(settingsOf({ MAYA_MODEL_FIRST_SECONDS: '119' }))).toEqual([])
    expect(settingWarnings(settingsOf({ MAYA_LLM_PROVIDER: 'house', MAYA_TURN_SECONDS: '30' }))).toEqual([])
    expect(
      settingWarnings(settingsOf({ MAYA_LLM_INPUT_PRICE: '0.3', MAYA_LLM_OUTPUT_PRICE: '2.5' })),
    ).toEqual([])
    expect(settingWarnings(settingsOf({ MAYA_TURN_TOKENS: '18048' }))).toEqual([])
    expect(settingWarnings(settingsOf({ MAYA_LLM_PROVIDER: 'gemini', GEMINI_API_KEY: 'AIza-0123' }))).toEqual(
      [],
    )
    expect(
      settingWarnings(settingsOf({ MAYA_LLM_PROVIDER: 'gemini', GEMINI_VERTEX_PROJECT: 'bar' })),
    ).toEqual([])
  })

  it('say that a loop without work can be later than the bound', () => {
    expect(settingWarnings(settingsOf({ MAYA_EVENT_LOOP_DELAY_MS: '19' }))).toEqual([
      'MAYA_EVENT_LOOP_DELAY_MS is below 20: a busy host is as late, and guests are refused while nothing is to do.',
    ])
    expect(settingWarnings(settingsOf({ MAYA_EVENT_LOOP_DELAY_MS: '20' }))).toEqual([])
    expect(settingWarnings(settingsOf({ MAYA_EVENT_LOOP_DELAY_MS: '0' }))).toEqual([])
  })

  it('say where what is said would go, and that it goes nowhere', () => {
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://tempo:4318' }
    expect(settingWarnings(settingsOf(endpoint))).toEqual([])
    expect(settingWarnings(settingsOf({ ...endpoint, MAYA_TRACE_CONTENT: 'on' }))).toEqual([
      'MAYA_TRACE_CONTENT is on: what guests say is sent to the receiver of the traces.',
    ])
    expect(settingWarnings(settingsOf({ MAYA_TRACE_CONTENT: 'on' }))).toEqual([
      'MAYA_TRACE_CONTENT is on without OTEL_EXPORTER_OTLP_ENDPOINT: no traces are made.',
    ])
  })

  it.each<[Environment, RegExp]>([
    [{ MAYA_SESSION_IDLE_SECONDS: '3600' }, /expire before they may be hibernated/],
    [{ MAYA_SESSION_EXPIRY_SECONDS: '299' }, /until the next sweep/],
    [{ MAYA_MESSAGE_CHARACTERS_MAX: '16385' }, /too large a body/],
    [{ MAYA_TURN_TOKENS: '18047' }, /a long conversation may get no answer/],
    [{ MAYA_LLM_INPUT_PRICE: '0.3' }, /the other tokens are counted as free/],
    [{ MAYA_LLM_OUTPUT_PRICE: '0' }, /the other tokens are counted as free/],
    [{ MAYA_MASTER_KEY_PREVIOUS: base64 }, /without MAYA_MASTER_KEY/],
    [{ MAYA_MASTER_KEY: base64, MAYA_MASTER_KEY_PREVIOUS: base64url }, /the same key/],
    [{ MAYA_LLM_PROVIDER: 'gemini' }, /only guests with a key of their own/],
    [{ MAYA_VOICE_PROVIDER: 'cartesia' }, /only guests with a key of their own hear a voice/],
    [{ MAYA_LLM_PROVIDER: 'house', MAYA_LLM_FALLBACK: 'house' }, /what fails there fails here too/],
    [
      { MAYA_LLM_PROVIDER: 'openai', OPENAI_BASE_URL: 'http://a', MAYA_TURN_SECONDS: '90' },
      /a turn ends before a starting server is waited for/,
    ],
    [
      { MAYA_LLM_FALLBACK: 'openai', OPENAI_BASE_URL: 'http://a', MAYA_WARMUP_SECONDS: '120' },
      /a turn ends before a starting server is waited for/,
    ],
    [{ MAYA_MODEL_FIRST_SECONDS: '120' }, /a turn ends before a silent model is given up/],
    [
      { MAYA_MODEL_FIRST_SECONDS: '60', MAYA_TURN_SECONDS: '60' },
      /a turn ends before a silent model is given up/,
    ],
  ])('%j', (environment, expected) => {
    const warnings = settingWarnings(settingsOf(environment))
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(expected)
    expect(warnings[0]).not.toContain(base64)
  })
})

describe('the capacity warning', () => {
  const promised = {
    sessionsMax: 100,
    sessionMemoryBytes: 75 * mb,
    limitBytes: 8192 * mb,
    threshold: 0.75,
    usageBytes: 0,
  }

  it('names the number of sessions that fits', () => {
    expect(capacityWarning(promised)).toBe(
      '100 sessions of 75 MB do not fit in 8192 MB at a threshold of 0.75 with 0 MB in use: 81 do. ' +
        'Change MAYA_SESSIONS_PER_CONTAINER, MAYA_DEFAULT_SESSION_MEMORY_MB or the memory of the container.',
    )
    expect(capacityWarning({ ...promised, usageBytes: 144 * mb })).toContain(': 80 do.')
    expect(capacityWarning({ ...promised, usageBytes: 8000 * mb })).toContain(': 0 do.')
  })

  it('is silent when everything fits, or when no limit is known', () => {
    expect(capacityWarning({ ...promised, sessionsMax: 81 })).toBeNull()
    expect(capacityWarning({ ...promised, limitBytes: null })).toBeNull()
  })
})
