import { describe, expect, it } from 'vitest'
import { newGuest } from '../fakes/guest.ts'
import { canary, posts, refusalOf } from '../fakes/refusal.ts'
import { says } from '../fakes/scripted-model.ts'
import { shareService, startService } from '../fakes/test-service.ts'

const service = await shareService()
const { app, model } = service

const reads = [
  '/session/status',
  '/session/export',
  '/chat/history',
  '/chat/stream',
  '/menu',
  '/payments/tab',
]

describe('an address', () => {
  it.each([
    '/nothing',
    '/api/v1',
    '/api/v1/',
    '/api/v1/menu/',
    '/API/v1/menu',
    '/api/v2/menu',
    '//',
    '///api/v1/menu',
    '/..%2f..%2fpackage.json',
    '/%2e%2e/package.json',
    '/../../../../etc/passwd',
    '/%00',
    '/%0d%0aX-Injected:%201',
    '/:',
    '/::',
    '/*',
    '/**',
    '/:a(',
    '/:a([',
    '/api/v1/:x(^',
    '/docs/static/:x(',
    `/${canary}`,
    `/${'a'.repeat(300)}`,
  ])('%s is nowhere', async (url) => {
    expect(refusalOf(await app.inject({ url }))).toMatchObject({ status: 404, code: 'NOT_FOUND' })
  })

  it.each(['/%', '/%zz', `/${canary}%E0%A4%A`, '/api/v1/%', '/docs/static/%'])(
    '%s, which is not encoded as URLs are, is refused without its text',
    async (url) => {
      expect(refusalOf(await app.inject({ url }))).toMatchObject({ status: 400, code: 'BAD_REQUEST' })
    },
  )

  it.each([
    ...posts.map((path) => [path, 'PUT', path === '/chat/stream' ? 'GET, POST' : 'POST'] as const),
    ...posts.filter((path) => path !== '/chat/stream').map((path) => [path, 'GET', 'POST'] as const),
    ...reads.filter((path) => path !== '/chat/stream').map((path) => [path, 'POST', 'GET, HEAD'] as const),
    ['/session', 'GET', 'DELETE'] as const,
    ['/menu', 'OPTIONS', 'GET, HEAD'] as const,
    ['/menu', 'TRACE', 'GET, HEAD'] as const,
    ['/menu', 'PROPFIND', 'GET, HEAD'] as const,
  ])('%s refuses %s and names what is allowed', async (path, method, allowed) => {
    const url = `/api/v1${path}?session_id=x`
    const response = await app.inject({ method, url })
    expect(refusalOf(response)).toMatchObject({ status: 405, code: 'METHOD_NOT_ALLOWED' })
    expect(response.headers.allow?.split(', ').toSorted().join(', ')).toBe(allowed)
  })

  it('answers HEAD as GET, without a body', async () => {
    for (const url of [
      '/',
      '/healthz',
      '/livez',
      '/readyz',
      '/metrics',
      '/api/v1/menu',
      '/api/v1/session/status',
    ]) {
      const response = await app.inject({ method: 'HEAD', url })
      expect([url, response.statusCode, response.body]).toEqual([url, 200, ''])
    }
  })

  it('of the stream takes no HEAD: nothing is said by asking whether something is there', async () => {
    const guest = await newGuest(service)
    const response = await app.inject({
      method: 'HEAD',
      url: '/api/v1/chat/stream?message=hello&idempotency_key=one',
      headers: { 'x-session-id': guest.token },
    })
    expect(response.statusCode).toBe(405)
    expect((await guest.get('/session/status')).json().turn_count).toBe(0)
  })

  it('answers a GET with a body as one without', async () => {
    const headers = { 'content-type': 'application/json' }
    const response = await app.inject({ method: 'GET', url: '/api/v1/menu', headers, payload: '{bad' })
    expect(response.statusCode).toBe(200)
  })
})

