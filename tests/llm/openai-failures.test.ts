import { getEventListeners } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { ModelEvent } from '../../src/llm/model.ts'
import { withRetries } from '../../src/llm/retries.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import {
  chunkOf,
  eventOf,
  OpenAiServer,
  refuses,
  saying,
  streams,
  type Play,
} from '../fakes/openai-server.ts'
import { failure, failureOf, hear, request, setup, textOf } from './openai-under-test.ts'

describe('errors', () => {
  it.each([
    { status: 400, error: { code: 'content_filter' }, code: 'MODEL_BLOCKED', retryable: false },
    { status: 400, error: { code: 'context_length_exceeded' }, code: 'MODEL_UNAVAILABLE', retryable: false },
    { status: 402, error: {}, code: 'MODEL_UNAVAILABLE', retryable: false },
    { status: 408, error: {}, code: 'MODEL_UNAVAILABLE', retryable: true },
    { status: 413, error: {}, code: 'MODEL_UNAVAILABLE', retryable: false },
    { status: 429, error: { type: 'insufficient_quota' }, code: 'MODEL_UNAVAILABLE', retryable: false },
    { status: 429, error: { type: 'tokens' }, code: 'MODEL_UNAVAILABLE', retryable: true },
    { status: 500, error: {}, code: 'MODEL_UNAVAILABLE', retryable: true },
  ])('with status $status and $error are $code', async ({ status, error, code, retryable }) => {
    expect(await failure(refuses(status, error))).toMatchObject({ code, retryable, isStarting: false })
  })

  it.each([502, 503, 504])('with status %i are those of a server that is starting', async (status) => {
    const error = await failure(refuses(status, {}, { 'retry-after': '3' }))
    expect(error).toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      retryable: true,
      isStarting: true,
      retryAfterMs: 3000,
    })
  })

  it('of a server that nobody has started yet are those of one that is starting', async () => {
    const { server, model } = await setup()
    await server.stop()
    expect(await failureOf(model)).toMatchObject({ code: 'MODEL_UNAVAILABLE', isStarting: true })
  })

  it('say when to come back, as seconds or as a date', async () => {
    const date = { date: 'Sun, 22 Nov 2026 10:00:00 GMT', 'retry-after': 'Sun, 22 Nov 2026 10:00:30 GMT' }
    expect((await failure(refuses(429, {}, date))).retryAfterMs).toBe(30_000)
    expect((await failure(refuses(429, {}, { 'retry-after': '1.5' }))).retryAfterMs).toBe(1500)
    for (const wild of ['soon', '-5', '99999999999'])
      expect((await failure(refuses(429, {}, { 'retry-after': wild }))).retryAfterMs).toBeUndefined()
  })

  it.each([
    ['OpenAI', { error: { message: 'provider words', type: 'server_error', code: null } }, true],
    ['Ollama', { error: 'provider words' }, true],
    ['an old vLLM', { object: 'error', message: 'provider words', code: 400 }, false],
    ['OpenRouter', { error: { code: 429, message: 'provider words' }, choices: [] }, true],
    ['a gateway', { error: { code: '401', message: 'provider words' } }, false],
  ])('inside a stream are seen: %s', async (_name, chunk, retryable) => {
    const error = await failure(streams(chunkOf({ content: 'Well, ' }), chunk))
    expect(error).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable })
    expect(error.message).not.toContain('provider words')
  })

  it.each(['not json', '[1]', '"text"', '42', 'null'])(
    'are seen in a chunk that is none: %s',
    async (data) => {
      const error = await failure(async (exchange) => {
        await exchange.write(`data: ${data}\n\n`)
        exchange.end()
      })
      expect(error).toMatchObject({ code: 'MODEL_TRUNCATED', retryable: true })
    },
  )

  it.each([
    ['one event', () => 'a'.repeat(1024)],
    ['one line that begins no event', () => `data: ${'a'.repeat(1024)}`],
    ['events that say nothing', () => eventOf(chunkOf({ role: 'assistant' }))],
    ['comments', () => ': ping\n\n'.repeat(100)],
  ])('come before an endless answer fills the memory: %s', async (_name, more) => {
    const { server, model } = await setup()
    server.plays(async (exchange) => {
      while (!exchange.isOver) await exchange.write(more())
    })
    expect(await failureOf(model)).toMatchObject({ code: 'MODEL_TRUNCATED', retryable: false })
    await server.idle()
  })

  it('are told although the body of a refusal never ends', async () => {
    const { server, model } = await setup()
    server.plays(async (exchange) => {
      exchange.begin()
      exchange.reset()
    })
    expect(await failureOf(model)).toMatchObject({ code: 'MODEL_TRUNCATED' })
    server.plays((exchange) => exchange.answer(400, 'x'.repeat(200_000)))
    expect(await failureOf(model)).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: false })
    await server.idle()
  })
})

