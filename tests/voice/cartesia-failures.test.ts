import { describe, expect, it } from 'vitest'
import { limits } from '../../src/config/limits.ts'
import { settle } from '../fakes/fake-clock.ts'
import {
  all,
  failureOf,
  known,
  queueOfSentences,
  setupCartesia as setup,
  untilSound,
} from './cartesia-setup.ts'

/** What each status means, and as which code it is told. */
const codes = [
  [400, 'VOICE_UNAVAILABLE'],
  [401, 'KEY_REJECTED'],
  [402, 'KEY_QUOTA'],
  [403, 'KEY_REJECTED'],
  [404, 'VOICE_UNAVAILABLE'],
  [429, 'VOICE_BUSY'],
  [500, 'VOICE_UNAVAILABLE'],
  [503, 'VOICE_UNAVAILABLE'],
] as const

/** A sentence of our own, with neither the key nor the provider's words. */
const ownWords = { asymmetricMatch: (text: string) => /^[A-Z].*\.$/.test(text) && !/Canary/.test(text) }

describe('a connection that cannot be made', () => {
  it.each(codes)('is told for what it is: %i is %s', async (status, code) => {
    const { server, speak } = await setup()
    server.refusal = status
    expect(await failureOf(all(speak(known('Good evening.'))))).toEqual({ code, message: ownWords })
    server.refusal = null
    expect((await all(speak(known('Good evening.')))).length).toBeGreaterThan(0)
  })

  it('is given up in time', async () => {
    const { server, speak, clock } = await setup()
    server.isMute = true
    const speech = failureOf(all(speak(known('Good evening.'))))
    await server.until(() => server.requests.length === 1)
    clock.advance(limits.voiceConnectMs)
    expect(await speech).toEqual({ code: 'VOICE_UNAVAILABLE', message: ownWords })
  })

  it('is left by a turn that is aborted, and goes on for the others', async () => {
    const { server, speak } = await setup()
    const abort = new AbortController()
    const left = all(speak(known('Good evening.'), abort.signal))
    const other = all(speak(known('Take a seat.')))
    abort.abort(new Error('The guest has left.'))
    await expect(left).rejects.toThrow('The guest has left.')
    expect((await other).length).toBeGreaterThan(0)
    expect(server.requests).toHaveLength(1)
  })

  it('is unavailable where nobody listens', async () => {
    const { server, speak } = await setup()
    await server.stop()
    expect(await failureOf(all(speak(known('Good evening.'))))).toEqual({
      code: 'VOICE_UNAVAILABLE',
      message: ownWords,
    })
  })

  it('follows nobody to another place', async () => {
    const { server, speak } = await setup()
    server.refusal = 302
    expect(await failureOf(all(speak(known('Good evening.'))))).toMatchObject({ code: 'VOICE_UNAVAILABLE' })
    expect(server.requests).toHaveLength(1)
  })
})

describe('an error event', () => {
  it.each(codes)('of the context is told for what it is: %i is %s', async (status, code) => {
    const { server, speak } = await setup()
    server.onSpeech = (context) => context.fail(status)
    expect(await failureOf(all(speak(known('Good evening.'))))).toEqual({ code, message: ownWords })
    expect(server.contexts).toHaveLength(1)
    expect(server.openSockets).toBe(1)
  })

  it.each([
    ['concurrency_limited', 'VOICE_BUSY'],
    ['quota_exceeded', 'KEY_QUOTA'],
  ])('is told by its own code: %s', async (errorCode, code) => {
    const { server, speak } = await setup()
    server.onSpeech = (context) => context.fail(400, errorCode)
    expect(await failureOf(all(speak(known('Good evening.'))))).toMatchObject({ code })
  })

  it('without a context is everybody’s', async () => {
    const { server, speak } = await setup()
    server.onSpeech = ({ socket }) => socket.send(JSON.stringify({ type: 'error', status_code: 401 }))
    const both = [speak(known('Good evening.')), speak(known('Take a seat.'))].map(all)
    const failures = await Promise.all(both.map(failureOf))
    expect(failures.map(({ code }) => code)).toEqual(['KEY_REJECTED', 'KEY_REJECTED'])
  })

  it('that names its context only within the id of the request is that context’s', async () => {
    const { server, speak } = await setup()
    server.onSpeech = (context, message) => {
      if (context !== server.contexts[0]) context.play(message)
      else {
        const event = { type: 'error', status_code: 402, request_id: `one:${context.id}:two` }
        context.socket.send(JSON.stringify(event))
      }
    }
    const [failed, spoken] = await Promise.all([
      failureOf(all(speak(known('Good evening.')))),
      all(speak(known('Take a seat.'))),
    ])
    expect(failed).toMatchObject({ code: 'KEY_QUOTA' })
    expect(spoken.length).toBeGreaterThan(0)
    expect(server.openSockets).toBe(1)
  })

  it('is told also when it comes before anything was said', async () => {
    const { server, speak } = await setup()
    server.onSocket = (socket) => socket.send(JSON.stringify({ type: 'error', status_code: 402 }))
    server.onSpeech = () => {}
    expect(await failureOf(all(speak(known('Good evening.'))))).toMatchObject({ code: 'KEY_QUOTA' })
  })
})

