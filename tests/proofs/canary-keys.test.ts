// Every route and every failure with keys and words that nobody may ever read again: see also canary.test.ts.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { LightMyRequestResponse } from 'fastify'
import pino from 'pino'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { limits } from '../../src/config/limits.ts'
import type { Agent } from '../../src/conversation/agent.ts'
import { maya } from '../../src/conversation/agents/maya.ts'
import { ModelError, type ModelErrorCode } from '../../src/llm/model.ts'
import { createGeminiModel } from '../../src/llm/providers/gemini.ts'
import { StoreError } from '../../src/log/store.ts'
import { createGuardRules } from '../../src/security/guard.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { chunk, event, GeminiServer, refusal, type ScriptedAnswer } from '../fakes/gemini-server.ts'
import { newGuest, type Guest } from '../fakes/guest.ts'
import { calls, finish, says, ScriptedModel } from '../fakes/scripted-model.ts'
import { startService, type TestServiceOptions } from '../fakes/test-service.ts'
import { unreliable } from '../log/unreliable-store.ts'
import { temporaryFile } from '../store/temporary-file.ts'

const words = 'Canary-Words of a guest'
const masterKey = Buffer.from('Canary-Master-Key-of-32-bytes!!!')
const keys = {
  GEMINI_API_KEY: `AIza-Canary-Gemini-${'x'.repeat(20)}`,
  OPENAI_API_KEY: 'plain-Canary-OpenAi',
  OPENAI_HEADERS: 'x-gateway-token:Canary-Gateway-Secret',
  MODAL_PROXY_KEY: 'wk-Canary-Modal-Key',
  MODAL_PROXY_SECRET: 'ws-Canary-Modal-Secret',
  CARTESIA_API_KEY: 'sk_car_Canary_Cartesia_Server',
  MAYA_METRICS_TOKEN: 'Canary-Metrics-Token',
  MAYA_API_KEYS: 'Canary-Api-Key-of-acme:acme',
  MAYA_MASTER_KEY: masterKey.toString('base64'),
}
const apiKey = 'Canary-Api-Key-of-acme'
const guestKeys = {
  gemini_key: `AIza-Canary-Guest-${'y'.repeat(21)}`,
  cartesia_key: 'a-Canary-Cartesia-key-without-a-known-look',
}
/** All of them, in every spelling. */
const allKeys: readonly string[] = [
  ...Object.values(keys),
  ...Object.values(guestKeys),
  apiKey,
  'Canary-Gateway-Secret',
  masterKey.toString('base64url'),
  masterKey.toString('hex'),
]
/** What a bad day makes others say: everything. */
const blabbing = `no: ${[words, ...allKeys].join(' | ')}`
/** All that a model could have got to know: of tenants' keys even the server has only hashes. */
const blabbingModel = [
  words,
  keys.GEMINI_API_KEY,
  keys.OPENAI_API_KEY,
  'Canary-Gateway-Secret',
  keys.MODAL_PROXY_SECRET,
  keys.CARTESIA_API_KEY,
  keys.MAYA_METRICS_TOKEN,
  keys.MAYA_MASTER_KEY,
  masterKey.toString('hex'),
  guestKeys.gemini_key,
].join(' | ')

const clumsy: Agent = {
  ...maya,
  tools: [
    ...maya.tools,
    {
      name: 'clumsy',
      description: 'Fails.',
      parameters: {},
      decide() {
        throw new Error(blabbing, { cause: blabbing })
      },
    },
    {
      name: 'slow_and_clumsy',
      description: 'Fails elsewhere.',
      parameters: {},
      work: () => Promise.reject(Object.assign(new Error(blabbing), { code: blabbing })),
    },
  ],
}

