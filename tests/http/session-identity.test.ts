import type { InjectOptions } from 'fastify'
import { describe, expect, it } from 'vitest'
import { createSessionTokens } from '../../src/security/session-token.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { newGuest, type Guest } from '../fakes/guest.ts'
import { says, ScriptedModel } from '../fakes/scripted-model.ts'
import { shareService, startService } from '../fakes/test-service.ts'

const service = await shareService()
const { app, model, sessions } = service
const hourMs = 3_600_000
const json = { 'content-type': 'application/json' }

/** A service whose time is moved on by the tests. */
const timed = await shareServiceInTime()

async function shareServiceInTime() {
  const clock = new FakeClock()
  return { ...(await shareService({ clock })), clock }
}

/** Asks for the status with ids in the three places. */
function status({ header, query, cookie }: { header?: string; query?: string; cookie?: string }) {
  const headers = {
    ...(header !== undefined && { 'x-session-id': header }),
    ...(cookie !== undefined && { cookie: `maya_session=${cookie}` }),
  }
  const url = '/api/v1/session/status'
  return app.inject({ url, headers, ...(query !== undefined && { query: { session_id: query } }) })
}

function tampered(token: string): readonly string[] {
  const [id = '', signature = ''] = token.split('.')
  const other = signature.startsWith('A') ? 'B' : 'A'
  return [
    id,
    `${id}.`,
    `.${signature}`,
    `${id}.${other}${signature.slice(1)}`,
    `${id}.${signature.slice(0, -1)}`,
    `${id}.${signature}=`,
    `${token}x`,
    `x${token}`,
    `${id.toLowerCase()}x.${signature}`,
    `${'A'.repeat(22)}.${signature}`,
    token.repeat(2),
    `${token}, ${token}`,
    'undefined',
    '../../etc/passwd',
    'x'.repeat(8000),
  ]
}

/** The requests that need a session. */
const requests: readonly { method: 'GET' | 'POST' | 'DELETE'; path: string; payload?: object }[] = [
  { method: 'POST', path: '/session/keys', payload: { gemini_key: null } },
  { method: 'POST', path: '/session/reset' },
  { method: 'DELETE', path: '/session' },
  { method: 'GET', path: '/session/export' },
  { method: 'POST', path: '/chat', payload: { user_input: 'hi' } },
  { method: 'POST', path: '/chat/stream', payload: { user_input: 'hi' } },
  { method: 'GET', path: '/chat/stream?message=hi&idempotency_key=one' },
  { method: 'GET', path: '/chat/stream?turn_id=one' },
  { method: 'GET', path: '/chat/history' },
  { method: 'POST', path: '/chat/stop' },
  { method: 'GET', path: '/payments/tab' },
  { method: 'POST', path: '/payments/tip', payload: { tip_percentage: 10 } },
  { method: 'POST', path: '/payments/pay' },
  { method: 'POST', path: '/payments/confirm', payload: { confirmation_id: 'one', accept: true } },
]