describe('a connection that breaks', () => {
  it.each(['cut off', 'closed with 1000'])(
    'in the middle, %s, ends what is said, and the next turn makes a new one',
    async (how) => {
      const { server, speak } = await setup()
      server.onSpeech = (context, message) => {
        if (message.flush !== true) return
        context.sound(100, 1)
        if (how === 'cut off') context.socket.terminate()
        else context.socket.close(1000)
      }
      const { sentences, push } = queueOfSentences()
      push('Good evening.')
      const speech = await untilSound(speak(sentences))
      expect(await failureOf(all(speech))).toEqual({ code: 'VOICE_UNAVAILABLE', message: ownWords })
      server.onSpeech = (context, message) => context.play(message)
      expect((await all(speak(known('Take a seat.')))).length).toBeGreaterThan(0)
      expect(server.requests).toHaveLength(2)
    },
  )

  it('before any sound is made anew once, and nobody notices', async () => {
    const { server, speak } = await setup()
    await all(speak(known('Good evening.')))
    server.onSpeech = (context, message) => {
      if (server.requests.length === 1) server.cut()
      else context.play(message)
    }
    const events = await all(speak(known('What may I bring you?', 'Take a seat.')))
    expect(new Set(events.map(({ sentence }) => sentence))).toEqual(new Set([0, 1]))
    expect(server.requests).toHaveLength(2)
  })

  it('before any sound, but after its words were told, does not have them told twice', async () => {
    const { server, speak } = await setup()
    server.onSpeech = (context, message) => {
      if (message.flush !== true) return
      context.send({ type: 'timestamps', word_timestamps: { words: ['Good'], start: [0], end: [0.2] } })
      context.socket.close(1000)
    }
    expect(await failureOf(all(speak(known('Good evening.'))))).toMatchObject({ code: 'VOICE_UNAVAILABLE' })
    expect(server.requests).toHaveLength(1)
  })

  it('before any sound is not made anew again and again', async () => {
    const { server, speak } = await setup()
    server.onSpeech = () => server.cut()
    expect(await failureOf(all(speak(known('Good evening.'))))).toMatchObject({ code: 'VOICE_UNAVAILABLE' })
    expect(server.requests).toHaveLength(2)
  })

  it('while nobody speaks costs the next turn nothing', async () => {
    const { server, speak } = await setup()
    await all(speak(known('Good evening.')))
    for (const socket of server.sockets) socket.close(1000, 'connection idle timeout')
    await server.until(() => server.openSockets === 0)
    expect((await all(speak(known('Take a seat.')))).length).toBeGreaterThan(0)
  })

  it('is not waited for: after four idle minutes it is ours to close', async () => {
    const { server, speak, clock } = await setup()
    await all(speak(known('Good evening.')))
    clock.advance(4 * 60_000 - 1)
    await settle()
    expect(server.openSockets).toBe(1)
    clock.advance(1)
    await server.until(() => server.openSockets === 0)
    expect((await all(speak(known('Take a seat.')))).length).toBeGreaterThan(0)
    expect(server.requests).toHaveLength(2)
  })
})

