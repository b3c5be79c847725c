import pino from 'pino'
import { describe, expect, it } from 'vitest'
import { refusalOf } from '../fakes/refusal.ts'
import { says } from '../fakes/scripted-model.ts'
import { shareService, startService } from '../fakes/test-service.ts'

const acme = 'acme-key-0123456789'
const secondAcme = 'acme-next-0123456789'
const bistro = 'bistro-key-0123456789'
const metricsToken = 'metrics-token-0123456789'

const service = await shareService({
  environment: {
    MAYA_API_KEYS: `${acme}:acme, ${bistro}:bistro, ${secondAcme}:acme`,
    MAYA_METRICS_TOKEN: metricsToken,
  },
})
const { app, model, sessions } = service

interface Sent {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly key?: string | undefined
  readonly session?: string
  readonly cookie?: string
  readonly body?: object
}

/** A request with a key as a bearer token, and with a session. */
function send(path: string, { method = 'POST', key, session, cookie, body }: Sent = {}) {
  return app.inject({
    method,
    url: path.startsWith('/api') || path === '/metrics' ? path : `/api/v1${path}`,
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(session !== undefined && { 'x-session-id': session }),
      ...(cookie !== undefined && { cookie: `maya_session=${cookie}` }),
    },
    ...(body && { payload: body }),
  })
}

async function newSession(key: string): Promise<string> {
  const created = await send('/sessions', { key })
  expect(created.statusCode).toBe(201)
  return created.json().session_id
}

const hello = { user_input: 'Hello' }

/** Everything that makes a session when it names none. */
const makers: readonly [string, object][] = [
  ['/sessions', {}],
  ['/chat', hello],
  ['/chat/stream', hello],
]

describe('making a session where the server has API keys', () => {
  it.each(makers)('is refused without one, and nothing is made: POST %s', async (path, body) => {
    const live = sessions.liveCount
    for (const key of [
      undefined,
      'nobody-0123456789abcdef',
      acme.slice(0, -1),
      `${acme}x`,
      acme.toUpperCase(),
    ]) {
      const response = await send(path, { key, body })
      expect(refusalOf(response)).toMatchObject({ status: 401, code: 'API_KEY_REQUIRED' })
      expect(response.headers).toMatchObject({ 'www-authenticate': 'Bearer' })
      expect(response.headers).not.toHaveProperty('set-cookie')
      expect(response.headers).not.toHaveProperty('x-session-id')
      expect(response.body).not.toContain(key ?? 'a key')
    }
    expect(sessions.liveCount).toBe(live)
  })

  it.each(['', 'Bearer', 'Bearer ', `Basic ${acme}`, acme, `Token ${acme}`, `Bearer ${acme} ${acme}`])(
    'is refused with Authorization: %j',
    async (authorization) => {
      const response = await app.inject({
        method: 'POST',
        url: '/api/v1/sessions',
        headers: { authorization },
      })
      expect(response.statusCode).toBe(401)
    },
  )

  it.each(makers)('works with each of the keys: POST %s', async (path, body) => {
    for (const key of [acme, secondAcme, bistro]) {
      model.add(...(path === '/sessions' ? [] : [says('Hello.')]))
      expect((await send(path, { key, body })).statusCode).toBe(path === '/sessions' ? 201 : 200)
    }
  })

  it('is refused before admission: a full bar tells nothing to who has no key', async () => {
    const full = await shareFullBar()
    const refused = await full.app.inject({ method: 'POST', url: '/api/v1/sessions' })
    expect(refused.statusCode).toBe(401)
    const headers = { authorization: `Bearer ${acme}` }
    const waiting = await full.app.inject({ method: 'POST', url: '/api/v1/sessions', headers })
    expect(waiting.json()).toMatchObject({ code: 'SESSION_LIMIT' })
    const { body } = await full.app.inject('/metrics')
    expect(body).toMatch(/^maya_sessions_rejected_total\{reason="SESSION_LIMIT"\} 1$/m)
  })

  it('needs none to ask whether there is a session', async () => {
    const response = await send('/session/status', { method: 'GET' })
    expect([response.statusCode, response.json()]).toEqual([200, { is_active: false }])
  })
})

async function shareFullBar() {
  const environment = { MAYA_API_KEYS: `${acme}:acme`, MAYA_SESSIONS_PER_CONTAINER: '1' }
  const full = await startService({ environment })
  const headers = { authorization: `Bearer ${acme}` }
  await full.app.inject({ method: 'POST', url: '/api/v1/sessions', headers })
  return full
}

/** What can be done with a session, and what it answers when it may be done. */
const uses: readonly [path: string, sent: Sent, status: number][] = [
  ['/session/status', { method: 'GET' }, 200],
  ['/session/export', { method: 'GET' }, 200],
  ['/chat/history', { method: 'GET' }, 200],
  ['/payments/tab', { method: 'GET' }, 200],
  ['/chat', { body: hello }, 200],
  ['/chat/stream', { body: hello }, 200],
  ['/chat/stream?message=Hello&idempotency_key=one', { method: 'GET' }, 200],
  ['/chat/stop', {}, 200],
  ['/payments/tip', { body: { tip_percentage: 10 } }, 200],
  ['/payments/pay', {}, 409],
  ['/session/keys', { body: { gemini_key: null } }, 200],
  ['/session/reset', {}, 200],
  ['/session', { method: 'DELETE' }, 204],
]