/** A server over a real database and a provider that can be told to blab, with all that it says to anybody. */
async function setup(options: TestServiceOptions = {}) {
  const lines: string[] = []
  const logger = pino({ level: 'trace', base: null }, { write: (line) => lines.push(line) })
  const provider = await GeminiServer.start()
  onTestFinished(() => provider.stop())
  const file = temporaryFile('maya.db')
  const { store, faults } = unreliable(await openSqliteStore({ path: file, clock: systemClock }))
  const environment = {
    ...keys,
    GEMINI_BASE_URL: provider.url,
    CARTESIA_BASE_URL: provider.url,
    ...options.environment,
  }
  const model = createGeminiModel({
    credential: { kind: 'key', key: keys.GEMINI_API_KEY, owner: 'server' },
    model: 'gemini-test',
    thinking: 'minimal',
    temperature: null,
    outputTokensMax: 100,
    baseUrl: provider.url,
    clock: systemClock,
    limits,
  })
  onTestFinished(() => model.close())
  const service = await startService({ logger, agents: [clumsy], store, model, ...options, environment })
  const bearer = { authorization: `Bearer ${apiKey}` }
  const answers: LightMyRequestResponse[] = []
  const guestOf = async (): Promise<Guest> => {
    const created = await service.app.inject({ method: 'POST', url: '/api/v1/sessions', headers: bearer })
    expect(created.statusCode).toBe(201)
    const token: string = created.json().session_id
    return keepAnswers(await newGuest(service), { token, answers })
  }
  const read = () => ({
    log: lines.join(''),
    answers: answers.map(({ headers, body }) => `${JSON.stringify(headers)}\n${body}`).join('\n'),
    problems: answers.filter(({ statusCode }) => statusCode >= 400).map(({ body }) => body),
    files: readdirSync(dirname(file)).map((name) => readFileSync(join(dirname(file), name), 'latin1')),
  })
  const metrics = async () => {
    const headers = { authorization: `Bearer ${keys.MAYA_METRICS_TOKEN}` }
    return (await service.app.inject({ url: '/metrics', headers })).body
  }
  return { service, provider, faults, guestOf, answers, read, metrics }
}

type Setup = Awaited<ReturnType<typeof setup>>

/** The same guest, in the session of this token, whose answers are all kept. */
function keepAnswers(
  guest: Guest,
  { token, answers }: { readonly token: string; readonly answers: LightMyRequestResponse[] },
): Guest {
  const kept = async (asked: Promise<LightMyRequestResponse>): Promise<LightMyRequestResponse> => {
    const answer = await asked
    answers.push(answer)
    return answer
  }
  const headers = { 'x-session-id': token }
  return {
    token,
    get: (path, asked) => kept(guest.get(path, { ...asked, headers })),
    post: (path, body, asked) => kept(guest.post(path, body, { ...asked, headers })),
    delete: (path, asked) => kept(guest.delete(path, { ...asked, headers })),
  }
}

const found = (text: string, secrets: readonly string[]) => secrets.filter((secret) => text.includes(secret))

/** No key anywhere, and the guest's words only where they belong: in the guest's own answers and the database. */
async function expectNothingToldOf({ read, metrics }: Setup): Promise<void> {
  const { log, answers, problems, files } = read()
  expect(found(log, [...allKeys, 'Canary']), 'in the log').toEqual([])
  expect(found(await metrics(), [...allKeys, 'Canary']), 'in the metrics').toEqual([])
  expect(found(answers, allKeys), 'in an answer').toEqual([])
  expect(found(problems.join('\n'), ['Canary']), 'in a refusal').toEqual([])
  for (const file of files) expect(found(file, allKeys), 'in the database').toEqual([])
}

async function bringKeys(guest: Guest, provider: GeminiServer): Promise<void> {
  provider.answers({ headers: { 'content-type': 'application/json' }, pieces: ['{"name":"models/x"}'] })
  provider.answers({ headers: { 'content-type': 'application/json' }, pieces: ['{"data":[]}'] })
  const answer = await guest.post('/session/keys', guestKeys)
  expect(answer.statusCode).toBe(200)
}

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: { readonly properties?: object } }>>
  }
}

/** Everything that the server says it can be asked, with words and keys in every place that takes a text. */
async function operationsOf({ service }: Setup) {
  const document = (await service.app.inject('/openapi.json')).json<{
    paths: Record<string, Record<string, Operation>>
  }>()
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [], requestBody }]) => ({
      path,
      method: methodOf(method),
      query: parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name),
      fields: Object.keys(requestBody?.content['application/json']?.schema.properties ?? {}),
      takesBody: requestBody !== undefined,
    })),
  )
}

