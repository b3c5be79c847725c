import { describe, expect, it } from 'vitest'
import { ModelError, type Model, type ModelEvent } from '../../src/llm/model.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { chunk, event, refusal, type ScriptedAnswer } from '../fakes/gemini-server.ts'
import { modelAt, startServer } from './gemini-upstream.ts'
import { requestSaying, secretKey } from './model.contract.ts'

const guestKey = { kind: 'key', key: secretKey, owner: 'guest' } as const
const readings = ['direct', 'sdk'] as const

async function hear(model: Model, request = requestSaying('hello')): Promise<readonly ModelEvent[]> {
  const events: ModelEvent[] = []
  for await (const one of model.stream(request, new AbortController().signal)) events.push(one)
  return events
}

/** What a model makes of one answer. */
async function heardOf(answer: ScriptedAnswer, options: Parameters<typeof modelAt>[1] = {}) {
  const server = await startServer()
  server.answers(answer)
  return hear(modelAt(server, options))
}

async function failureOf(answer: ScriptedAnswer, options: Parameters<typeof modelAt>[1] = {}) {
  const error = await heardOf(answer, options).catch((reason: unknown) => reason)
  if (!(error instanceof ModelError)) throw new Error('This is no ModelError.', { cause: error })
  return error
}

const ended = chunk([], 'STOP', { promptTokenCount: 3, candidatesTokenCount: 2 })
const usage = { inputTokens: 3, outputTokens: 2 }
const finish = { type: 'finish', reason: 'stop', usage }