function expectTalk(path: string): void {
  if (/^\/chat(\/stream)?(\?|$)/.test(path)) model.add(says('Hello.'))
}

describe('a session of a workspace', () => {
  it.each(uses)('is open to its own id alone, as a browser has it: %s', async (path, sent, status) => {
    const session = await newSession(acme)
    expectTalk(path)
    expect((await send(path, { ...sent, cookie: session })).statusCode).toBe(status)
  })

  it.each(uses)('is open with another key of its workspace: %s', async (path, sent, status) => {
    const session = await newSession(acme)
    expectTalk(path)
    expect((await send(path, { ...sent, session, key: secondAcme })).statusCode).toBe(status)
  })

  it.each(uses)('does not exist in another workspace: %s', async (path, sent) => {
    const session = await newSession(acme)
    const response = await send(path, { ...sent, session, key: bistro })
    expect(refusalOf(response)).toMatchObject({ status: 404, code: 'SESSION_NOT_FOUND' })
    expect(response.headers).not.toHaveProperty('x-session-id')
    const made = await send(path, { ...sent, session: 'made.up', key: bistro })
    expect(made.json()).toEqual(response.json())
    const own = await send('/session/status', { method: 'GET', session })
    expect(own.json()).toMatchObject({ is_active: true, turn_count: 0 })
  })

  it.each(uses)('is closed to an unknown key, even with its id: %s', async (path, sent) => {
    const session = await newSession(acme)
    const response = await send(path, { ...sent, session, key: 'nobody-0123456789abcdef' })
    expect(refusalOf(response)).toMatchObject({ status: 401, code: 'API_KEY_REQUIRED' })
    expect(response.headers['www-authenticate']).toBe('Bearer')
  })

  it('does not mind credentials of another kind, which may be for a proxy', async () => {
    const session = await newSession(acme)
    const headers = { 'x-session-id': session, authorization: 'Basic bWU6bWU=' }
    expect((await app.inject({ url: '/api/v1/chat/history', headers })).statusCode).toBe(200)
  })

  it('is the one whose limit its messages count in', async () => {
    const limited = await startService({
      environment: { MAYA_API_KEYS: `${acme}:acme,${bistro}:bistro`, MAYA_WORKSPACE_RATE_LIMIT: '2' },
    })
    const say = (key: string) =>
      limited.app.inject({
        method: 'POST',
        url: '/api/v1/chat',
        headers: { authorization: `Bearer ${key}` },
        payload: hello,
      })
    const codes = async (key: string) => (await say(key)).statusCode
    expect([await codes(acme), await codes(acme), await codes(acme)]).toEqual([200, 200, 429])
    expect(await codes(bistro)).toBe(200)
  })
})

it('shows no key in logs, answers, exports or metrics, whether it was known or not', async () => {
  const lines: string[] = []
  const logger = pino({ level: 'trace', base: null }, { write: (line) => lines.push(line) })
  const environment = { MAYA_API_KEYS: 'Canary-known-0123456789:acme' }
  const { app: logged } = await startService({ logger, environment })
  const answers: string[] = []
  for (const key of ['Canary-known-0123456789', 'Canary-unknown-0123456789']) {
    const headers = { authorization: `Bearer ${key}` }
    const created = await logged.inject({ method: 'POST', url: '/api/v1/sessions', headers })
    const session = { ...headers, 'x-session-id': created.json().session_id ?? 'none' }
    const exported = await logged.inject({ url: '/api/v1/session/export', headers: session })
    const metrics = await logged.inject({ url: '/metrics', headers })
    for (const answer of [created, exported, metrics])
      answers.push(answer.body, JSON.stringify(answer.headers))
  }
  expect(answers).toHaveLength(12)
  expect([...answers, ...lines].filter((text) => text.includes('Canary'))).toEqual([])
})

describe('/metrics', () => {
  it('opens to its own token and to no API key', async () => {
    expect((await send('/metrics', { method: 'GET', key: metricsToken })).statusCode).toBe(200)
    for (const key of [undefined, acme]) {
      expect((await send('/metrics', { method: 'GET', key })).statusCode).toBe(401)
    }
  })

  it('has a token that makes no session', async () => {
    expect((await send('/sessions', { key: metricsToken })).statusCode).toBe(401)
  })
})

describe('without API keys', () => {
  it('everybody is in one workspace, whatever they show', async () => {
    const open = await startService()
    const headers = { authorization: 'Bearer of anything' }
    const created = await open.app.inject({ method: 'POST', url: '/api/v1/sessions', headers })
    expect(created.statusCode).toBe(201)
    const session = { 'x-session-id': created.json().session_id, authorization: 'Bearer of something else' }
    expect((await open.app.inject({ url: '/api/v1/chat/history', headers: session })).statusCode).toBe(200)
  })
})

it('OpenAPI says what takes a key', async () => {
  const { components, paths } = (await app.inject('/openapi.json')).json()
  expect(components.securitySchemes).toMatchObject({
    apiKey: { type: 'http', scheme: 'bearer' },
    metricsToken: { type: 'http', scheme: 'bearer' },
  })
  for (const [path] of makers) expect(paths[`/api/v1${path}`].post.security).toEqual([{ apiKey: [] }, {}])
  expect(paths['/metrics'].get.security).toEqual([{ metricsToken: [] }, {}])
})
