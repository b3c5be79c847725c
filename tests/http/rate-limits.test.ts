import type { LightMyRequestResponse } from 'fastify'
import { describe, expect, it } from 'vitest'
import type { Model } from '../../src/llm/model.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { newGuest } from '../fakes/guest.ts'
import { refusalOf } from '../fakes/refusal.ts'
import { says, ScriptedModel, type ScriptedReply } from '../fakes/scripted-model.ts'
import { startService } from '../fakes/test-service.ts'
import { guestOf, startContainer } from '../sessions/container.ts'

const minuteMs = 60_000
const hello = { user_input: 'Hello' }

const friendly: Model = {
  name: 'friendly',
  isGeneral: true,
  async *stream() {
    yield* says('Hello.')
  },
}

const cut: ScriptedReply = [{ type: 'text-delta', text: 'broken off' }]

/** A service whose clock stands still, with these limits and no others. */
async function setup(environment: Readonly<Record<string, string>> = {}, model = friendly) {
  const clock = new FakeClock()
  const service = await startService({ environment, model, clock })
  const { app } = service
  const counted = async (limit: string) => {
    const { body } = await app.inject('/metrics')
    return Number(new RegExp(`^maya_rate_limited_total\\{limit="${limit}"\\} (\\d+)$`, 'm').exec(body)?.[1])
  }
  return { ...service, clock, counted }
}

function limitsOf({ headers }: LightMyRequestResponse): readonly unknown[] {
  return ['limit', 'remaining', 'reset'].map((name) => headers[`ratelimit-${name}`])
}

async function statuses(requests: readonly Promise<LightMyRequestResponse>[]): Promise<readonly number[]> {
  return (await Promise.all(requests)).map(({ statusCode }) => statusCode)
}

