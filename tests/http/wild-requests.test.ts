import { connect } from 'node:net'
import * as fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { listen } from '../fakes/event-reader.ts'
import { newGuest } from '../fakes/guest.ts'
import { canary, posts, refusalOf } from '../fakes/refusal.ts'
import { calls, says } from '../fakes/scripted-model.ts'
import { shareService } from '../fakes/test-service.ts'

const service = await shareService()
const { app, model } = service

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
    ['words', `${canary} garbage\r\n\r\n`, 400],
    ['the beginning of TLS', '\x16\x03\x01\x02\x00\x01\x00', 400],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['HTTP/9.9', 'GET / HTTP/9.9\r\nHost: a\r\n\r\n', 400],
    ['no path', `GET ${canary} HTTP/1.1\r\nHost: a\r\n\r\n`, 400],
    ['NUL in the path', 'GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['a blank in a name', 'GET / HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n', 400],
    ['a huge header', `GET / HTTP/1.1\r\nHost: a\r\nX-Session-ID: ${'y'.repeat(20_000)}\r\n\r\n`, 431],
    ['a huge path', `GET /${'y'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
    ['a negative length', 'POST /api/v1/chat HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n{}', 400],
    [
      'two lengths',
      'POST /api/v1/chat HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0',
      400,
    ],
    [
      'a broken chunk',
      'POST /api/v1/chat HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n',
      400,
    ],
  ])('gets a problem and no echo: %s', async (_name, bytes, status) => {
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
    // The client of these tests cannot send all of them; what is no URL at all is tried by raw bytes above.
    const anyUrl = fc
      .array(fc.constantFrom(...'/ap1v%?&=:*(.#\\;@~é\'"<{+ '.split('')), { maxLength: 30 })
      .map((characters) => `/${characters.join('')}`)
      .filter((url) => URL.canParse(url, 'http://maya'))
    await fc.assert(
      fc.asyncProperty(anyMethod, anyUrl, async (method, url) => {
        const response = await app.inject({ method, url })
        expect(response.statusCode).toBeLessThan(500)
        if (response.statusCode >= 400) refusalOf(response)
      }),
      { numRuns: 150 },
    )
  })
})