describe('a session id', () => {
  it('is taken from the header before the query before the cookie', async () => {
    const [one, two, three] = [await newGuest(service), await newGuest(service), await newGuest(service)]
    const answers = [
      await status({ header: one.token, query: two.token, cookie: three.token }),
      await status({ query: two.token, cookie: three.token }),
      await status({ cookie: three.token }),
    ]
    const seen = answers.map((answer) => answer.json().session_id)
    expect(seen).toEqual([one.token, two.token, three.token])
  })

  it('that is dead is not replaced by a living one of lower precedence', async () => {
    const guest = await newGuest(service)
    const response = await status({ header: 'forged', query: guest.token, cookie: guest.token })
    expect([response.statusCode, response.json().code]).toEqual([404, 'SESSION_NOT_FOUND'])
    expect((await status({ query: 'forged', cookie: guest.token })).statusCode).toBe(404)
  })

  it('that is empty names nothing', async () => {
    const guest = await newGuest(service)
    expect((await status({ header: '', query: guest.token })).json().session_id).toBe(guest.token)
    expect((await status({ header: '', query: '', cookie: guest.token })).json().session_id).toBe(guest.token)
    expect((await status({ header: '', query: '', cookie: '' })).json()).toEqual({ is_active: false })
  })

  it('has 128 random bits and its signature, and no two are the same', async () => {
    const tokens = await Promise.all(Array.from({ length: 20 }, async () => (await newGuest(service)).token))
    expect(new Set(tokens.map((token) => token.slice(0, 22))).size).toBe(20)
    for (const token of tokens) expect(token).toMatch(/^[\w-]{22}\.[\w-]{43}$/)
  })

  it('that was tampered with is nobody’s, wherever it stands', async () => {
    const { token } = await newGuest(service)
    for (const forged of tampered(token)) {
      expect((await status({ header: forged })).statusCode).toBe(404)
      expect((await status({ query: forged })).statusCode).toBe(404)
      expect((await status({ cookie: encodeURIComponent(forged) })).statusCode).toBe(404)
    }
  })

  it('of another server is nobody’s here', async () => {
    const { token } = await newGuest(await startService())
    expect((await status({ header: token })).json().code).toBe('SESSION_NOT_FOUND')
  })

  it('signed with the previous master key stays good', async () => {
    const store = createMemoryStore({ clock: new FakeClock() })
    const [oldKey, newKey] = ['a', 'b'].map((letter) => Buffer.alloc(32, letter).toString('base64'))
    const before = await startService({ store, environment: { MAYA_MASTER_KEY: oldKey ?? '' } })
    const { token } = await newGuest(before)
    const environment = { MAYA_MASTER_KEY: newKey ?? '', MAYA_MASTER_KEY_PREVIOUS: oldKey ?? '' }
    const after = await startService({ store, environment })
    const headers = { 'x-session-id': token }
    const response = await after.app.inject({ url: '/api/v1/session/status', headers })
    expect(response.statusCode).toBe(200)
    expect(response.headers['x-session-id']).not.toBe(token)
  })

  it.each(requests)(
    'that is dead is 404 for $method $path, which makes no session',
    async ({ path, ...request }) => {
      const live = sessions.liveCount
      const headers = { 'x-session-id': 'forged' }
      const response = await app.inject({ ...request, url: `/api/v1${path}`, headers })
      expect([response.statusCode, response.json().code]).toEqual([404, 'SESSION_NOT_FOUND'])
      expect(response.headers['x-session-id']).toBeUndefined()
      expect(response.headers['set-cookie']).toBeUndefined()
      expect(sessions.liveCount).toBe(live)
    },
  )

  const neverCreating = requests.filter(
    ({ method, path }) => method !== 'POST' || !/chat(\/stream)?$/.test(path),
  )

  it.each(neverCreating)(
    'that is missing is 404 for $method $path, or 400 where a message came with a key',
    async ({ path, ...request }) => {
      const live = sessions.liveCount
      const response = await app.inject({ ...request, url: `/api/v1${path}` })
      expect(response.json().code).toBe(
        path.includes('message=') ? 'IDEMPOTENCY_KEY_WITHOUT_SESSION' : 'SESSION_NOT_FOUND',
      )
      expect(sessions.liveCount).toBe(live)
    },
  )

  it('that is missing is no error for the status', async () => {
    const response = await app.inject('/api/v1/session/status')
    expect([response.statusCode, response.json()]).toEqual([200, { is_active: false }])
    expect(response.headers['set-cookie']).toBeUndefined()
  })

  it('of a session that was ended is dead, and ending twice is 404', async () => {
    const guest = await newGuest(service)
    const ended = await guest.delete('/session')
    expect([ended.statusCode, ended.body]).toEqual([204, ''])
    expect((await guest.get('/session/status')).json().code).toBe('SESSION_NOT_FOUND')
    expect((await guest.delete('/session')).json().code).toBe('SESSION_NOT_FOUND')
    expect((await guest.post('/chat', { user_input: 'hi' })).statusCode).toBe(404)
  })

  it('comes back in X-Session-ID with every answer of its session, good or bad', async () => {
    const guest = await newGuest(service)
    const answers = [
      await guest.get('/session/status'),
      await guest.get('/session/export'),
      await guest.get('/chat/history'),
      await guest.get('/chat/stream?turn_id=none'),
      await guest.get('/payments/tab'),
      await guest.post('/payments/tip', { tip_percentage: 10 }),
      await guest.post('/payments/pay'),
      await guest.post('/payments/confirm', { confirmation_id: 'x', accept: false }),
      await guest.post('/chat/stop'),
      await guest.post('/chat', { user_input: 'hi' }),
      await guest.post('/chat/stream', { user_input: 'hi' }),
      await guest.post('/session/reset'),
      await guest.delete('/session'),
    ]
    expect(answers.map(({ headers }) => headers['x-session-id'])).toEqual(answers.map(() => guest.token))
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([
      200, 200, 200, 404, 200, 200, 409, 409, 200, 502, 200, 200, 204,
    ])
  })
})

