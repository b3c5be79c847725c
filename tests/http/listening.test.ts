import { connect } from 'node:net'
import * as fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { limits } from '../../src/config/limits.ts'
import type { TranscriptEvent } from '../../src/voice/speech-to-text.ts'
import { VoiceError } from '../../src/voice/text-to-speech.ts'
import { listeningApp } from '../fakes/listening-app.ts'
import type { ListeningGuest } from '../fakes/listening-guest.ts'

/** 20 ms of sound, as a browser sends it. */
const frame = Buffer.alloc(640, 7)
const end = JSON.stringify({ type: 'end' })
const ready = { type: 'ready' }
const nothing = { places: 0, listening: 0, sessions: 0, ears: 0 }

/** Other work of this machine may slow a socket down. */
const patient = { timeout: 10_000, interval: 5 }

/** A guest who is listened to, and what the ears have of them. */
async function setup(...options: Parameters<typeof listeningApp>) {
  const bar = await listeningApp(...options)
  const guest = await bar.open()
  await guest.hear(1)
  const [speech] = bar.ears.heard
  if (speech === undefined) throw new Error('Nobody listens.')
  /** What is held at this moment. */
  const left = () => ({ places: bar.listening.count, listening: bar.ears.count, ...bar.held })
  return { ...bar, guest, speech, left }
}

describe('a guest who is listened to', () => {
  it('is told when somebody begins to speak, what is said so far, and what was said', async () => {
    const { guest, speech } = await setup()
    const events: readonly TranscriptEvent[] = [
      { type: 'speech-start' },
      { type: 'partial', text: 'a mart' },
      { type: 'final', text: 'A martini, please.' },
      { type: 'speech-start' },
      { type: 'final', text: 'And a beer.' },
    ]
    speech.tell(...events)
    expect(await guest.hear(6)).toEqual([
      ready,
      { type: 'speech_start' },
      { type: 'partial', text: 'a mart' },
      { type: 'final', text: 'A martini, please.' },
      { type: 'speech_start' },
      { type: 'final', text: 'And a beer.' },
    ])
  })

  it('is heard as they speak, in order and to the last sample', async () => {
    const { guest, speech, seen } = await setup()
    const frames = Array.from({ length: 50 }, (_, index) => Buffer.alloc(640, index))
    for (const sound of frames) await guest.send(sound)
    await expect.poll(() => speech.sound, patient).toEqual(Buffer.concat(frames))
    expect(speech.isSoundOver).toBe(false)
    expect(seen.seconds()).toBeCloseTo(1)
  })

  it('comes to a good end when they have no more sound and the ears have told all', async () => {
    const { guest, speech, seen, left } = await setup()
    await guest.send(frame)
    await guest.send(end)
    await expect.poll(() => speech.isSoundOver, patient).toBe(true)
    speech.tell({ type: 'final', text: 'Cheers.' })
    speech.end()
    expect(await guest.closed).toEqual({ code: 1000, reason: '' })
    expect(guest.told.at(-1)).toEqual({ type: 'final', text: 'Cheers.' })
    expect(seen.all).toEqual([
      ['began', 'scripted'],
      ['ended', 'scripted', 'ok'],
    ])
    await expect.poll(left, patient).toEqual(nothing)
  })

  it('says one message by push-to-talk, and nothing after it', async () => {
    const bar = await listeningApp()
    const guest = await bar.open('a', 'push_to_talk')
    await guest.hear(1)
    const [speech] = bar.ears.heard
    expect(speech?.mode).toBe('push-to-talk')
    speech?.tell({ type: 'final', text: 'A beer.' }, { type: 'final', text: 'More.' })
    expect((await guest.closed).code).toBe(1000)
    expect(guest.told).toEqual([ready, { type: 'final', text: 'A beer.' }])
    expect(bar.ears.count).toBe(0)
  })
})