describe.each(readings)('what Gemini says, reading %s', (reading) => {
  it('becomes calls, wherever they stand, with the signature of each', async () => {
    const pieces = [
      chunk([{ functionCall: { id: 'a', name: 'one', args: { x: 1 } }, thoughtSignature: 'c2ln' }]),
      chunk([{ functionCall: { name: 'two' } }, { functionCall: { id: '', name: 'three', args: {} } }]),
      ended,
    ]
    const events = await heardOf({ pieces }, { reading })
    expect(events).toEqual([
      { type: 'tool-call', call: { callId: 'a', name: 'one', arguments: { x: 1 }, signature: 'c2ln' } },
      { type: 'tool-call', call: { callId: 'call-2', name: 'two', arguments: {} } },
      { type: 'tool-call', call: { callId: 'call-3', name: 'three', arguments: {} } },
      finish,
    ])
  })

  it('shows that it thinks, and not what', async () => {
    const pieces = [
      chunk([{ text: 'The guest wants a drink.', thought: true }]),
      chunk([
        { text: 'Hm.', thought: true },
        { text: 'Gladly.', thoughtSignature: 'c2ln' },
      ]),
      chunk([{ text: '', thoughtSignature: 'c2ln' }], 'STOP', {
        promptTokenCount: 3,
        candidatesTokenCount: 2,
      }),
    ]
    expect(await heardOf({ pieces }, { reading })).toEqual([
      { type: 'progress', what: 'thinking' },
      { type: 'text-delta', text: 'Gladly.' },
      { ...finish, signature: 'c2ln' },
    ])
  })

  it('is counted as it is billed: thoughts are output, and what a tool has read is input', async () => {
    const last = {
      promptTokenCount: 100,
      toolUsePromptTokenCount: 20,
      candidatesTokenCount: 30,
      thoughtsTokenCount: 4,
      totalTokenCount: 154,
    }
    const events = await heardOf(
      { pieces: [chunk([{ text: 'Yes.' }]), chunk([], 'STOP', last)] },
      { reading },
    )
    expect(events.at(-1)).toMatchObject({ usage: { inputTokens: 120, outputTokens: 34 } })
  })

  it.each([
    ['STOP', 'stop'],
    ['MAX_TOKENS', 'length'],
    ['SAFETY', 'blocked'],
    ['RECITATION', 'blocked'],
    ['LANGUAGE', 'blocked'],
    ['BLOCKLIST', 'blocked'],
    ['PROHIBITED_CONTENT', 'blocked'],
    ['SPII', 'blocked'],
    ['OTHER', 'blocked'],
    ['A_REASON_OF_NEXT_YEAR', 'blocked'],
  ])('ends with %s as %s', async (finishReason, reason) => {
    const events = await heardOf(
      { pieces: [chunk([{ text: 'Once' }]), chunk([], finishReason)] },
      { reading },
    )
    expect(events).toMatchObject([{ type: 'text-delta' }, { type: 'finish', reason }])
  })

  it.each(['MALFORMED_FUNCTION_CALL', 'UNEXPECTED_TOOL_CALL', 'MALFORMED_RESPONSE'])(
    'can be asked for again after %s',
    async (finishReason) => {
      const error = await failureOf({ pieces: [chunk([], finishReason)] }, { reading })
      expect(error).toMatchObject({ code: 'MODEL_TRUNCATED', retryable: true })
    },
  )

  it('is a failure when the stream holds one', async () => {
    const retry = { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1.5s' }
    const broken = event({ error: { code: 429, message: 'Slow down.', details: [retry] } })
    const answer = { pieces: [chunk([{ text: 'Once ' }]), broken] }
    expect(await failureOf(answer, { reading })).toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      retryable: true,
      retryAfterMs: 1500,
    })
  })

  it('is whole when only the connection breaks after its end', async () => {
    const answer = { pieces: [chunk([{ text: 'Yes.' }]), ended], end: 'reset' } as const
    expect(await heardOf(answer, { reading })).toEqual([{ type: 'text-delta', text: 'Yes.' }, finish])
  })

  it.each([
    ['nothing', []],
    ['half an event', [chunk([{ text: 'Once ' }]), 'data: {"candidates": [{"content": {"par']],
    ['an event without its end', [chunk([{ text: 'Once ' }]), ended.trimEnd()]],
  ])('is truncated after %s', async (_name, pieces) => {
    const error = await failureOf({ pieces }, { reading })
    expect(error).toMatchObject({ code: 'MODEL_TRUNCATED', retryable: true })
  })

  it('is garbled when an event is no JSON', async () => {
    const error = await failureOf({ pieces: ['data: {"a": <words of a guest>}\n\n', ended] }, { reading })
    expect(error).toMatchObject({ code: 'MODEL_TRUNCATED', retryable: true })
    expect(error.cause).toBeUndefined()
    expect(`${error.stack}`).not.toContain('words of a guest')
  })

  it.each([
    ['candidates', event({ candidates: 'none' })],
    ['content', event({ candidates: [{ content: 'words' }] })],
    ['parts', event({ candidates: [{ content: { parts: { text: 'words' } } }] })],
    ['a text', chunk([{ text: { length: 7 } }])],
    ['a call', chunk([{ functionCall: 'add_to_order' }])],
    ['usage', event({ candidates: [], usageMetadata: { promptTokenCount: '7', candidatesTokenCount: -1 } })],
  ])('is not believed about the shape of %s', async (_name, strange) => {
    const events = await heardOf({ pieces: [strange, ended] }, { reading })
    expect(events.at(-1)).toEqual(finish)
    expect(events.filter(({ type }) => type === 'text-delta' || type === 'tool-call')).toEqual([])
  })

  it.each(['constructor', '__proto__', 'toString'])('is blocked when it ends with %s', async (reason) => {
    const events = await heardOf({ pieces: [chunk([{ text: 'Yes.' }], reason)] }, { reading })
    expect(events.at(-1)).toMatchObject({ type: 'finish', reason: 'blocked' })
  })

  it('is whole soon after its end also when the connection stays open', async () => {
    const clock = new FakeClock()
    const server = await startServer()
    server.answers({ pieces: [chunk([{ text: 'Yes.' }]), ended], end: 'hang' })
    const heard = hear(modelAt(server, { reading, clock }))
    while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
    await clock.advanceAsync(999)
    expect([server.openRequests, clock.pending]).toEqual([1, 1])
    clock.advance(1)
    expect(await heard).toEqual([{ type: 'text-delta', text: 'Yes.' }, finish])
    expect(clock.pending).toBe(0)
    await server.idle()
  })

  it('is cut when it is longer than allowed', async () => {
    const limits = { modelReplyBytesMax: 4000, modelEventBytesMax: 1000, modelFinishMs: 1000 }
    const pieces = Array.from({ length: 100 }, () => chunk([{ text: 'And then. ' }]))
    const server = await startServer()
    server.answers({ pieces, end: 'hang' })
    await expect(hear(modelAt(server, { reading, limits }))).rejects.toMatchObject({
      code: 'MODEL_TRUNCATED',
      retryable: false,
    })
    await server.idle()
  })
})

