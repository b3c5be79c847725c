import { connect } from 'node:net'
import * as fc from 'fast-check'
import pino from 'pino'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { limits } from '../../src/config/limits.ts'
import { VoiceError, type TextToSpeech } from '../../src/voice/text-to-speech.ts'
import { listen } from '../fakes/event-reader.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { newGuest } from '../fakes/guest.ts'
import { ListeningGuest } from '../fakes/listening-guest.ts'
import { ScriptedEars } from '../fakes/scripted-ears.ts'
import { startService, type TestServiceOptions } from '../fakes/test-service.ts'

const trusted = 'https://partner.example'

/** Other work of this machine may slow a socket down. */
const patient = { timeout: 10_000, interval: 5 }

/** Neither speaks nor listens. */
const nobody = { textToSpeech: null, speechToText: null, close: async () => {} }

function voiceWith(voices: TextToSpeech['voices']): TextToSpeech {
  return {
    name: 'scripted',
    sampleRate: 16_000,
    voices,
    async *speak() {},
    close: async () => {},
  }
}

/** A bar that hears what the test says, on a free port, and a guest of it. */
async function setup(options: TestServiceOptions = {}) {
  const ears = new ScriptedEars()
  const voice = { ...nobody, speechToText: ears }
  const service = await startService({ voice, ...options })
  const origin = await listen(service)
  const guest = await newGuest(service)
  const url = (query: Readonly<Record<string, string>> = {}) => {
    const search = new URLSearchParams({ mode: 'hands_free', ...query })
    return `${origin.replace('http', 'ws')}/api/v1/voice/listen?${search.toString()}`
  }
  const header = { 'x-session-id': guest.token }
  const open = (headers: Readonly<Record<string, string>> = header) => ListeningGuest.open(url(), { headers })
  /** How a socket is refused. */
  const refusal = async (query: Readonly<Record<string, string>>, headers: object = header) => {
    const refused = await ListeningGuest.ask(url(query), { headers: { ...headers } })
    if (refused instanceof ListeningGuest) throw new Error('It was opened.')
    expect(refused.headers['content-type']).toContain('application/problem+json')
    return JSON.parse(refused.body)
  }
  return { ...service, service, ears, origin, guest, url, header, open, refusal }
}

describe('GET /api/v1/voice', () => {
  const choices = [
    { id: 'one', name: 'Anna' },
    { id: 'two', name: 'Bert' },
  ]

  it('says who speaks, in which voices and how fast, with a session and without', async () => {
    const voice = { ...nobody, textToSpeech: voiceWith(async () => choices) }
    const service = await startService({ voice })
    const guest = await newGuest(service)
    const expected = {
      speaks: true,
      listens: false,
      provider: 'scripted',
      voices: choices,
      default_voice: 'one',
      speed: { min: 0.6, max: 1.5 },
    }
    expect((await service.app.inject('/api/v1/voice')).json()).toEqual(expected)
    expect((await guest.get('/voice')).json()).toEqual(expected)
  })

  it('says that there is none', async () => {
    const { app } = await startService({ environment: { MAYA_VOICE_PROVIDER: 'none' } })
    expect((await app.inject('/api/v1/voice')).json()).toEqual({
      speaks: false,
      listens: false,
      provider: null,
      voices: [],
      default_voice: null,
      speed: { min: 0.6, max: 1.5 },
    })
  })

  it('says that somebody listens', async () => {
    const { app } = await setup()
    expect((await app.inject('/api/v1/voice')).json()).toMatchObject({ speaks: false, listens: true })
  })

  it('is no error while the provider is away', async () => {
    const away = voiceWith(() => Promise.reject(new VoiceError('VOICE_UNAVAILABLE', 'Away.')))
    const { app } = await startService({ voice: { ...nobody, textToSpeech: away } })
    const { statusCode, body } = await app.inject('/api/v1/voice')
    expect(statusCode).toBe(200)
    expect(JSON.parse(body)).toMatchObject({
      speaks: true,
      voices: [{ id: 'default', name: 'Maya' }],
      default_voice: 'default',
    })
  })

  it('says so where the session is gone', async () => {
    const { app } = await setup()
    const { statusCode } = await app.inject({ url: '/api/v1/voice', headers: { 'x-session-id': 'x.y' } })
    expect(statusCode).toBe(404)
  })
})