describe('X-Session-ID', () => {
  const { token: gone } = createSessionTokens({ masterKey: Buffer.alloc(32, 'k') }).mint()
  const environment = { MAYA_MASTER_KEY: Buffer.alloc(32, 'k').toString('base64') }

  it.each<readonly [number, string, InjectOptions & { readonly url: string }]>([
    [200, 'the menu', { url: '/menu' }],
    [400, 'a wrong field', { method: 'POST', url: '/chat', payload: { user_input: 15 } }],
    [400, 'a broken body', { method: 'POST', url: '/chat', headers: json, payload: '{' }],
    [413, 'a large body', { method: 'POST', url: '/chat', payload: { user_input: 'x'.repeat(70_000) } }],
    [
      415,
      'a body of text',
      { method: 'POST', url: '/chat', headers: { 'content-type': 'text/plain' }, payload: 'hi' },
    ],
    [404, 'an unknown path', { url: '/nothing' }],
    [405, 'a wrong method', { method: 'DELETE', url: '/chat' }],
  ])(
    'is with %i for %s too, wherever the session was named',
    async (statusCode, _what, { url, ...request }) => {
      const { token } = await newGuest(service)
      for (const named of [
        { headers: { 'x-session-id': token } },
        { query: { session_id: token } },
        { headers: { cookie: `maya_session=${token}` } },
      ]) {
        const headers = { ...request.headers, ...named.headers }
        const response = await app.inject({ ...request, ...named, url: `/api/v1${url}`, headers })
        expect([response.statusCode, response.headers['x-session-id']]).toEqual([statusCode, token])
        expect(response.headers['cache-control']).toContain('no-store')
      }
    },
  )

  it('has no id that was not signed here, nor one of lower precedence in its place', async () => {
    const { token } = await newGuest(service)
    for (const forged of [...tampered(token), gone]) {
      const headers = { 'x-session-id': forged, cookie: `maya_session=${token}` }
      const response = await app.inject({ url: '/api/v1/menu', headers })
      expect([response.statusCode, response.headers['x-session-id']]).toEqual([200, undefined])
    }
    expect((await app.inject('/api/v1/menu')).headers['x-session-id']).toBeUndefined()
  })

  it.each(requests)('is not with $method $path for a session that is gone', async ({ path, ...request }) => {
    const own = await startService({ environment })
    const headers = { 'x-session-id': gone }
    const response = await own.app.inject({ ...request, url: `/api/v1${path}`, headers })
    expect([response.statusCode, response.json().code]).toEqual([404, 'SESSION_NOT_FOUND'])
    expect(response.headers['x-session-id']).toBeUndefined()
    const menu = await own.app.inject({ url: '/api/v1/menu', headers })
    expect(menu.headers['x-session-id']).toBe(gone)
  })

  it('is not with files, which others may keep for everybody', async () => {
    const { token } = await newGuest(service)
    for (const url of ['/', '/logo.svg', '/docs/', '/healthz', '/openapi.json']) {
      const response = await app.inject({ url, headers: { cookie: `maya_session=${token}` } })
      expect([url, response.statusCode, response.headers['x-session-id']]).toEqual([url, 200, undefined])
    }
  })
})

