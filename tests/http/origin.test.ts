import { describe, expect, it } from 'vitest'
import { isFromOtherOrigin } from '../../src/http/origin.ts'
import { newGuest } from '../fakes/guest.ts'
import { calls, says } from '../fakes/scripted-model.ts'
import { shareService } from '../fakes/test-service.ts'

const trusted = 'https://partner.example'
const service = await shareService({ environment: { MAYA_CORS_ORIGINS: trusted } })
const { app, model } = service

/** As a page on another port or a sibling subdomain sends them. */
const foreign = [
  { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors', origin: 'https://menu.bar.example' },
  { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' },
  { origin: 'http://localhost:9999' },
]

/** As our own page, a page of a configured origin and a server send them. */
const welcome = [
  { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', origin: 'https://bar.example' },
  { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors', origin: trusted },
  {},
]

/** What changes something in the session that the cookie names. */
const changes: readonly { method: 'GET' | 'POST' | 'DELETE'; path: string; payload?: object }[] = [
  { method: 'POST', path: '/chat', payload: { user_input: 'a martini' } },
  { method: 'POST', path: '/chat/stream', payload: { user_input: 'a martini' } },
  { method: 'GET', path: '/chat/stream?message=a+martini&idempotency_key=one' },
  { method: 'POST', path: '/chat/stop' },
  { method: 'POST', path: '/payments/tip', payload: { tip_percentage: 20 } },
  { method: 'POST', path: '/payments/pay' },
  { method: 'POST', path: '/payments/confirm', payload: { confirmation_id: 'x', accept: true } },
  { method: 'POST', path: '/session/keys', payload: { gemini_key: null } },
  { method: 'POST', path: '/session/reset' },
  { method: 'DELETE', path: '/session' },
]

const reads = ['/session/status', '/session/export', '/chat/history', '/payments/tab', '/menu']

type Change = (typeof changes)[number] & { readonly headers: Readonly<Record<string, string>> }

function send({ method, path, payload, headers }: Change) {
  return app.inject({ method, url: `/api/v1${path}`, headers, ...(payload && { payload }) })
}

/** A guest with a martini on the tab, and their cookie. */
async function drinker() {
  const guest = await newGuest(service)
  model.add(calls(['add_to_order', { item_name: 'Martini', quantity: 1 }]), says('Here.'))
  await guest.post('/chat', { user_input: 'a martini' })
  const state = async () => [
    (await guest.get('/payments/tab')).json(),
    (await guest.get('/chat/history')).json(),
  ]
  return { ...guest, cookie: `maya_session=${guest.token}`, state }
}

interface Asking {
  readonly host?: string
  readonly origin?: string
  readonly 'sec-fetch-site'?: string
}

describe('a request', () => {
  const here = { host: 'bar.example' }

  it.each([
    [{ ...here }, false],
    [{ ...here, 'sec-fetch-site': 'same-origin', origin: 'https://bar.example' }, false],
    [{ ...here, 'sec-fetch-site': 'same-origin' }, false],
    [{ ...here, 'sec-fetch-site': 'none' }, false],
    [{ ...here, 'sec-fetch-site': 'same-site', origin: 'https://menu.bar.example' }, true],
    [{ ...here, 'sec-fetch-site': 'same-site', origin: 'https://bar.example' }, true],
    [{ ...here, 'sec-fetch-site': 'same-site' }, true],
    [{ ...here, 'sec-fetch-site': 'cross-site', origin: 'null' }, true],
    [{ ...here, 'sec-fetch-site': 'cross-site' }, true],
    [{ ...here, 'sec-fetch-site': 'something new' }, true],
    [{ ...here, 'sec-fetch-site': 'same-origin, none' }, true],
    [{ ...here, 'sec-fetch-site': '' }, true],
    [{ ...here, origin: 'https://bar.example' }, false],
    [{ ...here, origin: 'http://bar.example' }, false],
    [{ host: 'Bar.Example', origin: 'https://bar.example' }, false],
    [{ host: 'bar.example:443', origin: 'https://bar.example' }, false],
    [{ host: 'localhost:8000', origin: 'http://localhost:8000' }, false],
    [{ host: '[::1]:8000', origin: 'http://[::1]:8000' }, false],
    [{ host: 'localhost:8000', origin: 'http://localhost:8001' }, true],
    [{ host: 'localhost:8000', origin: 'http://localhost' }, true],
    [{ ...here, origin: 'https://bar.example:8443' }, true],
    [{ ...here, origin: 'https://menu.bar.example' }, true],
    [{ ...here, origin: 'https://bar.example.evil.example' }, true],
    [{ ...here, origin: 'https://evil.example' }, true],
    [{ ...here, origin: 'null' }, true],
    [{ ...here, origin: '' }, true],
    [{ ...here, origin: 'bar.example' }, true],
    [{ ...here, origin: 'file://' }, true],
    [{ host: '', origin: 'file://' }, true],
    [{ host: ':::', origin: 'https://bar.example' }, true],
    [{ origin: 'https://bar.example' }, true],
    [{ ...here, origin: trusted }, false],
    [{ ...here, 'sec-fetch-site': 'same-site', origin: trusted }, false],
    [{ ...here, 'sec-fetch-site': 'cross-site', origin: trusted }, false],
    [{ ...here, 'sec-fetch-site': 'cross-site', origin: `${trusted}:8443` }, true],
  ])('with %j is from another origin: %s', ({ host = '', ...headers }: Asking, expected) => {
    expect(isFromOtherOrigin({ headers, host }, [trusted])).toBe(expected)
  })
})

describe('another origin', () => {
  it.each(changes)('changes nothing with the guest’s cookie: $method $path', async (change) => {
    const { cookie, state } = await drinker()
    const before = await state()
    for (const headers of foreign) {
      const response = await send({ ...change, headers: { ...headers, cookie } })
      expect([response.statusCode, response.json().code]).toEqual([403, 'FORBIDDEN'])
      expect(response.headers['set-cookie']).toBeUndefined()
    }
    expect(await state()).toEqual(before)
  })

  it.each(['/sessions', '/sessions?session_id=x', '/chat', '/chat/stream'])(
    'makes no session with POST %s, whose cookie would replace the guest’s',
    async (path) => {
      const own = await newGuest(service)
      const live = service.sessions.liveCount
      const payload = path.startsWith('/chat') ? { user_input: 'hi' } : {}
      for (const headers of foreign) {
        const url = path.replace('=x', `=${own.token}`)
        const response = await send({ method: 'POST', path: url, payload, headers })
        expect([response.statusCode, response.json().code]).toEqual([403, 'FORBIDDEN'])
        expect(response.headers['set-cookie']).toBeUndefined()
      }
      expect(service.sessions.liveCount).toBe(live)
    },
  )

  it.each(reads)('may ask for %s as before: browsers keep the answer from it', async (path) => {
    const { cookie } = await drinker()
    for (const headers of foreign) {
      const response = await send({ method: 'GET', path, headers: { ...headers, cookie } })
      expect(response.statusCode).toBe(200)
    }
  })

  it('may follow a turn as before', async () => {
    const { cookie, get } = await drinker()
    const turnId = (await get('/chat/history')).json().history[0].turn_id
    const path = `/chat/stream?turn_id=${turnId}`
    const response = await send({ method: 'GET', path, headers: { ...foreign[0], cookie } })
    expect(response.statusCode).toBe(200)
  })

  it('that knows the session and names it may do what the guest may', async () => {
    for (const headers of foreign) {
      const guest = await drinker()
      const { token } = guest
      expect((await guest.post('/payments/tip', { tip_percentage: 10 }, { headers })).statusCode).toBe(200)
      const path = `/payments/pay?session_id=${token}`
      expect((await send({ method: 'POST', path, headers })).statusCode).toBe(200)
    }
  })
})

describe('our own page, a configured origin and a server', () => {
  it.each(changes)('may do with the cookie: $method $path', async (change) => {
    for (const headers of welcome) {
      const { cookie } = await drinker()
      const isSaid = change.path.startsWith('/chat') && change.path !== '/chat/stop'
      if (isSaid) model.add(says('Hello.'))
      const response = await send({ ...change, headers: { ...headers, cookie } })
      expect(response.statusCode).toBe(
        change.path === '/payments/confirm' ? 409 : change.method === 'DELETE' ? 204 : 200,
      )
    }
  })

  it('may make a session', async () => {
    for (const headers of welcome) {
      const response = await send({ method: 'POST', path: '/sessions', headers })
      expect(response.statusCode).toBe(201)
    }
  })
})
