import { describe, expect, it } from 'vitest'
import { limits } from '../../src/config/limits.ts'
import type { ListenMode, SpeechToText } from '../../src/voice/speech-to-text.ts'
import type { CartesiaListener } from '../fakes/cartesia-listener.ts'
import { tone } from '../fakes/cartesia-context.ts'
import { settle } from '../fakes/fake-clock.ts'
import { all, failureOf, setupCartesia as setup } from './cartesia-setup.ts'

const modes: readonly ListenMode[] = ['hands-free', 'push-to-talk']
const never = new AbortController().signal

/** Sound that comes when the test says so. */
function microphone() {
  const waiting: (Uint8Array | null)[] = []
  let more = Promise.withResolvers<void>()
  const state = { taken: 0, isClosed: false }
  const audio = (async function* () {
    try {
      for (;;) {
        for (; waiting.length === 0; more = Promise.withResolvers()) await more.promise
        const sound = waiting.shift() ?? null
        if (sound === null) return
        state.taken++
        yield sound
      }
    } finally {
      state.isClosed = true
    }
  })()
  const add = (sound: Uint8Array | null): void => {
    waiting.push(sound)
    more.resolve()
  }
  return { audio, state, record: add, end: () => add(null) }
}

/** Somebody is listened to, and the server's side of it is in the test's hand. */
async function listening(mode: ListenMode, act: (listener: CartesiaListener) => void = () => {}) {
  const parts = await setup()
  const { server, ear } = parts
  server.onSocket = () => {
    const listener = server.listeners.at(-1)
    if (listener === undefined) return
    listener.ignoresCommands = true
    act(listener)
  }
  const sound = microphone()
  const events = ear.listen({ audio: sound.audio, mode }, never)
  return { ...parts, ...sound, events }
}

function listen(ear: SpeechToText, mode: ListenMode, sound: readonly Uint8Array[]) {
  const audio = (async function* () {
    yield* sound
  })()
  return all(ear.listen({ audio, mode }, never))
}

describe('what is sent', () => {
  it.each([
    ['hands-free', '/gateway/stt/turns/websocket', ['{"type":"close"}']],
    ['push-to-talk', '/gateway/stt/websocket', ['finalize', 'close']],
  ] as const)('%s is the sound as it came, and then the end', async (mode, path, commands) => {
    const { server, ear } = await setup({ path: '/gateway' })
    const sound = tone(2500, 16_000)
    await listen(ear, mode, [sound.subarray(0, 100), sound.subarray(100)])
    const [listener] = server.listeners
    expect(listener?.sound.equals(sound)).toBe(true)
    expect(Math.max(...(listener?.frames.map(({ byteLength }) => byteLength) ?? []))).toBe(32_000)
    expect(listener?.commands).toEqual(commands)
    expect(server.requests[0]).toMatchObject({
      path: `${path}?model=ink-2&encoding=pcm_s16le&sample_rate=16000`,
      headers: { authorization: 'Bearer sk_car_Canary', 'cartesia-version': '2026-08-14' },
    })
  })

  it('is no faster than the server takes it', async () => {
    const { server, state, record, events } = await listening('hands-free', ({ socket }) => socket.pause())
    const reading = failureOf(all(events))
    for (let second = 0; second < 2000; second++) record(new Uint8Array(32_000))
    await server.until(() => server.listeners.length === 1)
    let taken = -1
    while (state.taken !== taken) {
      taken = state.taken
      for (let turn = 0; turn < 100; turn++) await settle()
    }
    expect(taken).toBeLessThan(2000)
    server.listeners[0]?.socket.terminate()
    expect(await reading).toMatchObject({ code: 'VOICE_UNAVAILABLE' })
    await settle()
    expect(state.isClosed).toBe(true)
  })
})