describe('the stream as we read it ourselves', () => {
  const spoken = chunk([{ text: 'Très “bien” 🍸' }])
  const said = [{ type: 'text-delta', text: 'Très “bien” 🍸' }, finish]

  it.each([
    ['with names of events', [`event: message\r\n${spoken}`, `id: 7\nevent: end\n${ended}`]],
    ['with comments', [': warm\n\n', spoken, ':\n\n', ended]],
    ['with every kind of line end', [spoken.replaceAll('\r\n', '\r'), ended.replaceAll('\r\n', '\n')]],
    ['byte by byte', [...Buffer.from(spoken + ended)].map((byte) => Uint8Array.of(byte))],
    ['in one piece', [spoken + ended]],
  ])('is understood %s', async (_name, pieces) => {
    expect(await heardOf({ pieces })).toEqual(said)
  })

  it.each(['42', 'null', '["words of a guest"]', ''])('is garbled when an event is %s', async (data) => {
    const error = await failureOf({ pieces: [`data: ${data}\n\n`, ended] })
    expect(error).toMatchObject({ code: 'MODEL_TRUNCATED', retryable: true })
    expect(error.cause).toBeUndefined()
  })

  it('is cut when one event never ends', async () => {
    const server = await startServer()
    const pieces = ['data: {"a": "', ...Array.from({ length: 40 }, () => 'x'.repeat(1000))]
    server.answers({ pieces, end: 'hang' })
    await expect(hear(modelAt(server))).rejects.toMatchObject({ code: 'MODEL_TRUNCATED', retryable: false })
    await server.idle()
  })

  it('reaches a slow reader whole, however much longer it is than what may wait', async () => {
    const server = await startServer()
    const limits = {
      modelReplyBytesMax: 16 * 1024 * 1024,
      modelEventBytesMax: 16 * 1024,
      modelFinishMs: 1000,
    }
    const text = 'x'.repeat(8000)
    server.answers({ pieces: [...Array.from({ length: 500 }, () => chunk([{ text }])), ended] })
    let characters = 0
    for await (const heard of modelAt(server, { limits }).stream(
      requestSaying('hello'),
      new AbortController().signal,
    )) {
      if (heard.type === 'text-delta') characters += heard.text.length
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(characters).toBe(500 * 8000)
  })

  it('comes over one connection, turn after turn, that ends when the model is closed', async () => {
    const server = await startServer()
    const model = modelAt(server)
    for (let turn = 0; turn < 3; turn++) {
      server.answers({ pieces: [spoken, ended] })
      expect(await hear(model)).toEqual(said)
    }
    expect(server.connectionCount).toBe(1)
    await model.close()
    await server.abandoned()
  })

  it('uses the connection again after a refusal', async () => {
    const server = await startServer()
    const model = modelAt(server)
    server.answers({ status: 429, pieces: [refusal(429)] }, { pieces: [spoken, ended] })
    await expect(hear(model)).rejects.toThrow(ModelError)
    expect(await hear(model)).toEqual(said)
    expect(server.connectionCount).toBe(1)
  })
})

describe.each(readings)('what Gemini refuses, reading %s', (reading) => {
  const errorInfo = { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' }
  const retryInfo = { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '31s' }
  const unknownKey = { status: 400, pieces: [refusal(400, [errorInfo])] }

  it("is a guest's key that Google does not know, though it says 400", async () => {
    const error = await failureOf(unknownKey, { reading, credential: guestKey })
    expect(error).toMatchObject({ code: 'KEY_REJECTED', retryable: false })
  })

  it("does not blame a guest for the server's key", async () => {
    const error = await failureOf(unknownKey, { reading })
    expect(error).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: false })
  })

  it('says when to come back within the body, too', async () => {
    const answer = { status: 429, pieces: [refusal(429, [{ '@type': 'QuotaFailure' }, retryInfo])] }
    expect(await failureOf(answer, { reading })).toMatchObject({ retryAfterMs: 31_000 })
    const error = await failureOf(answer, { reading, credential: guestKey })
    expect(error).toMatchObject({ code: 'KEY_QUOTA', retryable: false, retryAfterMs: 31_000 })
  })

  it('says when to come back as a date, too', async () => {
    const headers = {
      date: 'Wed, 21 Oct 2026 07:28:00 GMT',
      'retry-after': 'Wed, 21 Oct 2026 07:28:05 GMT',
    }
    const answer = { status: 503, headers, pieces: ['Busy.'] }
    expect(await failureOf(answer, { reading })).toMatchObject({ retryAfterMs: 5000 })
  })

  it.each(['soon', '-1', 'Wed, 21 Oct 2026 07:28:00', '9'.repeat(400)])(
    'leaves open when to come back for %s',
    async (retryAfter) => {
      const answer = { status: 503, headers: { 'retry-after': retryAfter }, pieces: ['Busy.'] }
      const error = await failureOf(answer, { reading })
      expect(error).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: true, retryAfterMs: undefined })
    },
  )

  it('may be a page, a list or nothing', async () => {
    const bodies = ['<html>Bad Gateway</html>', `[${refusal(502)}]`, '']
    for (const body of bodies) {
      const error = await failureOf({ status: 502, pieces: [body] }, { reading })
      expect(error).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: true })
    }
  })
})