/** Ends the session that the header names. */
async function end(token: string, cookie?: string) {
  const headers = { 'x-session-id': token, ...(cookie !== undefined && { cookie }) }
  const response = await app.inject({ method: 'DELETE', url: '/api/v1/session', headers })
  return [response.statusCode, response.headers['set-cookie']]
}

describe('the cookie', () => {
  it('is given with a new session: for this host alone, and not for scripts', async () => {
    const response = await app.inject({ method: 'POST', url: '/api/v1/sessions' })
    const { session_id: token } = response.json()
    expect(response.headers['set-cookie']).toBe(
      `maya_session=${token}; Max-Age=3600; Path=/; HttpOnly; SameSite=Lax`,
    )
    expect(response.headers['x-session-id']).toBe(token)
  })

  it.each(['/chat', '/chat/stream'])('is given by %s, which makes a session by itself', async (path) => {
    model.add(says('Hello.'))
    const response = await app.inject({
      method: 'POST',
      url: `/api/v1${path}`,
      payload: { user_input: 'hi' },
    })
    expect(response.statusCode).toBe(200)
    const token = response.headers['x-session-id']
    expect(response.headers['set-cookie']).toContain(`maya_session=${String(token)}; `)
    expect((await status({ cookie: String(token) })).json()).toMatchObject({ is_active: true, turn_count: 1 })
  })

  it('is for https alone where it was given over https', async () => {
    const secured = await startService()
    secured.app.addHook('onRequest', async ({ raw }) => {
      Object.assign(raw.socket, { encrypted: true })
    })
    const response = await secured.app.inject({ method: 'POST', url: '/api/v1/sessions' })
    expect(response.headers['set-cookie']).toContain('; Secure')
  })

  it('lasts as long as the session does', async () => {
    const { app: short } = await startService({ environment: { MAYA_SESSION_EXPIRY_SECONDS: '90' } })
    const response = await short.inject({ method: 'POST', url: '/api/v1/sessions' })
    expect(response.headers['set-cookie']).toContain('Max-Age=90;')
  })

  it('is prolonged when the session is used by it, also for a stream', async () => {
    const { token } = await newGuest(service)
    model.add(says('Hello.'))
    for (const [method, path, payload] of [
      ['POST', '/payments/tip', { tip_percentage: 10 }],
      ['POST', '/chat/stream', { user_input: 'hi' }],
    ] as const) {
      const headers = { cookie: `maya_session=${token}` }
      const response = await app.inject({ method, url: `/api/v1${path}`, headers, payload })
      expect(response.headers['set-cookie']).toContain(`maya_session=${token}; Max-Age=3600;`)
    }
  })

  it('is not given to who names the session otherwise', async () => {
    const guest = await newGuest(service)
    expect((await guest.post('/payments/tip', { tip_percentage: 10 })).headers['set-cookie']).toBeUndefined()
  })

  it('that is dead is taken away; one beside a dead header is left', async () => {
    for (const cookie of ['forged', '%zz', '""']) {
      const response = await status({ cookie })
      expect(response.statusCode).toBe(404)
      expect(response.headers['set-cookie']).toBe('maya_session=; Max-Age=0; Path=/')
    }
    expect((await status({ header: 'forged', cookie: 'forged' })).headers['set-cookie']).toBeUndefined()
  })

  it('goes with its session', async () => {
    const { token } = await newGuest(service)
    const response = await app.inject({
      method: 'DELETE',
      url: '/api/v1/session',
      headers: { cookie: `maya_session=${token}` },
    })
    expect(response.statusCode).toBe(204)
    expect(response.headers['set-cookie']).toBe('maya_session=; Max-Age=0; Path=/')
  })

  it('goes with its session also when that was ended by another name, and stays with every other', async () => {
    const [ended, other] = [await newGuest(service), await newGuest(service)]
    expect(await end(ended.token, `maya_session=${other.token}`)).toEqual([204, undefined])
    expect(await end((await newGuest(service)).token)).toEqual([204, undefined])
    expect(await end((await newGuest(service)).token, 'maya_session=forged')).toEqual([204, undefined])
    const cleared = 'maya_session=; Max-Age=0; Path=/'
    expect(await end(other.token, `maya_session=${other.token}`)).toEqual([204, cleared])
  })
})