describe('a redirect', () => {
  it('to the result of a long start is followed, and told as warming up', async () => {
    const { server, model } = await setup()
    server.plays(to('/v1/chat/completions?call=1'), to(`${server.origin}/v1/chat/completions?call=1`))
    server.plays(saying('At last.'))
    const events = await hear(model)
    expect(events.slice(0, 2)).toEqual([
      { type: 'progress', what: 'warming-up' },
      { type: 'progress', what: 'warming-up' },
    ])
    expect(textOf(events)).toBe('At last.')
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /v1/chat/completions',
      'GET /v1/chat/completions?call=1',
      'GET /v1/chat/completions?call=1',
    ])
    expect(server.requests[2]?.headers.authorization).toBe('Bearer secret-key')
  })

  it('to another server is not: it would get the key', async () => {
    const other = await OpenAiServer.start()
    onTestFinished(() => other.stop())
    const error = await failure(to(`${other.origin}/v1/chat/completions`))
    expect(error).toMatchObject({ code: 'MODEL_TRUNCATED' })
    expect(other.requests).toEqual([])
    expect(await failure(to('http://['))).toMatchObject({ code: 'MODEL_TRUNCATED' })
  })

  it('is not followed for ever', async () => {
    const { server, model } = await setup()
    server.otherwise = to('/v1/again')
    expect(await failureOf(model)).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: false })
    expect(server.requests.length).toBeLessThan(30)
  })
})

describe('a cold start', () => {
  it('is waited for, told as warming up, and then answered', async () => {
    const { server, clock, events, reading } = await coldSetup(90_000)
    server.plays(refuses(503), refuses(503), refuses(502), saying('Good evening.'))
    await reading
    const progress = { type: 'progress', what: 'warming-up' } as const
    expect(events.slice(0, 3)).toEqual([progress, progress, progress])
    expect(textOf(events)).toBe('Good evening.')
    expect(server.requests).toHaveLength(4)
    expect(clock.now()).toBe(6000)
    expect(clock.pending).toBe(0)
  })

  it('is waited for only so long, and then said clearly', async () => {
    const { server, clock, events, reading } = await coldSetup(5000)
    server.otherwise = refuses(503)
    await expect(reading).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      message: expect.stringContaining('still starting'),
      retryable: true,
    })
    expect(events.every(({ type }) => type === 'progress')).toBe(true)
    expect(clock.now()).toBeGreaterThanOrEqual(5000)
    expect(clock.pending).toBe(0)
  })
})

describe('being left', () => {
  it('ends with the reason at once, whatever has come already', async () => {
    const { server, model } = await setup()
    server.plays(saying('Far too many words for one evening.'))
    const stop = new AbortController()
    const reason = new Error('stopped')
    let words = 0
    const reading = (async () => {
      for await (const event of model.stream(request, stop.signal)) {
        if (event.type === 'text-delta') words++
        stop.abort(reason)
      }
    })()
    await expect(reading).rejects.toBe(reason)
    expect(words).toBe(1)
  })

  it('leaves no listener on a long signal after success, failure and breaking off', async () => {
    const { server, model } = await setup()
    const { signal } = new AbortController()
    server.plays(saying('One.'), refuses(500), saying('Two words.'))
    await hear(model, request, signal)
    await hear(model, request, signal).catch(() => {})
    for await (const event of model.stream(request, signal)) if (event.type === 'text-delta') break
    expect(getEventListeners(signal, 'abort')).toEqual([])
    await server.idle()
  })
})

const to =
  (location: string): Play =>
  (exchange) =>
    exchange.answer(303, '', { location })

async function coldSetup(warmUpMs: number) {
  const { server, model } = await setup()
  const clock = new FakeClock()
  const patient = withRetries(model, {
    clock,
    random: () => 0,
    attemptsMax: 3,
    deadlineMs: 45_000,
    warmUpMs,
    observer: { modelRetried() {} },
  })
  const events: ModelEvent[] = []
  const reading = (async () => {
    for await (const event of patient.stream(request, new AbortController().signal)) {
      events.push(event)
      // The pause begins when the next event is asked for.
      if (event.type === 'progress') setImmediate(() => clock.advance(2000))
    }
  })()
  return { server, clock, events, reading }
}