describe('what is heard', () => {
  it('hands-free, an early end that is taken back ends nothing', async () => {
    const { events, end } = await listening('hands-free', (listener) => {
      for (const event of [
        { type: 'turn.start' },
        { type: 'turn.update', transcript: 'one' },
        { type: 'turn.eager_end', transcript: 'one mojito' },
        { type: 'turn.resume' },
        { type: 'turn.update', transcript: 'one mojito and' },
        { type: 'turn.eager_end', transcript: 'one mojito and water' },
        { type: 'turn.end', transcript: 'one mojito and water' },
      ]) {
        listener.send(event)
      }
      listener.ignoresCommands = false
    })
    end()
    expect(await all(events)).toEqual([
      { type: 'speech-start' },
      { type: 'partial', text: 'one' },
      { type: 'partial', text: 'one mojito' },
      { type: 'partial', text: 'one mojito and' },
      { type: 'partial', text: 'one mojito and water' },
      { type: 'final', text: 'one mojito and water' },
    ])
  })

  it('hands-free, words without a beginning have one, and a beginning without words has an end', async () => {
    const { events, end } = await listening('hands-free', (listener) => {
      for (const event of [
        { type: 'turn.end' },
        { type: 'turn.end', transcript: 'one mojito' },
        { type: 'turn.start' },
        { type: 'turn.start' },
        { type: 'turn.update', transcript: 7 },
        { type: 'turn.end', transcript: '' },
        { type: 'something.new' },
      ]) {
        listener.send(event)
      }
      listener.ignoresCommands = false
    })
    end()
    expect(await all(events)).toEqual([
      { type: 'speech-start' },
      { type: 'partial', text: 'one mojito' },
      { type: 'final', text: 'one mojito' },
      { type: 'speech-start' },
      { type: 'final', text: '' },
    ])
  })

  it('hands-free, what was being said when the sound ended is said', async () => {
    const { server, events, end } = await listening('hands-free', (listener) => {
      listener.send({ type: 'turn.update', transcript: 'one mojito' })
    })
    const heard = all(events)
    end()
    await server.until(() => server.listeners[0]?.commands.length === 1)
    server.listeners[0]?.socket.close(1000)
    expect((await heard).at(-1)).toEqual({ type: 'final', text: 'one mojito' })
  })

  it('push-to-talk, words that Cartesia has never made sure of are not lost', async () => {
    const { server, events, end } = await listening('push-to-talk', (listener) => {
      listener.send({ type: 'transcript', text: 'One mojito,', is_final: true })
      listener.send({ type: 'transcript', text: ' please', is_final: false })
    })
    const heard = all(events)
    end()
    await server.until(() => server.listeners[0]?.commands.length === 2)
    server.listeners[0]?.send({ type: 'done' })
    expect((await heard).at(-1)).toEqual({ type: 'final', text: 'One mojito, please' })
  })

  it('push-to-talk, the final pieces are joined as they are', async () => {
    const { server, events, end } = await listening('push-to-talk', (listener) => {
      for (const [text, isFinal] of [
        ['One', false],
        ['One mo', true],
        ['jito', false],
        ['jito,', true],
        [' please.', true],
      ]) {
        listener.send({ type: 'transcript', text, is_final: isFinal })
      }
    })
    const heard = all(events)
    end()
    await server.until(() => server.listeners[0]?.commands.length === 2)
    server.listeners[0]?.send({ type: 'flush_done' })
    server.listeners[0]?.send({ type: 'done' })
    const partials = ['One', 'One mo', 'One mojito', 'One mojito,', 'One mojito, please.']
    expect(await heard).toEqual([
      { type: 'speech-start' },
      ...partials.map((text) => ({ type: 'partial', text })),
      { type: 'final', text: 'One mojito, please.' },
    ])
  })

  it('waits at the server when nobody reads it', async () => {
    const { server, clock, events, record, end } = await listening('hands-free')
    const reader = events[Symbol.asyncIterator]()
    const first = reader.next()
    record(new Uint8Array(3200))
    await server.until(() => server.bytesHeard > 0)
    const listener = server.listeners[0]
    const text = 'x'.repeat(8000)
    for (let turn = 0; turn < 3000; turn++)
      listener?.send({ type: 'turn.end', transcript: `${turn} ${text}` })
    await first
    for (let turn = 0; turn < 300; turn++) await settle()
    expect(listener?.socket.bufferedAmount).toBeGreaterThan(1_000_000)
    if (listener !== undefined) listener.ignoresCommands = false
    end()
    // Whoever makes the server wait does not call it silent.
    clock.advance(limits.speechSilenceMs * 3)
    const rest = await all({ [Symbol.asyncIterator]: () => reader })
    expect(rest.filter(({ type }) => type === 'final')).toHaveLength(3000)
  })
})