/** A guest whose session would expire in a second. */
async function leaving() {
  const { clock } = timed
  const guest = await newGuest(timed)
  clock.advance(hourMs - 1000)
  const isThereLater = async () => {
    clock.advance(hourMs - 1000)
    return (await guest.get('/session/status')).statusCode === 200
  }
  return { clock, guest, isThereLater }
}

describe('a session', () => {
  it('is made with what the answer says of it', async () => {
    const clock = new FakeClock()
    const { app: own } = await startService({ clock })
    const response = await own.inject({ method: 'POST', url: '/api/v1/sessions', payload: { agent: 'maya' } })
    expect(response.statusCode).toBe(201)
    expect(response.json()).toEqual({
      session_id: response.headers['x-session-id'],
      agent: 'maya',
      created_at: '2026-01-01T00:00:00.000Z',
      expires_at: '2026-01-01T01:00:00.000Z',
    })
  })

  it('tells its status', async () => {
    const clock = new FakeClock()
    const own = await startService({ clock, model: new ScriptedModel(says('Hello.')) })
    const guest = await newGuest(own)
    clock.advance(60_000)
    await guest.post('/chat', { user_input: 'hi' })
    clock.advance(1000)
    expect((await guest.get('/session/status')).json()).toEqual({
      is_active: true,
      session_id: guest.token,
      agent: 'maya',
      has_valid_keys: false,
      turn_running: false,
      turn_count: 1,
      phase: 'talking',
      created_at: '2026-01-01T00:00:00.000Z',
      last_access: '2026-01-01T00:01:00.000Z',
      expires_at: '2026-01-01T01:01:00.000Z',
    })
  })

  it('expires an hour after its last use, and then its cookie is taken away', async () => {
    const { clock, guest } = await leaving()
    clock.advance(1000)
    expect((await guest.get('/session/status')).json().code).toBe('SESSION_NOT_FOUND')
  })

  it.each<readonly [string, (guest: Guest) => Promise<unknown>]>([
    ['a turn', (guest) => guest.post('/chat', { user_input: 'hi' })],
    ['a stream', (guest) => guest.post('/chat/stream', { user_input: 'hi' })],
    ['a tip', (guest) => guest.post('/payments/tip', { tip_percentage: 10 })],
    ['a tip that changes nothing', (guest) => guest.post('/payments/tip', { tip_percentage: null })],
    ['a stop', (guest) => guest.post('/chat/stop')],
    ['a reset', (guest) => guest.post('/session/reset')],
  ])('goes on with %s', async (_name, use) => {
    const { guest, isThereLater } = await leaving()
    timed.model.add(says('Hello.'))
    await use(guest)
    expect(await isThereLater()).toBe(true)
  })

  it.each(['/session/status', '/session/export', '/chat/history', '/payments/tab'])(
    'is not prolonged by looking at %s',
    async (path) => {
      const { guest, isThereLater } = await leaving()
      expect((await guest.get(path)).statusCode).toBe(200)
      expect(await isThereLater()).toBe(false)
    },
  )
})