describe('what ends it', () => {
  it('a guest who leaves', async () => {
    const { guest, seen, left } = await setup()
    await guest.send(frame)
    await guest.leave()
    await expect.poll(left, patient).toEqual(nothing)
    expect(seen.all.at(-1)).toEqual(['ended', 'scripted', 'aborted'])
  })

  it('a guest whose network breaks', async () => {
    const { guest, left } = await setup()
    guest.socket.terminate()
    await expect.poll(left, patient).toEqual(nothing)
  })

  it.each([
    [new VoiceError('VOICE_UNAVAILABLE', 'Nobody hears.'), true],
    [new VoiceError('VOICE_BUSY', 'All ears are taken.'), true],
    [new VoiceError('KEY_REJECTED', 'Your key is not taken.'), false],
    [new VoiceError('KEY_QUOTA', 'Your key is used up.'), false],
  ])('ears that fail: %s', async (error, retryable) => {
    const { guest, speech, seen, defects, left } = await setup()
    speech.fail(error)
    expect(await guest.closed).toEqual({ code: 1011, reason: error.code })
    expect(guest.told.at(-1)).toEqual({ type: 'error', code: error.code, message: error.message, retryable })
    expect(seen.all.slice(1)).toEqual([
      ['failed', 'scripted', error.code],
      ['ended', 'scripted', 'error'],
    ])
    expect(defects).toEqual([])
    await expect.poll(left, patient).toEqual(nothing)
  })

  it('a defect of the ears, which is reported and not shown', async () => {
    const { guest, speech, defects } = await setup()
    const defect = new TypeError('words of a guest')
    speech.fail(defect)
    expect(await guest.closed).toEqual({ code: 1011, reason: 'INTERNAL' })
    expect(JSON.stringify(guest.told)).not.toContain('words of a guest')
    expect(defects).toEqual([defect])
  })

  it.each([
    ['no JSON', '{', { code: 1007, reason: 'BAD_REQUEST' }],
    ['JSON that says nothing', 'null', { code: 1003, reason: 'BAD_REQUEST' }],
    ['an unknown type', '{"type":"hello"}', { code: 1003, reason: 'BAD_REQUEST' }],
    ['half a sample', Buffer.alloc(3), { code: 1007, reason: 'BAD_REQUEST' }],
    ['more than a second of sound', Buffer.alloc(32_002), { code: 1009, reason: 'BODY_TOO_LARGE' }],
  ])('a frame that is not understood: %s', async (_name, sent, closing) => {
    const { guest, left } = await setup()
    await guest.send(sent)
    expect(await guest.closed).toEqual(closing)
    expect(guest.told.at(-1)).toMatchObject({ type: 'error', code: closing.reason, retryable: false })
    await expect.poll(left, patient).toEqual(nothing)
  })

  it('a frame that is too large to be read at all', async () => {
    const { guest, left } = await setup()
    await guest.send(Buffer.alloc(64 * 1024 + 2))
    expect((await guest.closed).code).toBe(1009)
    await expect.poll(left, patient).toEqual(nothing)
  })

  it('sound after the end of the sound', async () => {
    const { guest } = await setup()
    await guest.send(end)
    await guest.send(frame)
    expect((await guest.closed).code).toBe(1008)
  })

  it('silence on the line', async () => {
    const { guest, clock, left } = await setup()
    await clock.advanceAsync(limits.listenSilenceMs)
    expect(await guest.closed).toEqual({ code: 4003, reason: 'INTERRUPTED' })
    await expect.poll(left, patient).toEqual(nothing)
  })

  it('the longest time that one is listened to', async () => {
    const { guest, clock, left } = await setup({ limits: { listenMs: 60_000 } })
    for (const at of [1, 2, 3]) {
      await guest.send(frame)
      await expect.poll(() => guest.socket.bufferedAmount, patient).toBe(0)
      await roundTrip(guest)
      await clock.advanceAsync(15_000)
      expect(guest.socket.readyState, `after ${at}`).toBe(guest.socket.OPEN)
    }
    await guest.send(frame)
    await roundTrip(guest)
    await clock.advanceAsync(15_000)
    expect(await guest.closed).toEqual({ code: 4004, reason: 'INTERRUPTED' })
    await expect.poll(left, patient).toEqual(nothing)
  })

  it('ears that take no sound any more, or never come to an end', async () => {
    const { guest, clock } = await setup()
    await guest.send(end)
    await roundTrip(guest)
    await clock.advanceAsync(limits.listenSilenceMs)
    expect(await guest.closed).toEqual({ code: 1011, reason: 'VOICE_UNAVAILABLE' })
  })

  it.each([
    ['session-changed', 4001],
    ['session-gone', 4002],
  ] as const)('a session that is over: %s', async (name, code) => {
    const { guest, listening, left } = await setup()
    listening.end('another session', name)
    listening.end('a', name)
    expect((await guest.closed).code).toBe(code)
    await expect.poll(left, patient).toEqual(nothing)
  })

  it('a server that closes', async () => {
    const { guest, listening, app, left, ask } = await setup()
    listening.close()
    expect(await guest.closed).toEqual({ code: 1001, reason: 'DRAINING' })
    expect(guest.told.at(-1)).toMatchObject({ type: 'error', code: 'DRAINING', retryable: true })
    await expect.poll(left, patient).toEqual(nothing)
    expect(await ask('b')).toMatchObject({ status: 503, body: expect.stringContaining('DRAINING') })
    await app.close()
  })

  it('a server that closes, also where a guest does not answer', async () => {
    const { guest, app, left } = await setup()
    guest.socket.pause()
    await app.close()
    await expect.poll(left, patient).toEqual(nothing)
  })
})

