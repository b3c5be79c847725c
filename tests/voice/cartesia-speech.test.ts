import { describe, expect, it } from 'vitest'
import { tone } from '../fakes/cartesia-context.ts'
import { socketUrl } from '../../src/voice/cartesia/address.ts'
import { settle } from '../fakes/fake-clock.ts'
import {
  all,
  failureOf,
  known,
  queueOfSentences,
  setupCartesia as setup,
  untilSound,
} from './cartesia-setup.ts'

describe('what is sent', () => {
  it('is whole sentences of one context, each with its flush, and the key in a header alone', async () => {
    const { server, speak } = await setup({ path: '/gateway' })
    await all(speak(known('Good evening.', 'Take a seat. ')))
    const request = {
      model_id: 'sonic-3',
      voice: { id: 'voice-of-maya' },
      language: 'en',
      output_format: { container: 'raw', encoding: 'pcm_s16le', sample_rate: 24_000 },
      add_timestamps: true,
      add_phoneme_timestamps: true,
      max_buffer_delay_ms: 0,
      context_id: server.contexts[0]?.id,
    }
    expect(server.contexts).toHaveLength(1)
    expect(server.contexts[0]?.messages).toEqual([
      { ...request, transcript: 'Good evening. ', continue: true },
      { ...request, transcript: '', continue: true, flush: true },
      { ...request, transcript: 'Take a seat. ', continue: true },
      { ...request, transcript: '', continue: true, flush: true },
      { ...request, transcript: '', continue: false },
    ])
    expect(server.requests).toMatchObject([
      {
        path: '/gateway/tts/websocket',
        headers: { authorization: 'Bearer sk_car_Canary', 'cartesia-version': '2026-08-14' },
      },
    ])
  })

  it.each([
    ['sonic-3', true, { speed: 1.2 }],
    ['sonic-3-2026-01-12', true, { speed: 1.2 }],
    ['sonic-3.5', true, undefined],
    ['sonic-turbo', true, undefined],
    ['some-other-model', undefined, undefined],
  ])('asks %s only for what it has', async (model, phonemes, config) => {
    const { server, voice } = await setup({ model })
    const events = await all(
      voice.speak({ sentences: known('Good evening.'), voice: null, speed: 1.2 }, never),
    )
    const [message] = server.contexts[0]?.messages ?? []
    expect(message?.add_phoneme_timestamps).toBe(phonemes)
    expect(message?.generation_config).toEqual(config)
    const marks = events.filter((event) => event.type === 'marks')
    expect(marks.flatMap(({ words }) => words)).toHaveLength(2)
    expect(marks.flatMap((event) => event.phonemes)).toHaveLength(phonemes === true ? 2 : 0)
  })

  it('goes over one connection for turn after turn, each with a context of its own', async () => {
    const { server, speak } = await setup()
    await all(speak(known('Good evening.')))
    await all(speak(known('Take a seat.')))
    expect(new Set(server.contexts.map(({ id }) => id)).size).toBe(2)
    expect(server.requests).toHaveLength(1)
  })

  it('goes over one connection for turns that begin together', async () => {
    const { server, speak } = await setup()
    await Promise.all([all(speak(known('Good evening.'))), all(speak(known('Take a seat.')))])
    expect(server.requests).toHaveLength(1)
  })

  it('is never far ahead of what is heard: what is not heard in the end is paid for in vain', async () => {
    const { server, speak } = await setup()
    server.onSpeech = () => {}
    const abort = new AbortController()
    const speech = failureOf(all(speak(known('One.', 'Two.', 'Three.', 'Four.'), abort.signal)))
    await server.until(() => server.contexts[0]?.messages.length === 4)
    for (let turn = 0; turn < 20; turn++) await settle()
    expect(server.contexts[0]?.transcripts).toEqual(['One. ', 'Two. '])
    server.contexts[0]?.send({ type: 'flush_done', flush_id: 1 })
    await server.until(() => server.contexts[0]?.transcripts.length === 3)
    abort.abort(new Error('The guest speaks.'))
    await speech
  })

  it('is nothing for a sentence without words', async () => {
    const { server, speak } = await setup()
    const events = await all(speak(known('Good evening.', ' ', 'Take a seat.')))
    expect(server.contexts[0]?.transcripts).toEqual(['Good evening. ', 'Take a seat. '])
    expect(new Set(events.map(({ sentence }) => sentence))).toEqual(new Set([0, 2]))
  })

  it('is the default voice when the one that is asked for is refused', async () => {
    const { server, voice } = await setup()
    server.onSpeech = (context, message) => {
      if (message.voice?.id === 'nobody') context.fail(404, 'voice_not_found')
      else context.play(message)
    }
    const events = await all(
      voice.speak({ sentences: known('Good evening.'), voice: 'nobody', speed: 1 }, never),
    )
    expect(events.some(({ type }) => type === 'audio')).toBe(true)
    expect(server.contexts.map(({ messages }) => messages[0]?.voice?.id)).toEqual(['nobody', 'voice-of-maya'])
  })
})

