import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  capacityWarning,
  describeProblem,
  readSettings,
  settingNames,
  settingWarnings,
  type Problem,
  type Settings,
} from '../../src/config/settings.ts'

type Environment = Record<string, string | undefined>

function settingsOf(environment: Environment): Settings {
  const result = readSettings(environment)
  if (!result.ok) throw new Error(result.problems.map(describeProblem).join('\n'))
  return result.settings
}

function problemsOf(environment: Environment): readonly Problem[] {
  const result = readSettings(environment)
  return result.ok ? [] : result.problems
}

const keyBytes = Buffer.from(Array.from({ length: 32 }, (_, index) => 255 - index * 3))
const mb = 1024 * 1024

/** Any text at all: also control characters and halves of characters. */
const anyText = fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units))

it('has a default for everything', () => {
  expect(settingsOf({})).toEqual({
    host: '0.0.0.0',
    port: 8000,
    sessionsMax: 50,
    sessionMemoryBytes: 50 * mb,
    memoryThreshold: 0.8,
    sessionExpiryMs: 3_600_000,
    cleanupIntervalMs: 300_000,
    sessionIdleMs: 60_000,
    memoryLimitBytes: null,
    containersMax: null,
    store: { kind: 'sqlite', file: 'data/maya.db' },
    masterKey: null,
    masterKeyPrevious: null,
    llmProvider: 'auto',
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
  } satisfies Settings)
})

it.each(settingNames)('takes an empty %s for an unset one', (name) => {
  expect(settingsOf({ [name]: '' })).toEqual(settingsOf({}))
  expect(settingsOf({ [name]: ' \t\n' })).toEqual(settingsOf({}))
})

const base64 = keyBytes.toString('base64')
const base64url = keyBytes.toString('base64url')

describe('takes', () => {
  it.each<[string, string, Partial<Settings>]>([
    ['HOST', '127.0.0.1', { host: '127.0.0.1' }],
    ['HOST', '::', { host: '::' }],
    ['HOST', 'localhost', { host: 'localhost' }],
    ['PORT', '0', { port: 0 }],
    ['PORT', '65535', { port: 65_535 }],
    ['PORT', ' 80\n', { port: 80 }],
    ['MAYA_SESSIONS_PER_CONTAINER', '1', { sessionsMax: 1 }],
    ['MAYA_SESSIONS_PER_CONTAINER', '100000', { sessionsMax: 100_000 }],
    ['MAYA_DEFAULT_SESSION_MEMORY_MB', '75', { sessionMemoryBytes: 75 * mb }],
    ['MAYA_CONTAINER_MEMORY_THRESHOLD', '0.1', { memoryThreshold: 0.1 }],
    ['MAYA_CONTAINER_MEMORY_THRESHOLD', '0.95', { memoryThreshold: 0.95 }],
    ['MAYA_SESSION_EXPIRY_SECONDS', '1', { sessionExpiryMs: 1000 }],
    ['MAYA_CLEANUP_INTERVAL_SECONDS', '5', { cleanupIntervalMs: 5000 }],
    ['MAYA_SESSION_IDLE_SECONDS', '2', { sessionIdleMs: 2000 }],
    ['MODAL_MEMORY_MB', '8192', { memoryLimitBytes: 8192 * mb }],
    ['MODAL_MAX_CONTAINERS', '5', { containersMax: 5 }],
    ['MAYA_STORE_URL', 'memory:', { store: { kind: 'memory' } }],
    ['MAYA_STORE_URL', 'sqlite:/var/lib/maya.db', { store: { kind: 'sqlite', file: '/var/lib/maya.db' } }],
    ['MAYA_STORE_URL', 'sqlite:./a b.db', { store: { kind: 'sqlite', file: './a b.db' } }],
    ['MAYA_MASTER_KEY', base64, { masterKey: keyBytes }],
    ['MAYA_MASTER_KEY', base64.slice(0, -1), { masterKey: keyBytes }],
    ['MAYA_MASTER_KEY', base64url, { masterKey: keyBytes }],
    ['MAYA_MASTER_KEY', `${base64url}=`, { masterKey: keyBytes }],
    ['MAYA_MASTER_KEY_PREVIOUS', base64, { masterKeyPrevious: keyBytes }],
    ['MAYA_LLM_PROVIDER', 'house', { llmProvider: 'house' }],
    ['MAYA_HOUSE_PACE_MS', '0', { housePaceMs: 0 }],
    ['MAYA_TURN_OVERLAP', 'interrupt', { turnOverlap: 'interrupt' }],
    ['MAYA_TURN_QUEUE', '0', { turnsQueuedMax: 0 }],
    ['MAYA_TURN_QUEUE', '100', { turnsQueuedMax: 100 }],
    ['MAYA_TURN_SECONDS', '5', { turnMs: 5000 }],
    ['MAYA_SHUTDOWN_SECONDS', '3', { shutdownMs: 3000 }],
    ['MAYA_BODY_BYTES_MAX', '1024', { bodyBytesMax: 1024 }],
    ['MAYA_MESSAGE_CHARACTERS_MAX', '10', { messageCharactersMax: 10 }],
    ['MAYA_CORS_ORIGINS', 'https://bar.example', { corsOrigins: ['https://bar.example'] }],
    [
      'MAYA_CORS_ORIGINS',
      'https://A.example:443, http://localhost:5173,https://a.example',
      { corsOrigins: ['https://a.example', 'http://localhost:5173'] },
    ],
    ['MAYA_METRICS_TOKEN', '0123456789abcdef', { metricsToken: '0123456789abcdef' }],
    ['MAYA_LOG_LEVEL', 'WARN', { logLevel: 'warn' }],
    ['MAYA_LOG_LEVEL', 'Silent', { logLevel: 'silent' }],
  ])('%s=%j', (name, text, expected) => {
    expect(settingsOf({ [name]: text })).toEqual({ ...settingsOf({}), ...expected })
  })
})

