import { connect } from 'node:net'
import * as fc from 'fast-check'
import type { LightMyRequestResponse } from 'fastify'
import { describe, expect, it, onTestFinished } from 'vitest'
import { listen } from '../fakes/event-reader.ts'
import { newGuest } from '../fakes/guest.ts'
import { calls, says } from '../fakes/scripted-model.ts'
import { shareService, startService } from '../fakes/test-service.ts'

const canary = 'Xyzzy-Canary'
const service = await shareService()
const { app, model } = service

/** What a refusal says, when it is a problem as RFC 9457 has it, with no word of the guest. */
function refusalOf(response: LightMyRequestResponse) {
  const problem = response.json()
  expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8')
  expect(Object.keys(problem).toSorted()).toEqual(['code', 'detail', 'status', 'title', 'type'])
  expect(problem).toMatchObject({ status: response.statusCode, type: 'about:blank' })
  expect(problem.title).not.toBe('')
  expect(response.body).not.toContain(canary)
  return problem
}

/** Every route that takes a body. */
const posts = [
  '/sessions',
  '/session/reset',
  '/chat',
  '/chat/stream',
  '/chat/stop',
  '/payments/tip',
  '/payments/pay',
  '/payments/confirm',
]

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
    `/${'a'.repeat(5000)}`,
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

/** Sends bytes and gives everything that comes back until the connection is closed. */
function exchange(url: string, bytes: string | Buffer): Promise<string> {
  const { port, hostname } = new URL(url)
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect(Number(port), hostname, () => socket.end(bytes))
    onTestFinished(() => {
      socket.destroy()
    })
    socket.on('data', (data) => (answer += String(data)))
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer))
  })
}

describe('what is not HTTP', () => {
  const origin = listen(service)

  it.each([
    [`${canary} garbage\r\n\r\n`, 400],
    ['\x16\x03\x01\x02\x00\x01\x00', 400],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['GET / HTTP/9.9\r\nHost: a\r\n\r\n', 400],
    [`GET ${canary} HTTP/1.1\r\nHost: a\r\n\r\n`, 400],
    ['GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['GET / HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n', 400],
    [`GET / HTTP/1.1\r\nHost: a\r\nX-Session-ID: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
    [`GET /${'y'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
    ['POST /api/v1/chat HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n{}', 400],
    [
      'POST /api/v1/chat HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0',
      400,
    ],
    ['POST /api/v1/chat HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n', 400],
  ])('gets a problem and no echo: %j', async (bytes, status) => {
    const answer = await exchange(await origin, bytes)
    const [head = '', body = ''] = answer.split('\r\n\r\n')
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(head.toLowerCase()).toContain('content-type: application/problem+json')
    expect(JSON.parse(body)).toMatchObject({ status, code: 'BAD_REQUEST', type: 'about:blank' })
    expect(answer).not.toContain(canary)
    expect((await app.inject('/livez')).statusCode).toBe(200)
  })

  it.each([
    'GET / HTTP/1.1\r\n\r\n',
    'GET /api/v1/menu HTTP/1.1\r\nHost: a\r\nExpect: cats\r\nConnection: close\r\n\r\n',
    'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    'GET http://elsewhere.example/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    'POST /api/v1/chat HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{',
    'GET /api/v1/session/status HTTP/1.1\r\nHost: a\r\nX-Session-ID: \xff\xfe\0x\r\nConnection: close\r\n\r\n',
    'GET /api/v1/session/status HTTP/1.1\r\nHost: a\r\nX-Session-ID: a\r\nX-Session-ID: b\r\nCookie: maya_session=%zz; maya_session\r\nConnection: close\r\n\r\n',
  ])('or hardly so is never an error of the server: %j', async (bytes) => {
    const answer = await exchange(await origin, bytes)
    expect(answer).toMatch(/^$|^HTTP\/1.1 4\d\d /)
    expect((await app.inject('/livez')).statusCode).toBe(200)
  })
})

describe('any request at all', () => {
  const anyBody = fc.oneof(
    fc.json(),
    fc.string(),
    fc
      .object({
        key: fc.constantFrom(
          'user_input',
          'voice',
          'agent',
          'tip_percentage',
          'tip_amount',
          'expected_total_cents',
          'confirmation_id',
          'accept',
          '__proto__',
        ),
        maxDepth: 1,
        values: [
          fc.string(),
          fc.double(),
          fc.constantFrom(10, 15, 20, null, true, false, 'maya', 'two martinis please', 'pay', 'yes'),
          fc.integer(),
        ],
      })
      .map((body) => JSON.stringify(body)),
  )
  const anyHeaders = fc.record(
    {
      'idempotency-key': fc.oneof(
        fc.constantFrom('a', 'b', '', 'c'.repeat(201)),
        fc.stringMatching(/^[\x21-\x7e]{0,250}$/),
      ),
      'content-type': fc.constantFrom(
        'application/json',
        'application/json; charset=utf-8',
        'text/plain',
        'x',
      ),
      'last-event-id': fc.stringMatching(/^[\x21-\x7e]{0,50}$/),
      cookie: fc.stringMatching(/^[\x21-\x7e]{0,50}$/),
    },
    { requiredKeys: [] },
  )

  it('to a POST route is done or refused with a problem, and nothing else', async () => {
    const guest = await newGuest(service)
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          path: fc.constantFrom(...posts),
          payload: anyBody,
          headers: anyHeaders,
          isNamed: fc.boolean(),
        }),
        async ({ path, payload, headers, isNamed }) => {
          model.add(calls(['add_to_order', { item_name: 'Martini', quantity: 1 }]), says('Here you are.'))
          const response = await app.inject({
            method: 'POST',
            url: `/api/v1${path}`,
            headers: {
              'content-type': 'application/json',
              ...headers,
              ...(isNamed && { 'x-session-id': guest.token }),
            },
            payload,
          })
          if (response.statusCode >= 200 && response.statusCode < 300) return
          refusalOf(response)
          expect(response.statusCode).toBeLessThan(500)
        },
      ),
      { numRuns: 150 },
    )
  })

  it('to any path with any method is answered, and not with an error of the server', async () => {
    const anyMethod = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE')
    const anyPath = fc
      .oneof(fc.webPath(), fc.stringMatching(/^[\x21-\x7e]{0,40}$/))
      .map((path) => `/${path}`)
      // The client of these tests cannot send all of them; what is no URL at all is tried by raw bytes above.
      .filter((path) => URL.canParse(path, 'http://maya'))
    await fc.assert(
      fc.asyncProperty(anyMethod, anyPath, fc.webQueryParameters(), async (method, path, query) => {
        const response = await app.inject({ method, url: `${path}?${query}` })
        expect(response.statusCode).toBeLessThan(500)
        if (response.statusCode >= 400) refusalOf(response)
      }),
      { numRuns: 150 },
    )
  })
})