describe('what is heard', () => {
  it('is told to its sentence also where flushes are counted from 0', async () => {
    const { server, speak } = await setup()
    server.onSpeech = (context, message) => {
      if (message.flush === true) context.sound(100, context.transcripts.length - 1)
      if (message.continue === false) context.done()
    }
    const events = await all(speak(known('One.', 'Two.', 'Three.')))
    expect(events.map(({ sentence }) => sentence)).toEqual([0, 1, 2])
  })

  it('is told to its sentence also where the first has no flush', async () => {
    const { server, speak } = await setup()
    server.onSpeech = (context, message) => {
      const before = context.transcripts.length - 1
      if (message.flush === true) context.sound(100, before === 0 ? undefined : before)
      if (message.continue === false) context.done()
    }
    const events = await all(speak(known('One.', 'Two.', 'Three.')))
    expect(events.map(({ sentence }) => sentence)).toEqual([0, 1, 2])
  })

  it('is said once where nothing is numbered', async () => {
    const { server, speak } = await setup()
    server.onSpeech = (context, message) => {
      if (message.flush === true) context.sound(100)
      if (message.continue === false) context.done()
    }
    const events = await all(speak(known('One.', 'Two.', 'Three.')))
    expect(events).toHaveLength(3)
    expect(server.contexts.map(({ transcripts }) => transcripts)).toEqual([['One. ', 'Two. ', 'Three. ']])
  })

  it('is sound alone where there are no times at all, and where they are nonsense', async () => {
    const { server, speak } = await setup()
    server.onSpeech = (context, message) => {
      if (message.continue !== false) return
      context.send({ type: 'timestamps', word_timestamps: { words: ['a'], start: ['0'], end: [1] } })
      context.send({ type: 'timestamps', word_timestamps: { words: ['a', 'b'], start: [1], end: [0] } })
      context.send({ type: 'timestamps', word_timestamps: null })
      const endless = '{"words": ["a"], "start": [0], "end": [1e999]}'
      const event = `"type": "timestamps", "context_id": "${context.id}", "word_timestamps": ${endless}`
      context.socket.send(`{${event}}`)
      context.send({ type: 'something.new' })
      context.sound(100)
      context.done()
    }
    expect(await all(speak(known('Good evening.')))).toMatchObject([
      { type: 'audio', sentence: 0, startMs: 0 },
    ])
  })

  it('is whole samples, wherever the pieces were cut', async () => {
    const { server, speak } = await setup()
    const sound = tone(100)
    server.onSpeech = (context, message) => {
      if (message.continue !== false) return
      context.chunk(sound.subarray(0, 1), 1)
      context.chunk(sound.subarray(1, 1001), 1)
      context.chunk(sound.subarray(1001), 1)
      context.done()
    }
    const audio = (await all(speak(known('Good evening.')))).flatMap((event) =>
      event.type === 'audio' ? [event.audio] : [],
    )
    expect(audio.map(({ byteLength }) => byteLength % 2)).toEqual([0, 0])
    expect(Buffer.concat(audio).equals(sound)).toBe(true)
  })

  it('is whole samples also after a context that ended within one', async () => {
    const { server, speak } = await setup()
    const sound = tone(100)
    server.onSpeech = (context, message) => {
      if (message.flush !== true) return
      context.chunk(context === server.contexts[0] ? sound.subarray(0, 1001) : sound, 1)
      context.done()
    }
    const { sentences, push, end } = queueOfSentences()
    push('Good evening.')
    const speech = await untilSound(speak(sentences))
    push('Take a seat.')
    end()
    const audio = (await all(speech)).flatMap((event) => (event.type === 'audio' ? [event.audio] : []))
    expect(Buffer.concat(audio).equals(sound)).toBe(true)
  })
})