describe('a message', () => {
  it('is answered with how many more there may be, and refused beyond with when to come back', async () => {
    const { app, clock, counted } = await setup({ MAYA_SESSION_RATE_LIMIT: '3' })
    const guest = await newGuest({ app })
    const said = async () => guest.post('/chat', hello)
    expect(limitsOf(await said())).toEqual(['3', '2', '20'])
    expect(limitsOf(await said())).toEqual(['3', '1', '20'])
    expect(limitsOf(await said())).toEqual(['3', '0', '20'])
    clock.advance(1500)
    const refused = await said()
    expect(refusalOf(refused)).toMatchObject({ status: 429, code: 'RATE_LIMITED' })
    expect([...limitsOf(refused), refused.headers['retry-after']]).toEqual(['3', '0', '19', '19'])
    expect(await counted('session')).toBe(1)
    clock.advance(19_000)
    expect((await said()).statusCode).toBe(200)
  })

  it('that is refused is not in the conversation', async () => {
    const { app } = await setup({ MAYA_SESSION_RATE_LIMIT: '1' })
    const guest = await newGuest({ app })
    await guest.post('/chat', hello)
    await guest.post('/chat', { user_input: 'Refused' })
    const { history } = (await guest.get('/chat/history')).json()
    expect(history).toHaveLength(2)
    expect(JSON.stringify(history)).not.toContain('Refused')
  })

  it.each(['chat', 'stream', 'stream by GET'])('counts however it is sent: %s', async (way) => {
    const { app } = await setup({ MAYA_SESSION_RATE_LIMIT: '2' })
    const guest = await newGuest({ app })
    let sent = 0
    const say = () => {
      if (way === 'chat') return guest.post('/chat', hello)
      if (way === 'stream') return guest.post('/chat/stream', hello)
      return guest.get(`/chat/stream?message=Hello&idempotency_key=${sent++}`)
    }
    const first = await say()
    expect([first.statusCode, ...limitsOf(first)]).toEqual([200, '2', '1', '30'])
    const second = await say()
    expect([second.statusCode, ...limitsOf(second)]).toEqual([200, '2', '0', '30'])
    const third = await say()
    expect(refusalOf(third)).toMatchObject({ code: 'RATE_LIMITED' })
    expect(limitsOf(third)).toEqual(['2', '0', '30'])
  })

  it('that is repeated under its key is free, however often', async () => {
    const { app } = await setup({ MAYA_SESSION_RATE_LIMIT: '1', MAYA_APP_RATE_LIMIT: '2' })
    const guest = await newGuest({ app })
    const again = () => guest.post('/chat', hello, { key: 'one' })
    const first = await again()
    for (let at = 0; at < 5; at++) expect((await again()).json()).toEqual(first.json())
    const streamed = await guest.post('/chat/stream', hello, { key: 'one' })
    expect(streamed.statusCode).toBe(200)
    expect(streamed.body).toContain('"type":"complete"')
    const turnId = String(first.json().turn_id)
    expect((await guest.get(`/chat/stream?turn_id=${turnId}`)).statusCode).toBe(200)
    expect((await guest.post('/chat', hello, { key: 'two' })).statusCode).toBe(429)
    expect((await guest.post('/chat', { user_input: 'Other' }, { key: 'one' })).statusCode).toBe(422)
  })

  it('that was refused can be sent again under its key', async () => {
    const { app, clock } = await setup({ MAYA_SESSION_RATE_LIMIT: '1' })
    const guest = await newGuest({ app })
    await guest.post('/chat', hello)
    expect((await guest.post('/chat', hello, { key: 'one' })).statusCode).toBe(429)
    clock.advance(minuteMs)
    expect((await guest.post('/chat', hello, { key: 'one' })).statusCode).toBe(200)
  })

  it('that was interrupted is counted when it goes on, and free again once it is answered', async () => {
    const script = new ScriptedModel(cut, says('Here.'))
    const { app } = await setup({ MAYA_SESSION_RATE_LIMIT: '2' }, script)
    const guest = await newGuest({ app })
    const again = async () => guest.post('/chat', hello, { key: 'one' })
    expect((await again()).json()).toMatchObject({ code: 'MODEL_TRUNCATED' })
    const answered = await again()
    expect([answered.statusCode, ...limitsOf(answered)]).toEqual([200, '2', '0', '30'])
    for (let at = 0; at < 5; at++) expect((await again()).json()).toEqual(answered.json())
    expect((await guest.post('/chat', hello, { key: 'two' })).statusCode).toBe(429)
  })

  it.each(['/chat', '/chat/stream'])(
    'that is always interrupted cannot be said for ever to %s',
    async (path) => {
      const script = new ScriptedModel(...Array.from({ length: 50 }, () => cut))
      const { app, clock } = await setup({ MAYA_SESSION_RATE_LIMIT: '2' }, script)
      const guest = await newGuest({ app })
      const again = () => guest.post(path, hello, { key: 'one' })
      const answers = []
      for (let at = 0; at < 40; at++) answers.push(await again())
      expect(answers.filter(({ statusCode }) => statusCode === 429)).toHaveLength(38)
      expect(script.requests).toHaveLength(2)
      clock.advance(minuteMs / 2)
      await again()
      expect(script.requests).toHaveLength(3)
    },
  )

  it('costs nothing anywhere when one limit refuses it', async () => {
    const { app } = await setup({ MAYA_SESSION_RATE_LIMIT: '1', MAYA_APP_RATE_LIMIT: '2' })
    const [one, two] = [await newGuest({ app }), await newGuest({ app })]
    for (let at = 0; at < 10; at++) await one.post('/chat', hello)
    expect((await two.post('/chat', hello)).statusCode).toBe(200)
  })

  it('is all that is counted: what else a guest does is free', async () => {
    const { app } = await setup({ MAYA_SESSION_RATE_LIMIT: '1', MAYA_APP_RATE_LIMIT: '1' })
    const guest = await newGuest({ app })
    await guest.post('/chat', hello)
    for (const path of ['/chat/history', '/payments/tab', '/session/status', '/session/export']) {
      const answer = await guest.get(path)
      expect([answer.statusCode, ...limitsOf(answer)]).toEqual([200, undefined, undefined, undefined])
    }
    expect((await guest.post('/chat/stop')).statusCode).toBe(200)
    expect((await guest.post('/payments/tip', { tip_percentage: 10 })).statusCode).toBe(200)
    expect((await newGuest({ app })).token).toEqual(expect.any(String))
  })

  it('is not counted where every limit is off', async () => {
    const { app } = await setup()
    const guest = await newGuest({ app })
    for (let at = 0; at < 30; at++) {
      const answer = await guest.post('/chat', hello)
      expect([answer.statusCode, ...limitsOf(answer)]).toEqual([200, undefined, undefined, undefined])
    }
  })

  it('of the same moment as many others passes only while there is one left', async () => {
    const { app } = await setup({ MAYA_SESSION_RATE_LIMIT: '3', MAYA_TURN_QUEUE: '100' })
    const guest = await newGuest({ app })
    const seen = await statuses(Array.from({ length: 20 }, () => guest.post('/chat', hello)))
    expect(seen.filter((status) => status === 200)).toHaveLength(3)
    expect(seen.filter((status) => status === 429)).toHaveLength(17)
  })
})