describe('a socket that listens', () => {
  it('is opened with the session in the header, in the query or in the cookie', async () => {
    const { guest, header, url } = await setup()
    for (const [query, headers] of [
      [{}, header],
      [{ session_id: guest.token }, {}],
      [{}, { cookie: `maya_session=${guest.token}` }],
    ] as const) {
      const listened = await ListeningGuest.open(url(query), { headers })
      expect(await listened.hear(1)).toEqual([{ type: 'ready' }])
    }
  })

  it('passes on what it hears, in both ways of listening', async () => {
    const { url, header, ears } = await setup()
    const guest = await ListeningGuest.open(url({ mode: 'push_to_talk' }), { headers: header })
    await guest.hear(1)
    await guest.send(Buffer.alloc(640, 1))
    const [speech] = ears.heard
    await expect.poll(() => speech?.sound, patient).toEqual(Buffer.alloc(640, 1))
    expect(speech?.mode).toBe('push-to-talk')
    speech?.tell({ type: 'final', text: 'A martini.' })
    expect((await guest.closed).code).toBe(1000)
    expect(guest.told.at(-1)).toEqual({ type: 'final', text: 'A martini.' })
  })

  it('keeps its session from expiring and from hibernation', async () => {
    const clock = new FakeClock()
    const { open, sessions } = await setup({
      clock,
      limits: { ...limits, listenSilenceMs: Infinity, listenMs: Infinity },
      environment: {
        MAYA_SESSION_EXPIRY_SECONDS: '120',
        MAYA_SESSION_IDLE_SECONDS: '60',
        MAYA_CLEANUP_INTERVAL_SECONDS: '30',
      },
    })
    const listened = await open()
    await listened.hear(1)
    for (let beat = 0; beat < 12; beat++) {
      const beats = new Promise<void>((resolve) => listened.socket.once('ping', () => resolve()))
      await clock.advanceAsync(15_000)
      await beats
      await roundTrip(listened)
      await sessions.sweep()
    }
    expect(sessions.liveCount).toBe(1)
    expect(listened.socket.readyState).toBe(listened.socket.OPEN)
  })

  it('is one line of the log and one observation, as every request is', async () => {
    const lines: string[] = []
    const logger = pino({ level: 'info', base: null }, { write: (line) => lines.push(line) })
    const { open } = await setup({ logger })
    const listened = await open()
    await listened.leave()
    await vi.waitFor(() => {
      const logged = lines
        .map((line) => JSON.parse(line))
        .filter(({ route }) => route === '/api/v1/voice/listen')
      expect(logged).toMatchObject([{ method: 'GET', status: 101 }])
    }, patient)
  })
})

/** Resolves when the server has read everything up to now. */
async function roundTrip({ socket }: ListeningGuest): Promise<void> {
  const answered = new Promise<void>((resolve) => socket.once('pong', () => resolve()))
  socket.ping()
  await answered
}

