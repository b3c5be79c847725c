import { describe, expect, it } from 'vitest'
import type { AssistantMessage, Model, ModelRequest, ToolCall } from '../../src/llm/model.ts'
import { chunk } from '../fakes/gemini-server.ts'
import { modelAt, startServer } from './gemini-upstream.ts'
import { requestSaying, secretKey } from './model.contract.ts'

const readings = ['direct', 'sdk'] as const

async function hear(model: Model, request = requestSaying('hello')): Promise<void> {
  for await (const event of model.stream(request, new AbortController().signal)) {
    if (event.type === 'finish') return
  }
}

/** What the server received of a request. */
async function sent(request: ModelRequest, options: Parameters<typeof modelAt>[1] = {}) {
  const server = await startServer()
  server.answers({ pieces: [chunk([{ text: 'Yes.' }], 'STOP')] })
  await hear(modelAt(server, options), request)
  const [received] = server.requests
  if (received === undefined) throw new Error('Nothing was received.')
  return received
}

function call(callId: string, signature?: string): ToolCall {
  return {
    callId,
    name: 'add_to_order',
    arguments: { item_name: 'Martini' },
    ...(signature !== undefined && { signature }),
  }
}

/** A guest's message, a reply to it with these calls, and their results. */
function roundTrip(text: string, toolCalls: readonly ToolCall[]): ModelRequest {
  const reply: AssistantMessage = { role: 'assistant', text, toolCalls }
  const request = requestSaying('two martinis')
  const results = toolCalls.map(({ callId, name }) => ({ callId, name, result: { status: 'added', callId } }))
  return { ...request, messages: [...request.messages, reply, { role: 'tool', results }] }
}

describe.each(readings)('what Gemini is asked, reading %s', (reading) => {
  it('has the key in a header, and nothing of it in the address', async () => {
    const { method, url, headers } = await sent(requestSaying('hello'), { reading })
    expect(method).toBe('POST')
    expect(url).toBe('/v1beta/models/gemini-3.5-flash-lite:streamGenerateContent?alt=sse')
    expect(headers).toMatchObject({ 'x-goog-api-key': secretKey, 'content-type': 'application/json' })
    expect(headers).not.toHaveProperty('authorization')
  })

  it.each([
    'publishers/google/models/gemini-3.8-flash',
    'google/gemini-3.8-flash',
    'models/gemini-3.8-flash',
  ])('is asked of the same model by key where it is called %s', async (model) => {
    const { url } = await sent(requestSaying('hello'), { reading, model })
    expect(url).toBe('/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse')
  })

  it('is the whole turn, with all calls of a reply in one content and their results in another', async () => {
    const request = roundTrip('Let me see. ', [call('fc1', 'U0lHTg=='), call('fc2')])
    const { body } = await sent(request, { reading, temperature: 0.4, thinking: 'low', outputTokensMax: 77 })
    const { systemInstruction, ...rest } = body
    expect(systemInstruction.parts[0].text).toMatch(/^You tend the bar\./)
    const martini = { name: 'add_to_order', args: { item_name: 'Martini' } }
    expect(rest).toEqual({
      contents: [
        { role: 'user', parts: [{ text: '<guest_message>\ntwo martinis\n</guest_message>' }] },
        {
          role: 'model',
          parts: [
            { text: 'Let me see. ' },
            { functionCall: { id: 'fc1', ...martini }, thoughtSignature: 'U0lHTg==' },
            { functionCall: { id: 'fc2', ...martini } },
          ],
        },
        {
          role: 'user',
          parts: ['fc1', 'fc2'].map((id) => ({
            functionResponse: {
              id,
              name: 'add_to_order',
              response: { output: { status: 'added', callId: id } },
            },
          })),
        },
      ],
      tools: [
        {
          functionDeclarations: [
            { name: 'add_to_order', description: 'Adds a drink.', parametersJsonSchema: { type: 'object' } },
          ],
        },
      ],
      generationConfig: { temperature: 0.4, maxOutputTokens: 77, thinkingConfig: { thinkingLevel: 'LOW' } },
    })
  })

  it('names no temperature and no tools where there are none', async () => {
    const { body } = await sent({ ...requestSaying('hello'), tools: [] }, { reading })
    expect(Object.keys(body).toSorted()).toEqual(['contents', 'generationConfig', 'systemInstruction'])
    expect(body.generationConfig).toEqual({
      maxOutputTokens: 1000,
      thinkingConfig: { thinkingLevel: 'MINIMAL' },
    })
  })

  it('gives the signature of a text back with it', async () => {
    const request = roundTrip('', [])
    const said = { role: 'assistant', text: 'Good evening.', toolCalls: [], signature: 'dGV4dA==' } as const
    const messages = [...request.messages.slice(0, 1), said, ...requestSaying('a beer').messages]
    const { body } = await sent({ ...request, messages }, { reading })
    expect(body.contents[1]).toEqual({
      role: 'model',
      parts: [{ text: 'Good evening.', thoughtSignature: 'dGV4dA==' }],
    })
  })

  it('marks the first of the calls that another model made, and only that', async () => {
    const { body } = await sent(roundTrip('', [call('call-1'), call('call-2')]), { reading })
    const signatures = body.contents[1].parts.map((part: object) => Reflect.get(part, 'thoughtSignature'))
    expect(signatures).toEqual(['skip_thought_signature_validator', undefined])
  })

  it('tells models that know neither thinking levels nor signatures nothing of them', async () => {
    const model = 'gemini-2.5-flash'
    const { body } = await sent(roundTrip('', [call('call-1')]), { reading, model })
    expect(body.generationConfig).toEqual({ maxOutputTokens: 1000 })
    expect(body.contents[1].parts[0]).not.toHaveProperty('thoughtSignature')
  })

  it('leaves out a reply of which nothing was said', async () => {
    const { messages, ...rest } = requestSaying('hello')
    const silent: AssistantMessage = { role: 'assistant', text: '', toolCalls: [] }
    const { body } = await sent({ ...rest, messages: [...messages, silent, ...messages] }, { reading })
    expect(body.contents.map(({ role }: { role: string }) => role)).toEqual(['user', 'user'])
  })

  it('has an object for arguments that are none', async () => {
    const { body } = await sent(roundTrip('', [{ ...call('call-1'), arguments: 'a martini' }]), { reading })
    expect(body.contents[1].parts[0].functionCall.args).toEqual({})
  })

  it.each([
    ['gemini-flash-latest', '/v1beta/models/gemini-flash-latest'],
    ['models/gemini-3.8-flash', '/v1beta/models/gemini-3.8-flash'],
    ['tunedModels/bar', '/v1beta/tunedModels/bar'],
  ])('goes to the model %s', async (model, path) => {
    const { url } = await sent(requestSaying('hello'), { reading, model })
    expect(url).toBe(`${path}:streamGenerateContent?alt=sse`)
  })

  it.each(['/gateway/google', '/gateway/google/'])('keeps the path of the base URL %s', async (path) => {
    const server = await startServer()
    server.answers({ pieces: [chunk([], 'STOP')] })
    await hear(modelAt(server, { reading, baseUrl: `${server.url}${path}` }))
    expect(server.requests[0]?.url).toMatch(/^\/gateway\/google\/v1beta\/models\//)
  })

  it('goes nowhere else, because the key would go with it', async () => {
    const [first, other] = [await startServer(), await startServer()]
    first.answers({ status: 307, headers: { location: `${other.url}/elsewhere` } })
    await expect(hear(modelAt(first, { reading }))).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      retryable: false,
    })
    expect(other.requests).toEqual([])
  })
})