describe('a body', () => {
  const malformed = [
    '{',
    '{"a":',
    'nope',
    `{"user_input": ${canary}}`,
    '[1,]',
    '\u0000',
    '{"user_input": NaN}',
  ]

  it.each(posts)('of %s must be JSON', async (path) => {
    const guest = await newGuest(service)
    for (const payload of malformed) {
      const headers = { 'content-type': 'application/json' }
      const url = `/api/v1${path}`
      expect(refusalOf(await app.inject({ method: 'POST', url, headers, payload }))).toMatchObject({
        status: 400,
        code: 'BAD_REQUEST',
      })
    }
    expect((await guest.get('/session/status')).statusCode).toBe(200)
  })

  it.each(posts)('of %s must be an object, and nothing counts as one that is none', async (path) => {
    for (const payload of ['null', '[]', '"text"', '15', 'true', '[{}]']) {
      const headers = { 'content-type': 'application/json' }
      const response = await app.inject({ method: 'POST', url: `/api/v1${path}`, headers, payload })
      expect(refusalOf(response)).toMatchObject({ status: 400, code: 'BAD_REQUEST' })
    }
  })

  it.each(posts)('of %s must have a type that says JSON', async (path) => {
    for (const type of [
      'text/plain',
      'application/xml',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      'nonsense',
    ]) {
      const response = await app.inject({
        method: 'POST',
        url: `/api/v1${path}`,
        headers: { 'content-type': type },
        payload: `{"user_input": "${canary}"}`,
      })
      expect(refusalOf(response)).toMatchObject({ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' })
    }
  })

  it.each(posts)('of %s may only be so large, and the answer says how large', async (path) => {
    const response = await app.inject({
      method: 'POST',
      url: `/api/v1${path}`,
      payload: { user_input: canary.repeat(6000) },
    })
    expect(refusalOf(response)).toMatchObject({
      status: 413,
      code: 'BODY_TOO_LARGE',
      detail: expect.stringContaining('65536 bytes'),
    })
  })

  it.each(posts)('of %s has only the fields that are known', async (path) => {
    const guest = await newGuest(service)
    const known = { user_input: 'hi', tip_percentage: 10, confirmation_id: 'x', accept: true, agent: 'maya' }
    expect(refusalOf(await guest.post(path, { ...known, [canary]: 1 }))).toMatchObject({
      status: 400,
      code: 'BAD_REQUEST',
    })
  })

  it('may not reach for the prototype', async () => {
    const headers = { 'content-type': 'application/json' }
    for (const payload of ['{"__proto__": {"user_input": "x"}}', '{"constructor": {"prototype": {}}}']) {
      const response = await app.inject({ method: 'POST', url: '/api/v1/chat', headers, payload })
      expect(refusalOf(response)).toMatchObject({ status: 400, code: 'BAD_REQUEST' })
    }
  })

  it.each([
    ['/chat', {}, 'body must have required property'],
    ['/chat', { user_input: 15 }, 'body.user_input must be string'],
    ['/chat', { user_input: null }, 'body.user_input must be string'],
    ['/chat', { user_input: [canary] }, 'body.user_input must be string'],
    ['/chat', { user_input: '' }, 'fewer than 1 characters'],
    ['/chat', { user_input: ' \n\t' }, 'body.user_input must not be blank'],
    ['/chat', { user_input: 'x'.repeat(4001) }, 'more than 4000 characters'],
    ['/chat/stream', { user_input: 'hi', voice: 'true' }, 'body.voice must be boolean'],
    ['/chat/stream', { user_input: 'hi', voice: 1 }, 'body.voice must be boolean'],
    ['/sessions', { agent: canary }, 'body.agent must be one of: maya'],
    ['/sessions', { agent: 1 }, 'body.agent must be string'],
    ['/sessions', { workspace: 'default' }, 'additional properties'],
    ['/payments/tip', {}, '10, 15, 20 or null'],
    ['/payments/tip', { tip_percentage: '15' }, '10, 15, 20 or null'],
    ['/payments/tip', { tip_percentage: 12 }, '10, 15, 20 or null'],
    ['/payments/tip', { tip_percentage: 15.5 }, '10, 15, 20 or null'],
    ['/payments/tip', { tip_percentage: -10 }, '10, 15, 20 or null'],
    ['/payments/tip', { tip_percentage: canary }, '10, 15, 20 or null'],
    ['/payments/tip', { tip_percentage: 10, tip_amount: 1 }, '10, 15, 20 or null'],
    ['/payments/tip', { tip_amount: '1' }, 'from 0 to 1000'],
    ['/payments/tip', { tip_amount: null }, 'from 0 to 1000'],
    ['/payments/tip', { tip_amount: -0.01 }, 'from 0 to 1000'],
    ['/payments/tip', { tip_amount: 1000.01 }, 'from 0 to 1000'],
    ['/payments/tip', { tip_amount: 1e300 }, 'from 0 to 1000'],
    ['/payments/tip', { tip_amount: 1.155 }, 'at most two decimals'],
    ['/payments/tip', { tip_amount: 0.001 }, 'at most two decimals'],
    ['/payments/tip', { tip_amount: 1e-9 }, 'at most two decimals'],
    ['/payments/tip', { tip_amount: 999.9999999 }, 'at most two decimals'],
    ['/payments/pay', { expected_total_cents: '100' }, 'must be integer'],
    ['/payments/pay', { expected_total_cents: 1.5 }, 'must be integer'],
    ['/payments/pay', { expected_total_cents: -1 }, 'must be >= 0'],
    ['/payments/pay', { expected_total_cents: null }, 'must be integer'],
    ['/payments/confirm', { confirmation_id: 'x' }, "required property 'accept'"],
    ['/payments/confirm', { accept: true }, "required property 'confirmation_id'"],
    ['/payments/confirm', { confirmation_id: 'x', accept: 'yes' }, 'body.accept must be boolean'],
    ['/payments/confirm', { confirmation_id: 'x', accept: 1 }, 'body.accept must be boolean'],
    ['/payments/confirm', { confirmation_id: 1, accept: true }, 'body.confirmation_id must be string'],
    ['/payments/confirm', { confirmation_id: canary.repeat(20), accept: true }, 'more than 200 characters'],
  ])('of %s is not taken for what it is not: %j', async (path, body, detail) => {
    const guest = await newGuest(service)
    expect(refusalOf(await guest.post(path, body))).toMatchObject({
      status: 400,
      code: 'BAD_REQUEST',
      detail: expect.stringContaining(detail),
    })
    expect((await guest.get('/session/status')).json().turn_count).toBe(0)
  })

  it('cannot hold numbers that JSON has not', async () => {
    const guest = await newGuest(service)
    const headers = { 'content-type': 'application/json', 'x-session-id': guest.token }
    for (const number of ['NaN', 'Infinity', '1e999', '-1e999', '0x10', '01', '1.', '.5']) {
      const payload = `{"tip_amount": ${number}}`
      const response = await app.inject({ method: 'POST', url: '/api/v1/payments/tip', headers, payload })
      expect(refusalOf(response)).toMatchObject({ status: 400, code: 'BAD_REQUEST' })
    }
  })

  it('may be left out where it says nothing', async () => {
    const guest = await newGuest(service)
    expect((await guest.post('/session/reset')).statusCode).toBe(200)
    expect((await guest.post('/chat/stop')).statusCode).toBe(200)
    expect(refusalOf(await guest.post('/payments/pay'))).toMatchObject({
      status: 409,
      code: 'NOTHING_TO_PAY',
    })
    expect(refusalOf(await guest.post('/chat'))).toMatchObject({ status: 400, code: 'BAD_REQUEST' })
  })

  it('counts a message in characters as people do, not in UTF-16', async () => {
    model.add(says('Yes?'))
    const guest = await newGuest(service)
    expect((await guest.post('/chat', { user_input: '🍸'.repeat(4000) })).statusCode).toBe(200)
    expect(refusalOf(await guest.post('/chat', { user_input: '🍸'.repeat(4001) }))).toMatchObject({
      status: 400,
      code: 'BAD_REQUEST',
    })
  })

  it('keeps to bounds that the operator sets', async () => {
    const environment = { MAYA_BODY_BYTES_MAX: '1024', MAYA_MESSAGE_CHARACTERS_MAX: '10' }
    const guest = await newGuest(await startService({ environment }))
    const long = await guest.post('/chat', { user_input: 'x'.repeat(11) })
    expect(refusalOf(long)).toMatchObject({
      status: 400,
      code: 'BAD_REQUEST',
      detail: expect.stringContaining('more than 10 characters'),
    })
    const large = await guest.post('/chat', { user_input: 'x'.repeat(1024) })
    expect(refusalOf(large)).toMatchObject({
      status: 413,
      code: 'BODY_TOO_LARGE',
      detail: expect.stringContaining('1024 bytes'),
    })
  })
})

describe('a query', () => {
  it('names each thing once', async () => {
    const response = await app.inject(`/api/v1/session/status?session_id=${canary}&session_id=b`)
    expect(refusalOf(response)).toMatchObject({ status: 400, code: 'BAD_REQUEST' })
  })

  it('with broken encoding names nothing that exists', async () => {
    expect(refusalOf(await app.inject('/api/v1/session/status?session_id=%'))).toMatchObject({
      status: 404,
      code: 'SESSION_NOT_FOUND',
    })
    expect(refusalOf(await app.inject('/api/v1/session/status?session_id=%E0%A4%A'))).toMatchObject({
      status: 404,
      code: 'SESSION_NOT_FOUND',
    })
  })
})