describe('a socket is refused before it is one', () => {
  it('without a session', async () => {
    const { refusal } = await setup()
    expect(await refusal({}, {})).toMatchObject({ status: 404, code: 'SESSION_NOT_FOUND' })
    expect(await refusal({ session_id: 'x.y' }, {})).toMatchObject({ status: 404, code: 'SESSION_NOT_FOUND' })
  })

  it('without a way of listening that there is', async () => {
    const { refusal } = await setup()
    for (const mode of ['', 'always', 'hands-free']) {
      expect(await refusal({ mode })).toMatchObject({ status: 400, code: 'BAD_REQUEST' })
    }
  })

  it('with an API key that is not known', async () => {
    const { refusal } = await setup({ environment: { MAYA_API_KEYS: 'acme-key-0123456789:acme' } })
    const unknown = { authorization: 'Bearer other-key-0123456789' }
    expect(await refusal({}, unknown)).toMatchObject({ status: 401, code: 'API_KEY_REQUIRED' })
  })

  it('where nobody listens', async () => {
    const { refusal } = await setup({ voice: nobody })
    expect(await refusal({})).toMatchObject({ status: 503, code: 'VOICE_UNAVAILABLE' })
  })

  it('where so many are listened to already', async () => {
    const { open, service, refusal } = await setup({ limits: { ...limits, listenersMax: 1, listensMax: 0 } })
    const first = await open()
    await first.hear(1)
    const other = { 'x-session-id': (await newGuest(service)).token }
    expect(await refusal({}, other)).toMatchObject({ status: 503, code: 'VOICE_BUSY' })
    await first.leave()
    await vi.waitFor(async () => {
      const next = await ListeningGuest.ask(first.socket.url, { headers: other })
      expect(next).toBeInstanceOf(ListeningGuest)
    }, patient)
  })

  it('when it is asked for too often', async () => {
    const clock = new FakeClock()
    const { open, refusal } = await setup({ clock, limits: { ...limits, listensMax: 3 } })
    for (let count = 0; count < 3; count++) await open()
    expect(await refusal({})).toMatchObject({ status: 429, code: 'RATE_LIMITED' })
    clock.advance(20_000)
    await open()
  })

  it.each([
    { origin: 'https://evil.example' },
    { origin: 'http://127.0.0.1:1' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
    { 'sec-fetch-site': 'same-site' },
  ])('for a page of another origin, however it names the session: %j', async (page) => {
    const { guest, refusal, header, ears } = await setup()
    const forbidden = { status: 403, code: 'FORBIDDEN' }
    expect(await refusal({}, { ...page, cookie: `maya_session=${guest.token}` })).toMatchObject(forbidden)
    expect(await refusal({ session_id: guest.token }, page)).toMatchObject(forbidden)
    expect(await refusal({}, { ...page, ...header })).toMatchObject(forbidden)
    expect(ears.heard).toEqual([])
  })

  it('but not for our own page, nor for one that is trusted', async () => {
    const { open, header, origin } = await setup({ environment: { MAYA_CORS_ORIGINS: trusted } })
    for (const page of [
      { origin },
      { origin, 'sec-fetch-site': 'same-origin' },
      { origin: trusted, 'sec-fetch-site': 'cross-site' },
    ]) {
      const listened = await open({ ...header, ...page })
      expect(await listened.hear(1)).toEqual([{ type: 'ready' }])
    }
  })

  it('when it is none', async () => {
    const { guest, app } = await setup()
    expect((await guest.get('/voice/listen?mode=hands_free')).json()).toMatchObject({
      status: 400,
      code: 'BAD_REQUEST',
    })
    expect((await app.inject({ method: 'HEAD', url: '/api/v1/voice/listen' })).statusCode).toBe(405)
    expect((await app.inject({ method: 'POST', url: '/api/v1/voice/listen' })).statusCode).toBe(405)
  })
})

/** How it was closed, and the code that it was told before. */
async function endOf({ closed, told }: ListeningGuest) {
  const { code, reason } = await closed
  return { code, reason, told: told.at(-1) }
}

function endedWith(code: number, reason: string) {
  return { code, reason, told: expect.objectContaining({ type: 'error', code: reason }) }
}

describe('what ends a socket', () => {
  it('the end of its session', async () => {
    const { open, guest } = await setup()
    const listened = await open()
    await guest.delete('/session')
    expect(await endOf(listened)).toEqual(endedWith(4002, 'SESSION_NOT_FOUND'))
  })

  it('a session that begins again', async () => {
    const { open, guest } = await setup()
    const listened = await open()
    await guest.post('/session/reset')
    expect(await endOf(listened)).toEqual(endedWith(4001, 'INTERRUPTED'))
  })

  it('a key of the guest that is changed: from then on their own pays', async () => {
    const { open, guest, ears } = await setup()
    const listened = await open()
    await guest.post('/session/keys', { gemini_key: null })
    expect(ears.count).toBe(1)
    await guest.post('/session/keys', { cartesia_key: null })
    expect(await endOf(listened)).toEqual(endedWith(4001, 'INTERRUPTED'))
  })

  it('a server that closes: none is opened any more, and nothing is waited for', async () => {
    const clock = new FakeClock()
    const service = await setup({ clock })
    const listened = await service.open()
    await listened.hear(1)
    const closed = service.close(60_000)
    expect(await endOf(listened)).toEqual(endedWith(1001, 'DRAINING'))
    await closed
    expect(service.ears.count).toBe(0)
  })
})

describe('requests that ask for another protocol', () => {
  it.each([
    ['GET', '/api/v1/menu', 'h2c'],
    ['GET', '/api/v1/menu', 'websocket'],
    ['GET', '/livez', 'websocket'],
    ['POST', '/api/v1/sessions', 'h2c'],
  ])('are answered as if they had not, where there is no socket: %s %s %s', async (method, path, upgrade) => {
    const { origin } = await setup()
    const answer = await requestWith(`${origin}${path}`, { method, upgrade })
    expect(answer).toMatch(/^HTTP\/1\.1 20[01] /)
  })

  it('are told where there is one that it is no other protocol', async () => {
    const { origin, guest } = await setup()
    const url = `${origin}/api/v1/voice/listen?mode=hands_free&session_id=${guest.token}`
    const answer = await requestWith(url, { method: 'GET', upgrade: 'h2c' })
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer).toContain('This address is for WebSockets.')
  })

  it('leave nothing behind, however wrong their handshake is', async () => {
    const { origin, guest, open, ears } = await setup({
      limits: { ...limits, listenersMax: 1, listensMax: 0 },
    })
    const header = fc.constantFrom(
      'sec-websocket-version: 13',
      'sec-websocket-version: 99',
      'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
      'sec-websocket-key: x',
      'sec-websocket-protocol: ,,',
      'sec-websocket-extensions: permessage-deflate; x=',
      'content-length: 5',
    )
    const url = `${origin}/api/v1/voice/listen?mode=hands_free&session_id=${guest.token}`
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(header), async (extra) => {
        const answer = await requestWith(url, { method: 'GET', upgrade: 'WebSocket', extra })
        expect(answer).toMatch(/^HTTP\/1\.1 (101|4\d\d) /)
      }),
      { numRuns: 50 },
    )
    await expect.poll(() => ears.count, patient).toBe(0)
    const listened = await open()
    await listened.hear(1)
  })
})

