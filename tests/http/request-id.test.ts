import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { listen } from '../fakes/event-reader.ts'
import { newGuest } from '../fakes/guest.ts'
import { says } from '../fakes/scripted-model.ts'
import { shareService, startService } from '../fakes/test-service.ts'

const proxy = '10.0.0.7'
const stranger = '198.51.100.9'
const random = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[\da-f]{4}-[\da-f]{12}$/

const environment = {
  MAYA_TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.1, 2001:db8:feed::/48',
  MAYA_CORS_ORIGINS: 'https://bar.example',
}
const service = await shareService({ environment })

async function idOf(remoteAddress: string, claimed: string): Promise<string> {
  const headers = { 'x-request-id': claimed }
  const answer = await service.app.inject({ url: '/api/v1/menu', remoteAddress, headers })
  return String(answer.headers['x-request-id'])
}

describe('X-Request-ID', () => {
  it('is with every answer, and another one with each', async () => {
    const { app, model } = service
    const guest = await newGuest(service)
    model.add(says('Hello.'), says('Hello.'))
    const origin = { origin: 'https://bar.example', 'access-control-request-method': 'POST' }
    const answers = [
      await guest.post('/chat', { user_input: 'hi' }),
      await guest.post('/chat/stream', { user_input: 'hi' }),
      await guest.post('/payments/pay'),
      await app.inject('/'),
      await app.inject('/healthz'),
      await app.inject('/metrics'),
      await app.inject('/docs/'),
      await app.inject('/nothing'),
      await app.inject('/%zz'),
      await app.inject({ method: 'DELETE', url: '/healthz' }),
      await app.inject({ method: 'OPTIONS', url: '/api/v1/chat', headers: origin }),
      await app.inject({
        method: 'POST',
        url: '/api/v1/chat',
        payload: 'x',
        headers: { 'content-type': 'a/b' },
      }),
    ]
    const ids = answers.map(({ headers }) => headers['x-request-id'])
    for (const id of ids) expect(id).toMatch(random)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('is with what is no readable HTTP too', async () => {
    const own = await startService()
    const { port, hostname } = new URL(await listen(own))
    const answer = await new Promise<string>((resolve) => {
      let text = ''
      const socket = connect(Number(port), hostname, () => socket.write('GET / HTP/9\r\n\r\n'))
      socket.on('data', (data) => (text += String(data)))
      socket.on('close', () => resolve(text))
    })
    expect(answer).toMatch(/^x-request-id: [\da-f-]{36}\r$/m)
  })

  it('may be read by pages of other origins', async () => {
    const { headers } = await service.app.inject({
      url: '/api/v1/menu',
      headers: { origin: 'https://bar.example' },
    })
    expect(headers['access-control-expose-headers']).toContain('x-request-id')
  })

  it.each([proxy, '192.0.2.1', '::ffff:10.0.0.7', '2001:db8:feed::1'])(
    'is what a trusted proxy says: %s',
    async (peer) => {
      expect(await idOf(peer, 'Edge_7.abc-1')).toBe('Edge_7.abc-1')
      expect(await idOf(peer, 'x'.repeat(64))).toBe('x'.repeat(64))
    },
  )

  it.each([stranger, '192.0.2.2', '2001:db8:beef::1', '::ffff:11.0.0.7', ''])(
    'is not what a stranger says: %s',
    async (peer) => {
      expect(await idOf(peer, 'edge-7')).toMatch(random)
    },
  )

  it.each(['', ' ', 'a b', 'a,b', 'x'.repeat(65), 'a"b', '{}', 'é', 'a;b', '<x>'])(
    'is not what a proxy says that is not well formed: %j',
    async (claimed) => {
      expect(await idOf(proxy, claimed)).toMatch(random)
    },
  )
})