describe('silence', () => {
  it.each([
    ['before any sound', 0],
    ['in the middle of the last sentence', 100],
  ])('%s is not borne for long', async (_, soundMs) => {
    const { server, speak, clock } = await setup()
    server.onSpeech = (context, message) => {
      if (message.flush === true && soundMs > 0) context.sound(soundMs, 1)
    }
    const speech = failureOf(all(speak(known('Good evening.'))))
    await server.until(() => server.contexts[0]?.hasEnded === true)
    await clock.advanceAsync(limits.speechSilenceMs * 2)
    expect(await speech).toEqual({ code: 'VOICE_UNAVAILABLE', message: ownWords })
    await server.until(() => server.openSockets === 0)
  })

  it.each([
    ['events that mean nothing to us', { type: 'something.new' }],
    ['sound that is empty', { type: 'chunk', data: '' }],
    ['words that are none', { type: 'timestamps', word_timestamps: {} }],
  ])('is not broken by %s', async (_, event) => {
    const { server, speak, clock } = await setup()
    server.onSpeech = () => {}
    const speech = failureOf(all(speak(known('Good evening.'))))
    await server.until(() => server.contexts[0]?.hasEnded === true)
    await clock.advanceAsync(limits.speechSilenceMs - 1)
    server.contexts[0]?.send(event)
    // What comes after it was heard after it.
    server.contexts[0]?.socket.ping()
    await new Promise((resolve) => server.contexts[0]?.socket.once('pong', resolve))
    await clock.advanceAsync(1)
    expect(await speech).toEqual({ code: 'VOICE_UNAVAILABLE', message: ownWords })
  })

  it('of one context leaves the connection to those who are heard', async () => {
    const { server, speak, clock } = await setup()
    server.onSpeech = (context, message) => {
      if (context === server.contexts[1]) context.play(message)
    }
    const mute = failureOf(all(speak(known('Good evening.'))))
    await server.until(() => server.contexts[0]?.hasEnded === true)
    clock.advance(limits.speechSilenceMs - 1)
    expect((await all(speak(known('Take a seat.')))).length).toBeGreaterThan(0)
    await clock.advanceAsync(1)
    expect(await mute).toMatchObject({ code: 'VOICE_UNAVAILABLE' })
    await server.until(() => server.contexts[0]?.isCancelled === true)
    expect(server.openSockets).toBe(1)
  })
})

describe('nonsense', () => {
  it.each([
    ['no JSON', 'Canary'],
    ['no object', '[]'],
    ['bytes', Buffer.from([1, 2, 3])],
    ['far too much', JSON.stringify({ type: 'chunk', data: 'A'.repeat(5 * 1024 * 1024) })],
  ])('such as %s ends the connection, and the next turn makes a new one', async (_, frame) => {
    const { server, speak } = await setup()
    server.onSpeech = (context, message) => {
      if (message.flush !== true) return
      context.sound(100, 1)
      context.socket.send(frame)
    }
    const speech = await untilSound(speak(known('Good evening.')))
    expect(await failureOf(all(speech))).toEqual({ code: 'VOICE_UNAVAILABLE', message: ownWords })
    server.onSpeech = (context, message) => context.play(message)
    expect((await all(speak(known('Take a seat.')))).length).toBeGreaterThan(0)
  })

  it('such as an error without a status is an error', async () => {
    const { server, speak } = await setup()
    server.onSpeech = (context) => context.send({ type: 'error', status_code: 'Canary' })
    expect(await failureOf(all(speak(known('Good evening.'))))).toEqual({
      code: 'VOICE_UNAVAILABLE',
      message: ownWords,
    })
  })
})

/** One turn speaks, and keeps the only place. */
async function oneSpeaks(queue: Partial<typeof limits> = {}) {
  const parts = await setup({ concurrency: 1, limits: queue })
  const { server, speak } = parts
  let isHeld = true
  server.onSpeech = (context, message) => {
    if (context !== server.contexts[0] || !isHeld) context.play(message)
  }
  const first = all(speak(known('Good evening.')))
  await server.until(() => server.contexts[0]?.hasEnded === true)
  const release = (): void => {
    isHeld = false
    server.contexts[0]?.done()
  }
  return { ...parts, first, release }
}