function methodOf(name: string): 'GET' | 'POST' | 'DELETE' {
  const method = (['GET', 'POST', 'DELETE'] as const).find((known) => known === name.toUpperCase())
  if (method === undefined) throw new Error(`Ask by ${name}, too.`)
  return method
}

/** What takes the guest's keys away comes last, and what ends the session at the very end. */
function lateness({ path, method }: { readonly path: string; readonly method: string }): number {
  return method === 'DELETE' ? 2 : Number(/keys|reset/.test(path))
}

describe('no key of the server or of a guest is told to anybody', () => {
  it('by any route, in whatever place it or the guest’s words come', async () => {
    const parts = await setup()
    const { service, provider, guestOf, answers } = parts
    const guest = await guestOf()
    await bringKeys(guest, provider)
    const operations = await operationsOf(parts)
    expect(operations.length).toBeGreaterThan(18)
    expect(operations.map(({ path }) => path)).toContain('/api/v1/session/keys')
    const said = [words, `${words}: ${Object.values(guestKeys).join(' ')}`, keys.GEMINI_API_KEY, '']
    const ordered = operations.toSorted((one, other) => lateness(one) - lateness(other))
    for (const { path, method, query, fields, takesBody } of ordered) {
      for (const text of said) {
        const search = new URLSearchParams(query.map((name): [string, string] => [name, text]))
        const wrong = {
          authorization: `Bearer ${text || apiKey}`,
          cookie: `maya_session=${encodeURIComponent(text)}`,
        }
        for (const headers of [
          { 'x-session-id': guest.token },
          { ...wrong },
          { 'x-session-id': text || 'x' },
        ]) {
          const bodies = takesBody
            ? [{}, Object.fromEntries(fields.map((field) => [field, text])), { [words]: text }]
            : [undefined]
          for (const payload of bodies) {
            const url = search.size === 0 ? path : `${path}?${search.toString()}`
            const request = { method, url, headers, ...(payload && { payload }) }
            answers.push(await service.app.inject(request))
          }
        }
      }
    }
    expect(answers.filter(({ statusCode }) => statusCode < 400).length).toBeGreaterThan(20)
    expect(answers.filter(({ statusCode }) => statusCode >= 400).length).toBeGreaterThan(100)
    expect(answers.filter(({ statusCode }) => statusCode === 500).map(({ body }) => body)).toEqual([])
    await expectNothingToldOf(parts)
    expect(parts.read().files.join(), 'this is where the words are').toContain('Canary-Words')
  })

  const failures: readonly (readonly [string, ScriptedAnswer])[] = [
    ...[400, 401, 403, 404, 429, 500, 503].map((status) => {
      const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', metadata: { blabbing } }]
      return [`${status}`, { status, pieces: [refusal(status, details, blabbing)] }] as const
    }),
    ['a page', { status: 502, headers: { 'content-type': 'text/html' }, pieces: [`<h1>${blabbing}</h1>`] }],
    ['a secret in its answer', { pieces: [chunk([{ text: `It is ${blabbingModel}` }], 'STOP')] }],
    [
      'a call with secrets',
      {
        pieces: [
          chunk([{ functionCall: { name: 'clumsy', args: { blabbingModel, [blabbingModel]: 1 } } }], 'STOP'),
        ],
      },
    ],
    [
      'a call of a tool that fails',
      { pieces: [chunk([{ functionCall: { name: 'slow_and_clumsy' } }], 'STOP')] },
    ],
    ['an answer that breaks off', { pieces: [chunk([{ text: blabbingModel }])], end: 'reset' }],
    ['no end', { pieces: [chunk([{ text: `Hm. ${keys.GEMINI_API_KEY.slice(0, 30)}` }])] }],
    ['no JSON', { pieces: [`data: {${blabbing}\r\n\r\n`] }],
    ['an error in its stream', { pieces: [event({ error: { code: 400, message: blabbing } })] }],
    [
      'a block',
      { pieces: [event({ promptFeedback: { blockReason: 'SAFETY', blockReasonMessage: blabbing } })] },
    ],
    ['a stop', { pieces: [event({ candidates: [{ finishReason: 'SAFETY', finishMessage: blabbing }] })] }],
    ['nothing', { end: 'drop' }],
  ]

  it.each(failures)('when the provider answers %s', async (_, answer) => {
    const parts = await setup()
    const { provider, guestOf } = parts
    const guest = await guestOf()
    const owner = await guestOf()
    await bringKeys(owner, provider)
    for (const one of [guest, owner]) {
      for (const path of ['/chat', '/chat/stream']) {
        provider.answers(answer)
        const { body } = await one.post(path, { user_input: words })
        expect(found(body, allKeys)).toEqual([])
      }
    }
    provider.answers(answer, answer)
    await guest.post('/session/keys', guestKeys)
    await guest.get('/session/export')
    await owner.get('/chat/history')
    expect(provider.requests.some(({ headers }) => headers['x-goog-api-key'] === keys.GEMINI_API_KEY)).toBe(
      true,
    )
    expect(provider.requests.some(({ headers }) => headers['x-goog-api-key'] === guestKeys.gemini_key)).toBe(
      true,
    )
    await expectNothingToldOf(parts)
  })

  it('when a model fails in any way that there is, or blabs', async () => {
    const codes: readonly ModelErrorCode[] = [
      'MODEL_UNAVAILABLE',
      'MODEL_TIMEOUT',
      'MODEL_TRUNCATED',
      'MODEL_BLOCKED',
      'KEY_REJECTED',
      'KEY_QUOTA',
    ]
    const model = new ScriptedModel()
    const parts = await setup({ model })
    const guest = await parts.guestOf()
    for (const code of codes) {
      const cause = Object.assign(new Error(blabbing, { cause: { prompt: blabbing } }), { body: blabbing })
      model.add(new ModelError(code, 'It does not work.', { retryable: code === 'KEY_QUOTA', cause }))
      await guest.post('/chat/stream', { user_input: words })
    }
    model.add(new Error(blabbing))
    await guest.post('/chat', { user_input: words })
    const pieces = blabbingModel.match(/[\s\S]{1,5}/g) ?? []
    model.add([...pieces.map((text) => ({ type: 'text-delta', text }) as const), finish])
    await guest.post('/chat/stream', { user_input: words })
    model.add(
      calls([blabbingModel, { [blabbingModel]: blabbingModel }], ['clumsy', [blabbingModel]]),
      says(blabbingModel),
    )
    await guest.post('/chat/stream', { user_input: words })
    const call = { callId: keys.GEMINI_API_KEY, name: 'get_menu', arguments: {} }
    model.add([{ type: 'tool-call', call }, finish], says('Here.'))
    await guest.post('/chat/stream', { user_input: words })
    expect(model.requests).toHaveLength(12)
    await guest.get('/session/export')
    await expectNothingToldOf(parts)
  })

  it('when the store, the till or the guard fails', async () => {
    const rules = createGuardRules({ secrets: [], messageCharactersMax: 4000 })
    let isGuardBroken = false
    const model = new ScriptedModel()
    const parts = await setup({
      model,
      payments: { name: 'clumsy', charge: () => Promise.reject(new Error(blabbing)) },
      guardRules: {
        ...rules,
        checkInput: (input, signal) =>
          isGuardBroken ? Promise.reject(new Error(blabbing)) : rules.checkInput(input, signal),
      },
    })
    const { guestOf, faults, provider, service } = parts
    const guest = await guestOf()
    await bringKeys(guest, provider)
    await guest.post('/session/keys', { gemini_key: null })
    model.add(calls(['add_to_order', { item_name: 'Gin', quantity: 1 }]), says('Here.'))
    await guest.post('/chat', { user_input: words })
    await guest.post('/payments/pay')
    isGuardBroken = true
    expect((await guest.post('/chat', { user_input: words })).statusCode).toBe(503)
    await service.app.inject('/healthz')
    isGuardBroken = false
    for (const failure of [new StoreError(blabbing), new Error(blabbing, { cause: blabbing })]) {
      for (const operation of ['append', 'load', 'version', 'acquireLease'] as const) {
        faults.before = (asked) => {
          if (asked === operation) throw failure
        }
        model.add(says('Here.'))
        await guest.post('/chat', { user_input: words })
        await guest.post('/chat/stream', { user_input: words })
        await guest.post('/session/keys', guestKeys)
        await guest.get('/session/export')
        await service.app.inject('/healthz')
        delete faults.before
      }
    }
    await expectNothingToldOf(parts)
  })
})