/** Sends a request that asks for another protocol, and gives all that comes back until a moment after it. */
function requestWith(
  url: string,
  {
    method,
    upgrade,
    extra = [],
  }: { readonly method: string; readonly upgrade: string; readonly extra?: readonly string[] },
): Promise<string> {
  const { hostname, port, pathname, search } = new URL(url)
  const head = [
    `${method} ${pathname}${search} HTTP/1.1`,
    `host: ${hostname}:${port}`,
    'connection: Upgrade',
    `upgrade: ${upgrade}`,
    ...(method === 'POST' ? ['content-length: 0'] : []),
    ...extra,
  ]
  return new Promise((resolve) => {
    let answer = ''
    const socket = connect(Number(port), hostname, () => socket.write(`${head.join('\r\n')}\r\n\r\n`))
    onTestFinished(() => {
      socket.destroy()
    })
    socket.on('data', (data) => {
      answer += String(data)
      socket.end()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(answer))
  })
}

describe('a guest’s words', () => {
  it('and the token of their session are in no log and no metric, whatever happens', async () => {
    const lines: string[] = []
    const logger = pino({ level: 'trace', base: null }, { write: (line) => lines.push(line) })
    const { guest, url, ears, app } = await setup({ logger })
    const words = 'Canary-Words'
    const open = async () => {
      const listened = await ListeningGuest.open(url({ session_id: guest.token }))
      await listened.hear(1)
      const speech = ears.heard.at(-1)
      speech?.tell({ type: 'partial', text: words }, { type: 'final', text: words })
      await listened.hear(3)
      return { listened, speech }
    }
    const failed = await open()
    failed.speech?.fail(new TypeError(words, { cause: new Error(words) }))
    await failed.listened.closed
    const refused = await open()
    refused.speech?.fail(new VoiceError('VOICE_UNAVAILABLE', 'Away.', { cause: new Error(words) }))
    await refused.listened.closed
    for (const frame of [words, JSON.stringify({ type: words }), Buffer.from(`${words}!`)]) {
      const { listened } = await open()
      await listened.send(frame)
      await listened.closed
    }
    const large = await open()
    await large.listened.send(Buffer.from(words.repeat(10_000)))
    await large.listened.closed
    const metrics = (await app.inject('/metrics')).body
    const texts = lines.join('') + metrics
    expect(lines.join('')).toContain('/api/v1/voice/listen')
    const secrets = ['Canary', guest.token, guest.token.slice(0, 22), guest.token.slice(23)]
    expect(secrets.filter((secret) => texts.includes(secret))).toEqual([])
  })
})