describe('the places of the plan', () => {
  it('are given in the order in which turns came', async () => {
    const { server, speak, first, release } = await oneSpeaks()
    const others = [speak(known('One.')), speak(known('Two.')), speak(known('Three.'))].map(all)
    await settle()
    expect(server.contexts).toHaveLength(1)
    release()
    await Promise.all([first, ...others])
    const said = server.contexts.slice(1).flatMap(({ transcripts }) => transcripts)
    expect(said.filter((text) => text !== 'Good evening. ')).toEqual(['One. ', 'Two. ', 'Three. '])
  })

  it('are waited for only so long', async () => {
    const { speak, clock, first, release } = await oneSpeaks({ speechQueueMs: 3000 })
    const second = failureOf(all(speak(known('One.'))))
    await settle()
    clock.advance(3000)
    expect(await second).toEqual({ code: 'VOICE_BUSY', message: ownWords })
    release()
    await first
  })

  it('are waited for only by so many', async () => {
    const { speak, first, release } = await oneSpeaks({ speechQueueMax: 1 })
    const second = all(speak(known('One.')))
    await settle()
    expect(await failureOf(all(speak(known('Two.'))))).toMatchObject({ code: 'VOICE_BUSY' })
    release()
    await Promise.all([first, second])
  })

  it('are not waited for by those who have left', async () => {
    const { server, speak, first, release } = await oneSpeaks()
    const abort = new AbortController()
    const second = all(speak(known('One.'), abort.signal))
    await settle()
    abort.abort(new Error('The guest has left.'))
    await expect(second).rejects.toThrow('The guest has left.')
    const third = all(speak(known('Two.')))
    release()
    await Promise.all([first, third])
    expect(server.contexts.flatMap(({ transcripts }) => transcripts)).not.toContain('One. ')
  })

  it('are free again after failures and aborts', async () => {
    const { server, speak } = await setup({ concurrency: 1 })
    server.onSpeech = (context) => context.fail(500)
    for (let turn = 0; turn < 3; turn++) await failureOf(all(speak(known('Good evening.'))))
    server.onSpeech = (context, message) => context.play(message)
    expect((await all(speak(known('Take a seat.')))).length).toBeGreaterThan(0)
  })
})

describe('a slow reader', () => {
  it('makes the next sentence wait', async () => {
    const { server, speak } = await setup({ limits: { turnAudioBytesMax: 20_000 } })
    const speech = speak(known('Good evening.', 'Take a seat.', 'What may I bring you?'))
    const events = await untilSound(speech)
    await server.until(() => (server.contexts[0]?.messages.length ?? 0) >= 2)
    for (let turn = 0; turn < 20; turn++) await settle()
    expect(server.contexts[0]?.transcripts.length).toBeLessThan(3)
    await all(events)
    expect(server.contexts.flatMap(({ transcripts }) => transcripts)).toHaveLength(3)
  })

  it('makes it wait also when its context has ended meanwhile', async () => {
    const { server, speak, clock } = await setup({ limits: { turnAudioBytesMax: 20_000 } })
    const sentences = ['Good evening.', 'Take a seat.', 'What may I bring you?', 'A beer, perhaps.']
    const events = await untilSound(speak(known(...sentences)))
    await server.until(() => (server.contexts[0]?.messages.length ?? 0) >= 2)
    for (let turn = 0; turn < 20; turn++) await settle()
    clock.advance(1000)
    await server.until(() => server.contexts[0]?.isOver === true)
    for (let turn = 0; turn < 20; turn++) await settle()
    expect(server.contexts).toHaveLength(1)
    await all(events)
    expect(server.contexts.flatMap(({ transcripts }) => transcripts)).toHaveLength(4)
  })

  it('does not have to keep sound without end', async () => {
    const { server, speak } = await setup({ limits: { turnAudioBytesMax: 10_000 } })
    server.onSpeech = (context, message) => {
      if (message.flush === true) context.sound(10_000, 1)
    }
    const speech = failureOf(all(speak(known('Good evening.'))))
    await server.until(() => server.contexts[0]?.isCancelled === true)
    expect(await speech).toEqual({ code: 'VOICE_UNAVAILABLE', message: ownWords })
  })
})

it('closing ends a connection that is being made', async () => {
  const { server, cartesia, speak } = await setup()
  server.isMute = true
  const speech = failureOf(all(speak(known('Good evening.'))))
  await server.until(() => server.requests.length === 1)
  await cartesia.close()
  expect(await speech).toMatchObject({ code: 'VOICE_UNAVAILABLE' })
})

it('a server that does not answer the goodbye is left without it', async () => {
  const { server, cartesia, speak } = await setup()
  await all(speak(known('Good evening.')))
  for (const socket of server.sockets) socket.pause()
  await expect(cartesia.close()).resolves.toBeUndefined()
  for (const socket of server.sockets) socket.resume()
})