/** Resolves when the server has read everything up to now. */
async function roundTrip({ socket }: ListeningGuest): Promise<void> {
  const answered = new Promise<void>((resolve) => socket.once('pong', () => resolve()))
  socket.ping()
  await answered
}

describe('one session', () => {
  it('is listened to once: the newest takes the place of the one before', async () => {
    const { guest, open, listening, ears } = await setup()
    const other = await open('a')
    await other.hear(1)
    expect(await guest.closed).toEqual({ code: 4000, reason: 'INTERRUPTED' })
    expect(guest.told.at(-1)).toMatchObject({ type: 'error', retryable: false })
    await expect.poll(() => listening.count, patient).toBe(1)
    expect(ears.count).toBe(1)
    expect(other.socket.readyState).toBe(other.socket.OPEN)
  })

  it('is listened to once, also where two sockets are opened in the same moment', async () => {
    const both = Promise.withResolvers<void>()
    let admitted = 0
    const { open, listening } = await listeningApp({
      async whenAdmitted() {
        if (++admitted === 2) both.resolve()
        await both.promise
      },
    })
    const guests = await Promise.all([open('a'), open('a')])
    await expect.poll(() => listening.count, patient).toBe(1)
    const heard = guests.filter(({ socket }) => socket.readyState === socket.OPEN)
    expect(heard.map(({ told }) => told)).toEqual([[ready]])
  })

  it('is not listened to any more when it has just ended', async () => {
    const { guest, ask, ended, left } = await setup()
    await guest.leave()
    ended.add('a')
    expect(await ask('a')).toMatchObject({ status: 404, body: expect.stringContaining('SESSION_NOT_FOUND') })
    await expect.poll(left, patient).toEqual(nothing)
  })

  it('holds two places at most, however often it begins and however slowly it leaves', async () => {
    const { open, listening } = await setup()
    const counts: number[] = []
    for (let count = 0; count < 20; count++) {
      const next = await open('a')
      // It never reads that it is closed, so it never answers.
      next.socket.pause()
      counts.push(listening.count)
    }
    // One that was cut off may still be on its way out.
    expect(Math.max(...counts)).toBeLessThanOrEqual(3)
  })
})

describe('all together', () => {
  it('are so many at most, and the next is told to come back', async () => {
    const { guest, open, ask, listening } = await setup({ limits: { listenersMax: 2 } })
    const second = await open('b')
    expect(await ask('c')).toMatchObject({ status: 503, body: expect.stringContaining('VOICE_BUSY') })
    // Who is there already may begin again.
    const again = await open('b')
    await again.hear(1)
    expect((await second.closed).code).toBe(4000)
    await guest.leave()
    await expect.poll(() => listening.count, patient).toBe(1)
    const third = await open('c')
    await third.hear(1)
  })
})