describe('sentences that come slowly', () => {
  it('end the context before it would expire, and go on in another one, on one timeline', async () => {
    const { server, speak, clock } = await setup()
    const { sentences, push, end } = queueOfSentences()
    push('Good evening.')
    const speech = await untilSound(speak(sentences))
    clock.advance(700)
    await server.until(() => server.contexts[0]?.isOver === true)
    push('Take a seat.')
    end()
    const events = await all(speech)
    expect(server.contexts.map(({ transcripts }) => transcripts)).toEqual([
      ['Good evening. '],
      ['Take a seat. '],
    ])
    // 12 letters of 50 ms were said before.
    const second = events.filter(({ sentence }) => sentence === 1)
    expect(second.find((event) => event.type === 'audio')?.startMs).toBeCloseTo(600)
    const marks = second.flatMap((event) => (event.type === 'marks' ? event.words : []))
    expect(marks.map(({ text }) => text)).toEqual(['Take', 'a', 'seat.'])
    expect(marks[0]?.startMs).toBeCloseTo(600)
  })

  it('leave their place of the plan to others while nothing is said', async () => {
    const { speak, clock } = await setup({ concurrency: 1 })
    const { sentences, push, end } = queueOfSentences()
    push('Good evening.')
    const slow = await untilSound(speak(sentences))
    clock.advance(700)
    const other = await all(speak(known('What may I bring you?')))
    expect(other.length).toBeGreaterThan(0)
    push('Take a seat.')
    end()
    expect((await all(slow)).at(-1)?.sentence).toBe(1)
  })

  it.each(['done', 'error'] as const)(
    'are said again where the context expired under one of them (%s)',
    async (how) => {
      const { server, speak } = await setup()
      server.onSpeech = (context, message) => {
        const isSecond = server.contexts.length === 1 && context.transcripts.length === 2
        if (!isSecond) context.play(message)
        else if (how === 'done') context.done()
        else context.fail(400)
      }
      const { sentences, push, end } = queueOfSentences()
      push('Good evening.')
      const speech = await untilSound(speak(sentences))
      push('Take a seat.')
      end()
      const rest = await all(speech)
      expect(rest.filter(({ sentence }) => sentence === 1).length).toBeGreaterThan(0)
      expect(server.contexts.map(({ transcripts }) => transcripts)).toEqual([
        ['Good evening. ', 'Take a seat. '],
        ['Take a seat. '],
      ])
    },
  )

  it('are given up where they make no sound the second time either', async () => {
    const { server, speak } = await setup()
    server.onSpeech = (context) => context.done()
    expect(await all(speak(known('Hm.')))).toEqual([])
    expect(server.contexts).toHaveLength(2)
  })
})

describe('an abort', () => {
  it('cancels the context, and what comes late is for nobody', async () => {
    const { server, speak } = await setup()
    server.onSpeech = (context, message) => {
      if (message.flush === true) context.sound(100, 1)
    }
    const abort = new AbortController()
    const events = speak(known('Good evening.'), abort.signal)[Symbol.asyncIterator]()
    await events.next()
    abort.abort(new Error('The guest speaks.'))
    await expect(events.next()).rejects.toThrow('The guest speaks.')
    await server.until(() => server.contexts[0]?.isCancelled === true)
    server.contexts[0]?.sound(100, 1)
    server.onSpeech = (context, message) => context.play(message)
    const next = await all(speak(known('Take a seat.')))
    expect(next.find((event) => event.type === 'audio')?.startMs).toBe(0)
    expect(server.requests).toHaveLength(1)
  })
})

const never = new AbortController().signal

describe('the address', () => {
  it.each([
    ['https://api.cartesia.ai', 'wss://api.cartesia.ai/tts/websocket'],
    ['https://api.cartesia.ai/', 'wss://api.cartesia.ai/tts/websocket'],
    ['http://localhost:9000/gateway/', 'ws://localhost:9000/gateway/tts/websocket'],
    ['https://proxy.test/a/b#c', 'wss://proxy.test/a/b/tts/websocket'],
  ])('below %s is %s', (baseUrl, url) => {
    expect(socketUrl(baseUrl, '/tts/websocket').href).toBe(url)
  })
})
