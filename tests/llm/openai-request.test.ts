import { describe, expect, it, onTestFinished } from 'vitest'
import { openAiServerOf } from '../../src/llm/providers/openai.ts'
import { OpenAiServer, refuses, saying, type Play } from '../fakes/openai-server.ts'
import { failure, failureOf, hear, request, setup, textOf } from './openai-under-test.ts'

describe('the request', () => {
  it('is a chat completion with key, model, bound and a wish for the usage', async () => {
    const { server, model } = await setup({ headers: { 'x-team': 'bar' }, temperature: 0.4 })
    server.plays(saying('Gladly.'))
    await hear(model)
    const [received] = server.requests
    expect(received).toMatchObject({
      method: 'POST',
      path: '/v1/chat/completions',
      headers: { authorization: 'Bearer secret-key', 'content-type': 'application/json', 'x-team': 'bar' },
      body: {
        model: 'test-model',
        temperature: 0.4,
        max_tokens: 512,
        stream: true,
        stream_options: { include_usage: true },
      },
    })
    expect(received?.body).not.toHaveProperty('max_completion_tokens')
  })

  it('leaves out the temperature, the tools and the key where there are none', async () => {
    const { server, model } = await setup({ key: null })
    server.plays(saying('Gladly.'))
    await hear(model, { ...request, tools: [] })
    expect(server.requests[0]?.headers).not.toHaveProperty('authorization')
    expect(server.requests[0]?.body).not.toHaveProperty('temperature')
    expect(server.requests[0]?.body).not.toHaveProperty('tools')
  })

  it('authenticates with a header of its own where that is what the server wants', async () => {
    const { server, model } = await setup({ key: null, headers: { authorization: 'Basic abc' } })
    server.plays(saying('Gladly.'))
    await hear(model)
    expect(server.requests[0]?.headers.authorization).toBe('Basic abc')
  })

  it('keeps a path in front of the version, and makes no request for the model that is set', async () => {
    const server = await OpenAiServer.start()
    const { model } = await setup({ baseUrl: `${server.origin}/gateway/v1` })
    onTestFinished(() => server.stop())
    server.plays(saying('Gladly.'))
    await hear(model)
    expect(server.requests.map(({ path }) => path)).toEqual(['/gateway/v1/chat/completions'])
  })

  it('holds the rules, the conversation as delimited data, calls and their results', async () => {
    const { server, model } = await setup()
    server.plays(saying('Here you are.'))
    const parameters = { type: 'object', properties: { item_name: { type: 'string' } } }
    await hear(model, {
      ...request,
      state: { tab_cents: 1500 },
      messages: [
        { role: 'user', text: 'A Martini, please.', notes: [] },
        {
          role: 'assistant',
          text: '',
          toolCalls: [
            { callId: 'call_1', name: 'add_to_order', arguments: { item_name: 'Martini' } },
            { callId: 'call_2', name: 'get_menu', arguments: {} },
          ],
        },
        {
          role: 'tool',
          results: [
            { callId: 'call_1', name: 'add_to_order', result: { status: 'added' } },
            { callId: 'call_2', name: 'get_menu', result: undefined },
          ],
        },
        { role: 'assistant', text: 'Done.', toolCalls: [] },
        { role: 'user', text: 'Thanks.', notes: [] },
      ],
      tools: [{ name: 'add_to_order', description: 'Adds a drink.', parameters }],
    })
    const body = server.requests[0]?.body
    expect(body?.messages).toMatchObject([
      { role: 'system', content: expect.stringContaining('You tend the bar.') },
      { role: 'user', content: '<guest_message>\nA Martini, please.\n</guest_message>' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          {
            id: 'call_1',
            type: 'function',
            function: { name: 'add_to_order', arguments: '{"item_name":"Martini"}' },
          },
          { id: 'call_2', type: 'function', function: { name: 'get_menu', arguments: '{}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'call_1', content: '{"status":"added"}' },
      { role: 'tool', tool_call_id: 'call_2', content: 'null' },
      { role: 'assistant', content: 'Done.' },
      { role: 'user', content: expect.stringMatching(/<bar_state>[^]*1500[^]*Thanks\./) },
    ])
    expect(body?.messages[5]).not.toHaveProperty('tool_calls')
    expect(body?.tools).toEqual([
      { type: 'function', function: { name: 'add_to_order', description: 'Adds a drink.', parameters } },
    ])
  })

  it('gives back wrong calls in a form that no server chokes on', async () => {
    const { server, model } = await setup()
    server.plays(saying('Sorry.'))
    const toolCalls = [{ callId: 'call-1', name: 'add <b>', arguments: '{"item' }]
    const results = [{ callId: 'call-1', name: 'add <b>', result: 'wrong' }]
    await hear(model, {
      ...request,
      messages: [...request.messages, { role: 'assistant', text: '', toolCalls }, { role: 'tool', results }],
    })
    expect(server.requests[0]?.body?.messages[2]).toMatchObject({
      tool_calls: [{ function: { name: 'unknown', arguments: '{}' } }],
    })
  })

  it('limits the output as OpenAI wants it where the server says so, and remembers it', async () => {
    const { server, model } = await setup()
    const message =
      "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
    server.plays(refuses(400, { message, param: 'max_tokens' }), saying('Gladly.'), saying('Again.'))
    expect(textOf(await hear(model))).toBe('Gladly.')
    expect(textOf(await hear(model))).toBe('Again.')
    const [first, ...others] = server.requests.map(({ body }) => body)
    expect(first).toHaveProperty('max_tokens', 512)
    expect(others).toHaveLength(2)
    for (const body of others) {
      expect(body).toHaveProperty('max_completion_tokens', 512)
      expect(body).not.toHaveProperty('max_tokens')
    }
  })

  it('does without the usage where the server does not know the wish for it', async () => {
    const { server, model } = await setup()
    const detail = [{ type: 'extra_forbidden', loc: ['body', 'stream_options'] }]
    server.plays((exchange) => exchange.answer(422, { detail }), saying('Gladly.'))
    expect(textOf(await hear(model))).toBe('Gladly.')
    expect(server.requests[1]?.body).not.toHaveProperty('stream_options')
  })

  it('is given up when the server refuses every way to ask', async () => {
    const { server, model } = await setup()
    server.otherwise = refuses(400, { message: 'stream_options and max_completion_tokens' })
    expect(await failureOf(model)).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: false })
    expect(server.requests).toHaveLength(3)
  })
})

describe('a model that is not named', () => {
  it('is the first that the server lists, asked for once', async () => {
    const { server, model } = await setup({ model: null })
    const list = { object: 'list', data: [{ id: 'first/model' }, { id: 'second' }] }
    server.plays((exchange) => exchange.answer(200, list), saying('One.'), saying('Two.'))
    await hear(model)
    await hear(model)
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /v1/models',
      'POST /v1/chat/completions',
      'POST /v1/chat/completions',
    ])
    expect(server.requests[0]?.headers.authorization).toBe('Bearer secret-key')
    expect(server.requests[2]?.body?.model).toBe('first/model')
  })

  it('is asked for anew when it has gone', async () => {
    const { server, model } = await setup({ model: null })
    server.plays(lists('old'), refuses(404), lists('new'), saying('Hello.'))
    expect(await failureOf(model)).toMatchObject({ code: 'MODEL_UNAVAILABLE' })
    expect(textOf(await hear(model))).toBe('Hello.')
    expect(server.requests.at(-1)?.body?.model).toBe('new')
  })

  it.each([
    ['an empty list', { data: [] }],
    ['no list', { data: null }],
    ['a page', '<html>Welcome</html>'],
    ['no object', [1, 2]],
  ])('is missed in %s', async (_name, list) => {
    const error = await failure((exchange) => exchange.answer(200, list), { model: null })
    expect(error).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: false })
  })

  it('is not found by a server that refuses, starts, hangs or never ends its list', async () => {
    const overrides = { model: null }
    expect(await failure(refuses(401), overrides)).toMatchObject({ retryable: false })
    expect(await failure(refuses(503), overrides)).toMatchObject({ isStarting: true })
    expect(await failure(endless, overrides)).toMatchObject({ code: 'MODEL_TRUNCATED', retryable: false })
    const { server, model } = await setup(overrides)
    const reason = new Error('stopped')
    const stop = new AbortController()
    server.plays(() => stop.abort(reason))
    await expect(hear(model, request, stop.signal)).rejects.toBe(reason)
    await server.idle()
  })
})

