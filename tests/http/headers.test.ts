import { describe, expect, it } from 'vitest'
import { newGuest } from '../fakes/guest.ts'
import { says } from '../fakes/scripted-model.ts'
import { shareService } from '../fakes/test-service.ts'

const service = await shareService()
const { app, model } = service

describe('security headers', () => {
  it.each([
    ['GET', '/'],
    ['GET', '/api/v1/menu'],
    ['GET', '/api/v1/session/status'],
    ['GET', '/nothing'],
    ['POST', '/api/v1/payments/pay'],
    ['GET', '/healthz'],
    ['GET', '/metrics'],
    ['GET', '/openapi.json'],
  ] as const)('are with %s %s', async (method, url) => {
    const { headers } = await app.inject({ method, url })
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'SAMEORIGIN',
      'cross-origin-opener-policy': 'same-origin',
      'strict-transport-security': expect.stringContaining('max-age='),
    })
    expect(headers['x-powered-by']).toBeUndefined()
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toMatch(/unsafe-inline|unsafe-eval|\*|https?:/)
  })

  it('are with a stream', async () => {
    const guest = await newGuest(service)
    model.add(says('Hello.'))
    const { headers } = await guest.post('/chat/stream', { user_input: 'hi' })
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer' })
    expect(headers['content-security-policy']).toContain("default-src 'none'")
  })
})

describe('the page', () => {
  it('needs nothing that its policy forbids', async () => {
    const { body, headers, statusCode } = await app.inject('/')
    expect([statusCode, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
    expect(body).not.toMatch(/<style|\sstyle=|\son\w+=|javascript:/i)
    for (const [, attributes = '', text = ''] of body.matchAll(/<script\b([^>]*)>([\s\S]*?)<\/script>/g)) {
      expect(attributes).toContain('src=')
      expect(text.trim()).toBe('')
    }
    for (const [, url = ''] of body.matchAll(/(?:src|href)="([^"#]+)"/g)) {
      expect(url).not.toMatch(/^(https?:)?\/\//)
    }
  })
})

describe('the documentation', () => {
  it('loads with everything that it needs', async () => {
    const { body, headers, statusCode } = await app.inject('/docs/')
    expect([statusCode, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
    const urls = [...body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url = '']) => url)
    expect(urls.length).toBeGreaterThan(3)
    for (const url of urls) {
      const { pathname } = new URL(url, 'http://maya/docs/')
      expect([pathname, (await app.inject(pathname)).statusCode]).toEqual([pathname, 200])
    }
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain("script-src 'self'")
    expect(policy).not.toContain('unsafe')
    expect(policy).not.toContain('upgrade-insecure-requests')
    for (const [, text = ''] of body.matchAll(/<script\b[^>]*>([\s\S]*?)<\/script>/g)) {
      expect(text.trim()).toBe('')
    }
  })
})

describe('another origin', () => {
  const origin = 'https://bar.example'
  const preflight = {
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'x-session-id',
  }

  it('is allowed nothing by default', async () => {
    for (const method of ['GET', 'OPTIONS'] as const) {
      const { headers } = await app.inject({ method, url: '/api/v1/menu', headers: { origin, ...preflight } })
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
    }
  })

  describe('that is configured', async () => {
    const environment = { MAYA_CORS_ORIGINS: `${origin},http://localhost:5173` }
    const open = await shareService({ environment })

    it('may ask with credentials and read what it needs', async () => {
      const { headers, statusCode } = await open.app.inject({
        url: '/api/v1/session/status',
        headers: { origin },
      })
      expect(statusCode).toBe(200)
      expect(headers).toMatchObject({
        'access-control-allow-origin': origin,
        'access-control-allow-credentials': 'true',
        'access-control-expose-headers': expect.stringContaining('x-session-id'),
        vary: expect.stringContaining('Origin'),
      })
    })

    it('gets its preflight', async () => {
      const { headers, statusCode } = await open.app.inject({
        method: 'OPTIONS',
        url: '/api/v1/chat',
        headers: { origin, ...preflight },
      })
      expect(statusCode).toBe(204)
      expect(headers).toMatchObject({
        'access-control-allow-origin': origin,
        'access-control-allow-methods': 'GET, POST, DELETE',
        'access-control-allow-headers': 'x-session-id',
      })
    })

    it('may read streams and problems too', async () => {
      const guest = await newGuest(open)
      open.model.add(says('Hello.'))
      for (const response of [
        await guest.post('/chat/stream', { user_input: 'hi' }, { headers: { origin } }),
        await guest.post('/payments/pay', {}, { headers: { origin } }),
        await open.app.inject({ url: '/nothing', headers: { origin } }),
      ]) {
        expect(response.headers['access-control-allow-origin']).toBe(origin)
      }
    })

    it.each(['https://evil.example', 'https://bar.example.evil.example', 'http://bar.example', 'null', ''])(
      'does not open the door to %s',
      async (other) => {
        for (const method of ['GET', 'OPTIONS'] as const) {
          const { headers } = await open.app.inject({
            method,
            url: '/api/v1/menu',
            headers: { origin: other, ...preflight },
          })
          expect(headers['access-control-allow-origin']).not.toBe(other)
          expect(headers['access-control-allow-origin']).not.toBe('*')
        }
      },
    )

    it('changes nothing about what is no preflight', async () => {
      const response = await open.app.inject({ method: 'OPTIONS', url: '/api/v1/chat' })
      expect(response.headers['content-type'] ?? 'none').not.toContain('text/plain')
      expect(response.statusCode).toBeLessThan(300)
    })
  })
})