describe('bounds', () => {
  it('sound that nobody takes stops the guest, and goes on in order when it is taken again', async () => {
    const bar = await listeningApp({ limits: { listenBufferBytesMax: 10_000 } })
    bar.ears.isDeaf = true
    const guest = await bar.open()
    await guest.hear(1)
    const frames = Array.from({ length: 200 }, (_, index) => Buffer.alloc(1280, index))
    for (const sound of frames) guest.socket.send(sound)
    await expect.poll(() => [...bar.app.websocketServer.clients][0]?.isPaused, patient).toBe(true)
    const [speech] = bar.ears.heard
    bar.ears.wake()
    await expect.poll(() => speech?.sound, patient).toEqual(Buffer.concat(frames))
    expect(guest.socket.readyState).toBe(guest.socket.OPEN)
  })

  it('a guest who is stopped is not missed for what cannot be read of them', async () => {
    const bar = await listeningApp({ limits: { listenBufferBytesMax: 10_000, listenSilenceMs: Infinity } })
    bar.ears.isDeaf = true
    const guest = await bar.open()
    for (let count = 0; count < 20; count++) guest.socket.send(Buffer.alloc(1280))
    await expect.poll(() => [...bar.app.websocketServer.clients][0]?.isPaused, patient).toBe(true)
    await bar.clock.advanceAsync(5 * limits.heartbeatMs)
    bar.ears.wake()
    await expect.poll(() => bar.ears.heard[0]?.sound.length, patient).toBe(20 * 1280)
  })

  it('sound that is never taken again ends it', async () => {
    const bar = await listeningApp({ limits: { listenBufferBytesMax: 10_000 } })
    bar.ears.isDeaf = true
    const guest = await bar.open()
    for (let count = 0; count < 20; count++) guest.socket.send(Buffer.alloc(1280))
    await expect.poll(() => [...bar.app.websocketServer.clients][0]?.isPaused, patient).toBe(true)
    await bar.clock.advanceAsync(limits.listenSilenceMs)
    expect(await guest.closed).toEqual({ code: 1011, reason: 'VOICE_UNAVAILABLE' })
  })

  it('nobody has hours heard in a minute', async () => {
    const { guest, clock, speech } = await setup()
    clock.advance(5000)
    for (let count = 0; count < 60; count++) guest.socket.send(Buffer.alloc(32_000))
    expect(await guest.closed).toEqual({ code: 1008, reason: 'RATE_LIMITED' })
    // Five seconds that have passed, and ten for what a network may have held up.
    expect(speech.sound.length / 32_000).toBeLessThan(17)
  })

  it('sound that a network has held up is heard', async () => {
    const { guest, clock, speech } = await setup()
    clock.advance(14_000)
    for (let count = 0; count < 20; count++) guest.socket.send(Buffer.alloc(32_000))
    await expect.poll(() => speech.sound.length, patient).toBe(20 * 32_000)
  })

  it.each([
    ['tiny frames of sound', (guest: ListeningGuest) => guest.socket.send(Buffer.alloc(2))],
    ['empty frames', (guest: ListeningGuest) => guest.socket.send(Buffer.alloc(0))],
    ['ends', (guest: ListeningGuest) => guest.socket.send(end)],
  ])('floods end it: %s', async (_name, flood) => {
    const { guest } = await setup()
    for (let count = 0; count < 6000; count++) flood(guest)
    expect((await guest.closed).code).toBe(1008)
  })

  it('floods end it: pings', async () => {
    const { guest } = await setup()
    // One by one, because a crowd of them that waits for its answers is cut off at once.
    while (guest.socket.readyState === guest.socket.OPEN) {
      await Promise.race([roundTrip(guest), guest.closed])
    }
    expect((await guest.closed).code).toBe(1008)
  })

  it('a guest who does not read is cut off', async () => {
    const { guest, speech, left } = await setup({ limits: { readerLagBytesMax: 64 * 1024 } })
    guest.socket.pause()
    const text = 'words '.repeat(10_000)
    for (let count = 0; count < 400; count++) speech.tell({ type: 'partial', text })
    await expect.poll(left, patient).toEqual(nothing)
  })

  it('a guest who answers no heartbeat is cut off', async () => {
    const { guest, clock, left } = await setup({ limits: { listenSilenceMs: Infinity } })
    guest.socket.pause()
    await clock.advanceAsync(2 * limits.heartbeatMs)
    expect(guest.socket.readyState).toBe(guest.socket.OPEN)
    await clock.advanceAsync(limits.heartbeatMs)
    await expect.poll(left, patient).toEqual(nothing)
  })

  it('a guest who answers heartbeats stays', async () => {
    const { guest, clock } = await setup({ limits: { listenSilenceMs: Infinity } })
    for (let count = 0; count < 5; count++) {
      const beat = new Promise((resolve) => guest.socket.once('ping', resolve))
      await clock.advanceAsync(limits.heartbeatMs)
      await beat
      await roundTrip(guest)
    }
    expect(guest.socket.readyState).toBe(guest.socket.OPEN)
  })
})

describe('wild guests', () => {
  const text = fc.oneof(fc.string(), fc.json(), fc.constantFrom(end, '{"type":"end","more":1}', '[]', '""'))
  const sound = fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes))

  it('leave nothing behind, whatever frames they send', async () => {
    const { open, left, guest, defects } = await setup()
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(text, sound), { maxLength: 8 }), async (frames) => {
        const wild = await open('b')
        for (const sent of frames) await wild.send(sent)
        await wild.leave()
      }),
      { numRuns: 60 },
    )
    await guest.leave()
    await expect.poll(left, patient).toEqual(nothing)
    expect(defects).toEqual([])
  })

  it('leave nothing behind, whatever bytes they send in the place of frames', async () => {
    const { port, left, guest, defects } = await setup()
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 400 }), async (bytes) => {
        await sendRaw(port, Buffer.from(bytes))
      }),
      { numRuns: 60 },
    )
    await guest.leave()
    await expect.poll(left, patient).toEqual(nothing)
    expect(defects).toEqual([])
  })
})

/** Opens a socket by hand, sends bytes that may be no frames, and waits until it is closed. */
function sendRaw(port: number, bytes: Buffer): Promise<void> {
  const head = [
    'GET /api/v1/voice/listen?session=b&mode=hands_free HTTP/1.1',
    'Host: a',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ]
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${head.join('\r\n')}\r\n\r\n`))
    onTestFinished(() => {
      socket.destroy()
    })
    socket.once('data', () => {
      socket.end(bytes)
      socket.resume()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve())
  })
}
