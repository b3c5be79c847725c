import { createHash, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { settingNames, type Settings } from '../../src/config/settings.ts'
import { problemsOf, settingsOf } from './reading.ts'

const keyBytes = Buffer.from(Array.from({ length: 32 }, (_, index) => 255 - index * 3))
const mb = 1024 * 1024

const base64 = keyBytes.toString('base64')
const base64url = keyBytes.toString('base64url')

const redis = {
  kind: 'redis',
  isTls: false,
  host: 'localhost',
  port: 6379,
  user: null,
  password: null,
  database: 0,
} as const

const apiKey = 'key-of.some_16~x'
const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

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
    ['MAYA_EVENT_LOOP_DELAY_MS', '0', { eventLoopDelayMs: 0 }],
    ['MAYA_EVENT_LOOP_DELAY_MS', '60000', { eventLoopDelayMs: 60_000 }],
    ['MAYA_SESSION_EXPIRY_SECONDS', '1', { sessionExpiryMs: 1000 }],
    ['MAYA_CLEANUP_INTERVAL_SECONDS', '5', { cleanupIntervalMs: 5000 }],
    ['MAYA_SESSION_IDLE_SECONDS', '2', { sessionIdleMs: 2000 }],
    ['MODAL_MEMORY_MB', '8192', { memoryLimitBytes: 8192 * mb }],
    ['MODAL_MAX_CONTAINERS', '5', { containersMax: 5 }],
    ['MAYA_STORE_URL', 'memory:', { store: { kind: 'memory' } }],
    ['MAYA_STORE_URL', 'sqlite:/var/lib/maya.db', { store: { kind: 'sqlite', file: '/var/lib/maya.db' } }],
    ['MAYA_STORE_URL', 'sqlite:./a b.db', { store: { kind: 'sqlite', file: './a b.db' } }],
    ['MAYA_STORE_URL', 'redis://localhost', { store: redis }],
    ['MAYA_STORE_URL', 'redis://localhost:6379/', { store: redis }],
    [
      'MAYA_STORE_URL',
      'rediss://10.0.0.1/3',
      { store: { ...redis, isTls: true, host: '10.0.0.1', database: 3 } },
    ],
    ['MAYA_STORE_URL', 'redis://[::1]:70', { store: { ...redis, host: '::1', port: 70 } }],
    ['MAYA_STORE_URL', 'redis://:a:b!@localhost', { store: { ...redis, password: 'a:b!' } }],
    ['MAYA_STORE_URL', 'redis://m%40:%2F%3f@localhost', { store: { ...redis, user: 'm@', password: '/?' } }],
    ['MAYA_MASTER_KEY', base64, { masterKey: keyBytes }],
    ['MAYA_MASTER_KEY', base64.slice(0, -1), { masterKey: keyBytes }],
    ['MAYA_MASTER_KEY', base64url, { masterKey: keyBytes }],
    ['MAYA_MASTER_KEY', `${base64url}=`, { masterKey: keyBytes }],
    ['MAYA_MASTER_KEY_PREVIOUS', base64, { masterKeyPrevious: keyBytes }],
    ['MAYA_LLM_PROVIDER', 'house', { llmProvider: 'house' }],
    ['MAYA_LLM_INPUT_PRICE', '0', { llmInputPrice: 0 }],
    ['MAYA_LLM_INPUT_PRICE', '0.075', { llmInputPrice: 0.075 }],
    ['MAYA_LLM_OUTPUT_PRICE', '10000', { llmOutputPrice: 10_000 }],
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
    ['MAYA_LLM_PROVIDER', 'Gemini', { llmProvider: 'gemini' }],
    ['MAYA_LLM_FALLBACK', 'house', { llmFallback: 'house' }],
    ['MAYA_MODEL_FIRST_SECONDS', '5', { firstByteMs: 5000 }],
    ['TEMPERATURE', '0', { temperature: 0 }],
    ['TEMPERATURE', '2', { temperature: 2 }],
    ['TEMPERATURE', '0.7', { temperature: 0.7 }],
    ['MAX_OUTPUT_TOKENS', '16', { outputTokensMax: 16 }],
    ['MAYA_PROMPT_TOKENS', '2000', { promptTokensMax: 2000 }],
    ['GEMINI_API_KEY', 'AIza-Some_Key', { geminiKey: 'AIza-Some_Key' }],
    ['GEMINI_MODEL_VERSION', 'models/gemini-3.5:tuned@1', { geminiModel: 'models/gemini-3.5:tuned@1' }],
    ['GEMINI_THINKING_LEVEL', 'HIGH', { geminiThinking: 'high' }],
    ['GEMINI_BASE_URL', 'http://localhost:9000/v9/', { geminiBaseUrl: 'http://localhost:9000/v9' }],
    ['GEMINI_VERTEX_PROJECT', 'domain.example:bar-1', { vertexProject: 'domain.example:bar-1' }],
    ['GEMINI_VERTEX_LOCATION', 'europe-west4', { vertexLocation: 'europe-west4' }],
    ['OPENAI_BASE_URL', 'https://llm.example/v1', { openaiBaseUrl: 'https://llm.example/v1' }],
    ['OPENAI_API_KEY', 'x', { openaiKey: 'x' }],
    ['OPENAI_MODEL', 'meta-llama/Llama-4', { openaiModel: 'meta-llama/Llama-4' }],
    ['OPENAI_HEADERS', 'X-Team: bar', { openaiHeaders: { 'x-team': 'bar' } }],
    [
      'OPENAI_HEADERS',
      'X-Team:bar two , Authorization: Basic YTpi',
      { openaiHeaders: { 'x-team': 'bar two', authorization: 'Basic YTpi' } },
    ],
    ['MODAL_ENDPOINT_URL', 'https://bar--llm.modal.run/', { modalEndpointUrl: 'https://bar--llm.modal.run' }],
    ['MAYA_WARMUP_SECONDS', '0', { warmUpMs: 0 }],
    ['CARTESIA_API_KEY', 'sk_car_123', { cartesiaKey: 'sk_car_123' }],
    ['CARTESIA_BASE_URL', 'http://127.0.0.1:9/', { cartesiaBaseUrl: 'http://127.0.0.1:9' }],
    [
      'MAYA_API_KEYS',
      `${apiKey}:acme, ${apiKey}~2:acme ,${apiKey}.3:Other_bar-1`,
      {
        apiKeys: [
          { hash: sha256(apiKey), workspace: 'acme' },
          { hash: sha256(`${apiKey}~2`), workspace: 'acme' },
          { hash: sha256(`${apiKey}.3`), workspace: 'Other_bar-1' },
        ],
      },
    ],
    ['MAYA_SESSION_RATE_LIMIT', '0', { sessionRateLimit: 0 }],
    ['MAYA_BURST_LIMIT', '1', { burstLimit: 1 }],
    ['MAYA_WORKSPACE_RATE_LIMIT', '600', { workspaceRateLimit: 600 }],
    ['MAYA_ADDRESS_RATE_LIMIT', '30', { addressRateLimit: 30 }],
    ['MAYA_APP_RATE_LIMIT', '1000000', { appRateLimit: 1_000_000 }],
    ['MAYA_TURN_TOKENS', '0', { turnTokensMax: 0 }],
    ['MAYA_SESSION_TOKENS', '500000', { sessionTokensMax: 500_000 }],
    ['MAYA_SESSION_TOOL_CALLS', '100', { sessionToolCallsMax: 100 }],
    ['MAYA_WORKSPACE_DAILY_TOKENS', '1000000000000', { workspaceDailyTokensMax: 1_000_000_000_000 }],
    ['MAYA_GUARD_ON_ERROR', 'open', { guardOnError: 'open' }],
    ['MAYA_TRUSTED_PROXIES', '127.0.0.1', { trustedProxies: ['127.0.0.1'] }],
    [
      'MAYA_TRUSTED_PROXIES',
      '10.0.0.0/8, ::1,fd00::/8 , 192.0.2.1/32, 2001:db8::/128',
      { trustedProxies: ['10.0.0.0/8', '::1', 'fd00::/8', '192.0.2.1/32', '2001:db8::/128'] },
    ],
    ['MAYA_METRICS_TOKEN', '0123456789abcdef', { metricsToken: '0123456789abcdef' }],
    ['MAYA_LOG_LEVEL', 'WARN', { logLevel: 'warn' }],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://tempo:4318/', { otlpEndpoint: 'http://tempo:4318' }],
    [
      'OTEL_EXPORTER_OTLP_HEADERS',
      'Authorization=Basic%20YTpi==, x-team = bar two,x-list=a%2Cb',
      { otlpHeaders: { authorization: 'Basic YTpi==', 'x-team': 'bar two', 'x-list': 'a,b' } },
    ],
    ['OTEL_SERVICE_NAME', 'the-bar', { otlpServiceName: 'the-bar' }],
    ['OTEL_TRACES_SAMPLER_ARG', '0.25', { tracesSampledPart: 0.25 }],
    ['MAYA_TRACE_CONTENT', 'On', { traceContent: 'on' }],
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
    ['MAYA_EVENT_LOOP_DELAY_MS', ['60001']],
    ['MAYA_LLM_INPUT_PRICE', ['NaN', '-1', '10000.1', 'Infinity', '1e3', '0,3', '$1', '9'.repeat(400)]],
    ['MAYA_LLM_OUTPUT_PRICE', ['NaN', 'free', '.5']],
    ['MAYA_SESSION_EXPIRY_SECONDS', ['0']],
    ['MAYA_CLEANUP_INTERVAL_SECONDS', ['0', '86401']],
    ['MAYA_SESSION_IDLE_SECONDS', ['0']],
    ['MODAL_MEMORY_MB', ['0']],
    ['MODAL_MAX_CONTAINERS', ['0']],
    [
      'MAYA_STORE_URL',
      ['memory', 'memory:x', 'sqlite:', 'sqlite://data/x', 'sqlite::memory:', 'sqlite:file:x', 'sqlite:x/'],
    ],
    ['MAYA_STORE_URL', ['postgres://localhost', 'data/maya.db', 'SQLITE:x', 'REDIS://a']],
    [
      'MAYA_STORE_URL',
      ['redis:', 'redis://', 'redis:localhost', 'redis:///1', 'redis://a b', 'redis://[localhost]'],
    ],
    [
      'MAYA_STORE_URL',
      ['redis://a:0', 'redis://a:65536', 'redis://a:x', 'redis://a/x', 'redis://a/1/2', 'redis://a?db=1'],
    ],
    [
      'MAYA_STORE_URL',
      ['redis://user@a', 'redis://user:@a', 'redis://:%zz@a', 'redis://:a@b@c', 'redis://:a/b@c'],
    ],
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
    ['MAYA_LLM_FALLBACK', ['auto', 'none', 'gemini,openai']],
    ['MAYA_MODEL_FIRST_SECONDS', ['0', '601']],
    ['TEMPERATURE', ['2.1', '-1', 'hot', '1,5']],
    ['MAX_OUTPUT_TOKENS', ['15', '65537']],
    ['MAYA_PROMPT_TOKENS', ['1999', '1000001']],
    ['GEMINI_API_KEY', ['short', 'with blank', 'a'.repeat(513), 'clé-de-gemini']],
    ['GEMINI_MODEL_VERSION', ['two words', 'a?b', 'a'.repeat(201)]],
    ['GEMINI_THINKING_LEVEL', ['none', '0']],
    ['GEMINI_VERTEX_PROJECT', ['a/b', 'a b', 'a'.repeat(101)]],
    ['GEMINI_VERTEX_LOCATION', ['../x']],
    ...['GEMINI_BASE_URL', 'OPENAI_BASE_URL', 'MODAL_ENDPOINT_URL', 'CARTESIA_BASE_URL'].map(
      (name): [string, readonly string[]] => [
        name,
        [
          'llm.example',
          'ftp://llm.example',
          'https://',
          'https://me:x@a',
          'https://a?b',
          'https://a#b',
          'https://a b',
        ],
      ],
    ),
    ['OPENAI_API_KEY', ['a b', 'ü', 'a'.repeat(513)]],
    ['OPENAI_MODEL', ['gpt 5']],
    [
      'OPENAI_HEADERS',
      [
        'x-team',
        'Host:x',
        'Content-Length:3',
        'x-team:',
        ':bar',
        'x team:bar',
        'a:b,',
        'a:b,,c:d',
        'a:\u0001',
        'a:ü',
      ],
    ],
    ['MODAL_PROXY_KEY', ['a b']],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', ['tempo:4318', 'grpc://tempo:4317', 'http://tempo:4318?key=1']],
    [
      'OTEL_EXPORTER_OTLP_HEADERS',
      [
        'x-team',
        'host=x',
        'x-team=',
        '=bar',
        'x team=bar',
        'a=b,',
        'a=b,,c=d',
        'a=%zz',
        'a=%0a',
        'a=ü',
        'a=%C3%BC',
      ],
    ],
    ['OTEL_SERVICE_NAME', ['the bar']],
    ['OTEL_TRACES_SAMPLER_ARG', ['2', '-1', 'half']],
    ['MAYA_TRACE_CONTENT', ['yes']],
    ['MODAL_PROXY_SECRET', ['a b']],
    ['MAYA_WARMUP_SECONDS', ['3601']],
    ['CARTESIA_API_KEY', ['short']],
    [
      'MAYA_API_KEYS',
      [apiKey, `${apiKey}:`, `:${apiKey}`, `${apiKey}:a:b`, `${apiKey.slice(1)}:a`, `${apiKey}:ä`],
    ],
    ['MAYA_API_KEYS', [`${apiKey}:a,`, ',', `${apiKey}:a,${apiKey}:b`, `${apiKey}:${'a'.repeat(65)}`]],
    [
      'MAYA_API_KEYS',
      [`${apiKey} :a`, `${apiKey}: a`, `${'a'.repeat(201)}:a`, 'key with blanks 123:a', `${apiKey}:*`],
    ],
    ['MAYA_SESSION_RATE_LIMIT', ['1000001']],
    ['MAYA_BURST_LIMIT', ['1000001']],
    ['MAYA_TURN_TOKENS', ['1000000001']],
    ['MAYA_GUARD_ON_ERROR', ['off', 'true']],
    [
      'MAYA_TRUSTED_PROXIES',
      ['*', 'true', 'loopback', 'proxy.example', '10.0.0.0/33', '::/129', '10.0.0.0/0', '::/0'],
    ],
    [
      'MAYA_TRUSTED_PROXIES',
      ['10.0.0.0/', '/8', '10.0.0/8', '10.0.0.1,', '10.0.0.0/08', '10.0.0.0/255.0.0.0', 'fe80::1%eth0'],
    ],
    ['MAYA_METRICS_TOKEN', ['a'.repeat(15), 'a'.repeat(513), 'sixteen chars or', 'ünïcödé-ünïcödé-']],
    ['MAYA_LOG_LEVEL', ['verbose', '30']],
  ])('%s=%j', (name, texts) => {
    for (const text of texts)
      expect({ text, ...problemsOf({ [name]: text })[0] }).toMatchObject({ text, variable: name })
  })
})