describe('refuses', () => {
  const wholeNumbers = settingNames.filter((name) =>
    problemsOf({ [name]: '?' })[0]?.allowed.startsWith('a whole number'),
  )
  const noWholeNumber = [
    '-1',
    '+5',
    '5.0',
    '1e3',
    '0x10',
    '1_000',
    '05',
    '5s',
    '5 0',
    '٣',
    'NaN',
    '9'.repeat(400),
  ]

  it.each(wholeNumbers)('everything but plain digits as %s', (name) => {
    for (const text of noWholeNumber) expect(problemsOf({ [name]: text })).toMatchObject([{ variable: name }])
  })

  it.each<[string, readonly string[]]>([
    ['HOST', ['a b', 'http://x', 'x:80', '[::]', '.', 'a'.repeat(254)]],
    ['PORT', ['65536']],
    ['MAYA_SESSIONS_PER_CONTAINER', ['0', '100001']],
    ['MAYA_DEFAULT_SESSION_MEMORY_MB', ['0', '65537']],
    [
      'MAYA_CONTAINER_MEMORY_THRESHOLD',
      ['0', '0.09', '0.951', '1', '80', '80%', '.8', '0,8', '8e-1', '-0.8'],
    ],
    ['MAYA_SESSION_EXPIRY_SECONDS', ['0']],
    ['MAYA_CLEANUP_INTERVAL_SECONDS', ['0', '86401']],
    ['MAYA_SESSION_IDLE_SECONDS', ['0']],
    ['MODAL_MEMORY_MB', ['0']],
    ['MODAL_MAX_CONTAINERS', ['0']],
    [
      'MAYA_STORE_URL',
      ['memory', 'memory:x', 'sqlite:', 'sqlite://data/x', 'sqlite::memory:', 'sqlite:file:x', 'sqlite:x/'],
    ],
    ['MAYA_STORE_URL', ['redis://localhost', 'postgres://localhost', 'data/maya.db', 'SQLITE:x']],
    ['MAYA_MASTER_KEY', ['short', 'x'.repeat(32), `${base64},${base64}`, base64.slice(1), `${base64}=`]],
    ['MAYA_MASTER_KEY', [randomBytes(31), randomBytes(33)].map((bytes) => bytes.toString('base64'))],
    ['MAYA_MASTER_KEY_PREVIOUS', [keyBytes.toString('hex')]],
    ['MAYA_LLM_PROVIDER', ['claude', 'none']],
    ['MAYA_TURN_OVERLAP', ['drop', 'queue,reject']],
    ['MAYA_TURN_QUEUE', ['101']],
    ['MAYA_TURN_SECONDS', ['0', '3601']],
    ['MAYA_SHUTDOWN_SECONDS', ['0']],
    ['MAYA_BODY_BYTES_MAX', ['1023', '16777217']],
    ['MAYA_MESSAGE_CHARACTERS_MAX', ['0']],
    ['MAYA_CORS_ORIGINS', ['*', 'null', 'bar.example', 'https://*.bar.example', 'https://bar.example/']],
    [
      'MAYA_CORS_ORIGINS',
      ['https://a.example,', ',', 'ftp://a.example', 'https://me@a.example', 'https://a:99999'],
    ],
    ['MAYA_METRICS_TOKEN', ['a'.repeat(15), 'a'.repeat(513), 'sixteen chars or', 'ünïcödé-ünïcödé-']],
    ['MAYA_LOG_LEVEL', ['verbose', '30']],
  ])('%s=%j', (name, texts) => {
    for (const text of texts)
      expect({ text, ...problemsOf({ [name]: text })[0] }).toMatchObject({ text, variable: name })
  })
})

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

  it.each(['MAYA_MASTER_KEY', 'MAYA_MASTER_KEY_PREVIOUS', 'MAYA_METRICS_TOKEN'])(
    'never show a value of %s',
    (name) => {
      const secret = 'hunter2 hunter2'
      const [problem] = problemsOf({ [name]: secret })
      expect(problem?.came).toBe('a text of 15 characters (not shown)')
      expect(JSON.stringify(problem)).not.toContain('hunter2')
    },
  )

  it.each([
    ['MAYA_STORE_URL', 'redis://me:hunter2@cache:6379'],
    ['MAYA_STORE_URL', 'rediss://cache?password=hunter2'],
    ['MAYA_CORS_ORIGINS', 'https://a.example,https://me:hunter2@b.example'],
    ['HOST', 'http://me:hunter2/x@y@host'],
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
  const secretNames = ['MAYA_MASTER_KEY', 'MAYA_MASTER_KEY_PREVIOUS', 'MAYA_METRICS_TOKEN']
  fc.assert(
    fc.property(anyText, (secret) => {
      const problems = problemsOf(Object.fromEntries(secretNames.map((name) => [name, secret])))
      const shown = new Set(problems.map(({ came }) => came.replace(/\d+/, 'N')))
      expect([[], ['a text of N characters (not shown)']]).toContainEqual([...shown])
    }),
  )
})

describe('warnings', () => {
  it('are none for the defaults', () => {
    expect(settingWarnings(settingsOf({}))).toEqual([])
  })

  it.each<[Environment, RegExp]>([
    [{ MAYA_SESSION_IDLE_SECONDS: '3600' }, /expire before they may be hibernated/],
    [{ MAYA_SESSION_EXPIRY_SECONDS: '299' }, /until the next sweep/],
    [{ MAYA_MESSAGE_CHARACTERS_MAX: '16385' }, /too large a body/],
    [{ MAYA_MASTER_KEY_PREVIOUS: base64 }, /without MAYA_MASTER_KEY/],
    [{ MAYA_MASTER_KEY: base64, MAYA_MASTER_KEY_PREVIOUS: base64url }, /the same key/],
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