describe.each(modes)('a failure, %s', (mode) => {
  it.each([
    [401, 'KEY_REJECTED'],
    [402, 'KEY_QUOTA'],
    [403, 'KEY_REJECTED'],
    [429, 'VOICE_BUSY'],
    [500, 'VOICE_UNAVAILABLE'],
  ])('with %i is %s, as an answer and as an event', async (status, code) => {
    const { server, ear } = await setup()
    server.refusal = status
    const refused = await failureOf(listen(ear, mode, []))
    server.refusal = null
    server.onSocket = () =>
      server.listeners[0]?.send({ type: 'error', status_code: status, message: 'Canary' })
    const failed = await failureOf(listen(ear, mode, [new Uint8Array(3200)]))
    for (const { code: told, message } of [refused, failed]) {
      expect(told).toBe(code)
      expect(message).toMatch(/^[A-Z].*\.$/)
      expect(message).not.toContain('Canary')
    }
  })

  it.each([
    ['cut off', (listener: CartesiaListener) => listener.socket.terminate()],
    ['closed with 1000', (listener: CartesiaListener) => listener.socket.close(1000)],
    ['nonsense', (listener: CartesiaListener) => listener.socket.send('Canary')],
    ['done too early', (listener: CartesiaListener) => listener.socket.close(1011, 'Canary')],
  ])('of a connection that is %s in the middle is told, and the microphone let go', async (_, act) => {
    const { server, events, record, state } = await listening(mode)
    const failure = failureOf(all(events))
    record(new Uint8Array(3200))
    await server.until(() => server.bytesHeard > 0)
    server.listeners.forEach(act)
    expect(await failure).toMatchObject({ code: 'VOICE_UNAVAILABLE' })
    record(new Uint8Array(3200))
    await settle()
    expect(state.isClosed).toBe(true)
  })

  it('of a connection that is cut off before everything was told is told: half a message is none', async () => {
    const { server, events, end } = await listening(mode, (listener) => {
      listener.send({ type: 'turn.update', transcript: 'one mojito' })
      listener.send({ type: 'transcript', is_final: true, text: 'one mojito' })
    })
    const failure = failureOf(all(events))
    end()
    await server.until(() => (server.listeners[0]?.commands.length ?? 0) > 0)
    server.listeners[0]?.socket.terminate()
    expect(await failure).toMatchObject({ code: 'VOICE_UNAVAILABLE' })
  })

  it('of a connection that is never made is told in time', async () => {
    const { server, clock, events, record } = await listening(mode)
    server.isMute = true
    const failure = failureOf(all(events))
    record(new Uint8Array(3200))
    await server.until(() => server.requests.length === 1)
    clock.advance(limits.voiceConnectMs)
    expect(await failure).toMatchObject({ code: 'VOICE_UNAVAILABLE' })
  })

  it('of a server that does not come to its end is told in time', async () => {
    const { server, clock, events, end } = await listening(mode)
    const failure = failureOf(all(events))
    end()
    await server.until(() => server.listeners[0]?.commands.length !== 0 && server.listeners.length === 1)
    await clock.advanceAsync(limits.speechSilenceMs)
    expect(await failure).toMatchObject({ code: 'VOICE_UNAVAILABLE' })
  })

  it('of a server that says nothing of what was said is told in time', async () => {
    const { server, clock, events, end } = await listening(mode)
    const failure = failureOf(all(events))
    end()
    await server.until(() => server.listeners[0]?.commands.length === (mode === 'hands-free' ? 1 : 2))
    await clock.advanceAsync(limits.speechSilenceMs - 1)
    const listener = server.listeners[0]
    listener?.send({ type: 'something.new' })
    // What comes after it was heard after it.
    listener?.socket.ping()
    await new Promise((resolve) => listener?.socket.once('pong', resolve))
    await clock.advanceAsync(1)
    expect(await failure).toMatchObject({ code: 'VOICE_UNAVAILABLE' })
  })

  it('of a server that gives no sign of life is told; one that only has nothing to say is none', async () => {
    const { server, clock, events, record, end } = await listening(mode, (listener) => {
      listener.ignoresCommands = false
    })
    const heard = all(events)
    record(new Uint8Array(3200))
    await server.until(() => server.bytesHeard > 0)
    for (let silence = 0; silence < 6; silence++) {
      clock.advance(limits.speechSilenceMs)
      for (let turn = 0; turn < 10; turn++) await settle()
    }
    end()
    await heard

    const dead = await listening(mode, ({ socket }) => socket.pause())
    const failure = failureOf(all(dead.events))
    dead.record(new Uint8Array(3200))
    await dead.server.until(() => dead.server.listeners.length === 1)
    for (let turn = 0; turn < 10; turn++) await settle()
    await dead.clock.advanceAsync(limits.speechSilenceMs * 2)
    expect(await failure).toMatchObject({ code: 'VOICE_UNAVAILABLE' })
    dead.server.listeners[0]?.socket.resume()
  })
})

it('the server of the tests can wait for a voice, as a microphone is open before anybody speaks', async () => {
  const { server, ear } = await setup()
  server.hears('one mojito please', { isLoud: true })
  const silence = new Uint8Array(32_000)
  expect(await listen(ear, 'hands-free', [silence])).toEqual([])
  const events = await listen(ear, 'hands-free', [
    silence,
    ...Array.from({ length: 4 }, () => tone(100, 16_000)),
  ])
  expect(events.at(-1)).toEqual({ type: 'final', text: 'one mojito please' })
})