describe('a guest', () => {
  it('who says two things a minute is never refused for an hour', async () => {
    const { app, clock } = await setup({ MAYA_SESSION_RATE_LIMIT: '2', MAYA_BURST_LIMIT: '1' })
    const guest = await newGuest({ app })
    for (let minute = 0; minute < 60; minute++) {
      for (const pauseMs of [minuteMs / 6, (minuteMs * 5) / 6]) {
        expect((await guest.post('/chat', hello)).statusCode).toBe(200)
        await clock.advanceAsync(pauseMs)
      }
    }
  })

  it('who says more is refused, and gets through what the limit allows', async () => {
    const { app, clock } = await setup({ MAYA_SESSION_RATE_LIMIT: '2' })
    const guest = await newGuest({ app })
    let passed = 0
    for (let at = 0; at < 120; at++) {
      passed += Number((await guest.post('/chat', hello)).statusCode === 200)
      await clock.advanceAsync(5000)
    }
    // Ten minutes, and the two to begin with.
    expect(passed).toBe(21)
  })

  it('who hurries is slowed down by the burst limit, though the minute has room', async () => {
    const { app, clock, counted } = await setup({ MAYA_SESSION_RATE_LIMIT: '100', MAYA_BURST_LIMIT: '2' })
    const guest = await newGuest({ app })
    await guest.post('/chat', hello)
    await guest.post('/chat', hello)
    const refused = await guest.post('/chat', hello)
    expect([refused.statusCode, ...limitsOf(refused)]).toEqual([429, '2', '0', '5'])
    expect([await counted('burst'), await counted('session')]).toEqual([1, 0])
    clock.advance(5000)
    expect((await guest.post('/chat', hello)).statusCode).toBe(200)
  })

  it('is counted apart from others of the same place, where only sessions are limited', async () => {
    const { app } = await setup({ MAYA_SESSION_RATE_LIMIT: '1' })
    for (let at = 0; at < 5; at++) {
      expect((await (await newGuest({ app })).post('/chat', hello)).statusCode).toBe(200)
    }
  })
})

describe('all guests together', () => {
  it('share the limit of the app', async () => {
    const { app, counted } = await setup({ MAYA_APP_RATE_LIMIT: '3' })
    const guests = await Promise.all(Array.from({ length: 5 }, () => newGuest({ app })))
    const seen: number[] = []
    for (const guest of guests) seen.push((await guest.post('/chat', hello)).statusCode)
    expect(seen).toEqual([200, 200, 200, 429, 429])
    expect(await counted('app')).toBe(2)
  })

  it('share the limit of their workspace', async () => {
    const { app, counted } = await setup({ MAYA_WORKSPACE_RATE_LIMIT: '1' })
    const [one, two] = [await newGuest({ app }), await newGuest({ app })]
    expect((await one.post('/chat', hello)).statusCode).toBe(200)
    expect((await two.post('/chat', hello)).statusCode).toBe(429)
    expect(await counted('workspace')).toBe(1)
  })

  it('share the limit of their address', async () => {
    const { app, counted } = await setup({ MAYA_ADDRESS_RATE_LIMIT: '1' })
    const say = async (remoteAddress: string) =>
      (await app.inject({ method: 'POST', url: '/api/v1/chat', payload: hello, remoteAddress })).statusCode
    expect([await say('203.0.113.1'), await say('203.0.113.1')]).toEqual([200, 429])
    expect(await say('203.0.113.2')).toBe(200)
    // One connection has a whole network of addresses in IPv6.
    expect([await say('2001:db8:1:2::1'), await say('2001:db8:1:2:aaaa::2')]).toEqual([200, 429])
    expect(await counted('address')).toBe(2)
  })
})