describe('the settings', () => {
  const settings = {
    openaiBaseUrl: 'https://gateway.example/v1',
    openaiKey: 'key',
    openaiModel: null,
    openaiHeaders: { 'x-team': 'bar' },
    modalEndpointUrl: null,
    modalProxyKey: 'wk-1',
    modalProxySecret: 'ws-1',
  }

  it('name a server, whose requests carry no header of Modal', () => {
    expect(openAiServerOf(settings)).toEqual({
      baseUrl: 'https://gateway.example/v1',
      key: 'key',
      headers: { 'x-team': 'bar' },
      model: null,
    })
  })

  it.each(['https://maya--llm.modal.run', 'https://maya--llm.modal.run/v1'])('or %s', (modalEndpointUrl) => {
    expect(openAiServerOf({ ...settings, modalEndpointUrl })).toMatchObject({
      baseUrl: 'https://maya--llm.modal.run/v1',
      headers: { 'x-team': 'bar', 'modal-key': 'wk-1', 'modal-secret': 'ws-1' },
    })
    expect(
      openAiServerOf({ ...settings, modalEndpointUrl, modalProxyKey: null, modalProxySecret: null }).headers,
    ).toEqual({ 'x-team': 'bar' })
  })
})

/** Plays a list with one model. */
const lists =
  (id: string): Play =>
  (exchange) =>
    exchange.answer(200, { data: [{ id }] })

const endless: Play = async (exchange) => {
  exchange.begin({ 'content-type': 'application/json' })
  while (!exchange.isOver) await exchange.write('['.repeat(4096))
}