describe('a message for which a session would be made', () => {
  it.each(['/chat', '/chat/stream'])('makes none when it is refused: POST %s', async (path) => {
    const { app, sessions, counted } = await setup({ MAYA_APP_RATE_LIMIT: '1' })
    const say = () => app.inject({ method: 'POST', url: `/api/v1${path}`, payload: hello })
    const first = await say()
    expect([first.statusCode, ...limitsOf(first)]).toEqual([200, '1', '0', '60'])
    expect(sessions.liveCount).toBe(1)
    for (let at = 0; at < 3; at++) {
      const refused = await say()
      expect(refusalOf(refused)).toMatchObject({ code: 'RATE_LIMITED' })
      expect([...limitsOf(refused), refused.headers['retry-after']]).toEqual(['1', '0', '60', '60'])
      expect(refused.headers).not.toHaveProperty('set-cookie')
      expect(refused.headers).not.toHaveProperty('x-session-id')
    }
    expect(sessions.liveCount).toBe(1)
    expect(await counted('app')).toBe(3)
  })

  it('takes nothing from guests who are there, when it is not admitted', async () => {
    const { app } = await setup({ MAYA_APP_RATE_LIMIT: '2', MAYA_SESSIONS_PER_CONTAINER: '1' })
    const guest = await newGuest({ app })
    for (let at = 0; at < 5; at++) {
      const refused = await app.inject({ method: 'POST', url: '/api/v1/chat', payload: hello })
      expect(refused.json().code).toBe('SESSION_LIMIT')
    }
    expect(await statuses([guest.post('/chat', hello), guest.post('/chat', hello)])).toEqual([200, 200])
  })
})

describe('a page of another origin', () => {
  it('may read how it stands with the limits', async () => {
    const origin = 'https://bar.example'
    const { app } = await setup({ MAYA_CORS_ORIGINS: origin, MAYA_SESSION_RATE_LIMIT: '1' })
    const guest = await newGuest({ app })
    for (const path of ['/chat/stream', '/chat']) {
      const answer = await guest.post(path, hello, { headers: { origin } })
      const exposed = String(answer.headers['access-control-expose-headers']).split(/, */)
      expect(exposed).toEqual(
        expect.arrayContaining(['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset', 'retry-after']),
      )
      expect(limitsOf(answer)).toEqual(['1', '0', '60'])
    }
  })
})

describe('checks of a guest’s own key', () => {
  it('are limited by address, however many sessions it makes', async () => {
    const { app, clock, counted } = await setup({ MAYA_TRUSTED_PROXIES: '127.0.0.1' })
    const bring = async (address: string) => {
      const headers = { 'x-forwarded-for': address }
      const guest = await newGuest({ app })
      return guest.post('/session/keys', { gemini_key: 'AIza-guest-0123456789' }, { headers })
    }
    for (let at = 0; at < 10; at++) expect((await bring('203.0.113.1')).statusCode).not.toBe(429)
    expect(refusalOf(await bring('203.0.113.1'))).toMatchObject({ status: 429, code: 'RATE_LIMITED' })
    expect(await counted('keys')).toBe(1)
    expect((await bring('203.0.113.2')).statusCode).not.toBe(429)
    clock.advance(6000)
    expect((await bring('203.0.113.1')).statusCode).not.toBe(429)
  })

  it('are limited by session, apart from messages', async () => {
    const { app, counted } = await setup({ MAYA_SESSION_RATE_LIMIT: '1', MAYA_TRUSTED_PROXIES: '127.0.0.1' })
    const [guest, other] = [await newGuest({ app }), await newGuest({ app })]
    await guest.post('/chat', hello)
    let address = 1
    const bring = (from = guest) => {
      const headers = { 'x-forwarded-for': `203.0.113.${address++}` }
      return from.post('/session/keys', { gemini_key: 'AIza-guest-0123456789' }, { headers })
    }
    for (let at = 0; at < 10; at++) expect((await bring()).statusCode).not.toBe(429)
    const refused = await bring()
    expect(refusalOf(refused)).toMatchObject({ status: 429, code: 'RATE_LIMITED' })
    expect(refused.headers).toMatchObject({ 'retry-after': '6', 'ratelimit-limit': '10' })
    expect(await counted('keys')).toBe(1)
    expect((await bring(other)).statusCode).not.toBe(429)
  })
})

describe('what is remembered of a session', () => {
  it('is let go of whenever it leaves memory', async () => {
    const gone: string[] = []
    const container = startContainer({ onGone: (id) => gone.push(id), sessionsMax: 1 })
    const { sessions, clock } = container
    const make = async () => (await sessions.create({ agent: 'maya', workspace: 'default' })).id
    const ended = await make()
    await guestOf(container, ended).use((session) => sessions.end(session))
    expect(gone).toEqual([ended])
    const expired = await make()
    clock.advance(3_600_001)
    await sessions.sweep()
    expect(gone).toEqual([ended, expired])
    const hibernated = await make()
    clock.advance(60_001)
    const drained = await make()
    expect(gone).toEqual([ended, expired, hibernated])
    await sessions.drain(AbortSignal.abort())
    expect(gone).toEqual([ended, expired, hibernated, drained])
  })
})
