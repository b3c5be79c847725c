// The real server with the models that its settings name, over local servers that speak their wire formats.
import { describe, expect, it, onTestFinished } from 'vitest'
import { eventsOf, textOf } from '../fakes/event-reader.ts'
import { chunk, GeminiServer, refusal } from '../fakes/gemini-server.ts'
import { startServer, temporaryDirectory } from './server-process.ts'

const serverKey = 'server-key-0123456789'
const guestKey = 'guest-key-0123456789'
const usage = { promptTokenCount: 900, candidatesTokenCount: 12, totalTokenCount: 912 }

const order = {
  pieces: [
    chunk(
      [
        { text: 'Coming up. ' },
        {
          functionCall: { id: 'a', name: 'add_to_order', args: { item_name: 'martini', quantity: 2 } },
          thoughtSignature: 'c2lnbmF0dXJl',
        },
      ],
      'STOP',
      usage,
    ),
  ],
}
const answer = (text: string) => ({ pieces: [chunk([{ text }], 'STOP', usage)] })

async function startGemini(): Promise<GeminiServer> {
  const gemini = await GeminiServer.start()
  onTestFinished(() => gemini.stop())
  return gemini
}

async function startBar(gemini: GeminiServer, environment: Readonly<Record<string, string>> = {}) {
  const server = await startServer({
    directory: temporaryDirectory(),
    environment: { GEMINI_BASE_URL: gemini.url, ...environment },
  })
  const created = await fetch(`${server.url}/api/v1/sessions`, { method: 'POST' })
  const headers = {
    'x-session-id': created.headers.get('x-session-id') ?? '',
    'content-type': 'application/json',
  }
  const post = (path: string, body: object): Promise<Response> =>
    fetch(`${server.url}/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  return {
    ...server,
    post,
    get: (path: string) => fetch(`${server.url}/api/v1${path}`, { headers }),
    metrics: async () => (await fetch(`${server.url}/metrics`)).text(),
    async say(userInput: string) {
      return eventsOf(await (await post('/chat/stream', { user_input: userInput })).text())
    },
  }
}

describe('a server with a key for Gemini', () => {
  it('orders through it, pays as the guest confirms, and shows nobody its key', async () => {
    const gemini = await startGemini()
    const bar = await startBar(gemini, { GEMINI_API_KEY: serverKey, MAYA_LOG_LEVEL: 'trace' })
    await expect.poll(bar.output).toMatch(/model {5}gemini \(gemini-3\.5-flash-lite\)/)
    gemini.answers(order, answer('Two martinis, 26 dollars.'))
    expect(textOf(await bar.say('Two martinis, please'))).toBe('Coming up. Two martinis, 26 dollars.')
    const tab = await (await bar.get('/payments/tab')).json()
    expect(tab).toMatchObject({ tab_amount_cents: 2600 })
    expect(gemini.requests.map(({ headers }) => headers['x-goog-api-key'])).toEqual([serverKey, serverKey])
    const [, second] = gemini.requests
    expect(second?.body.contents.slice(-2)).toMatchObject([
      { role: 'model', parts: [{ text: 'Coming up. ' }, { thoughtSignature: 'c2lnbmF0dXJl' }] },
      { role: 'user', parts: [{ functionResponse: { id: 'a', name: 'add_to_order' } }] },
    ])
    const paid = await bar.post('/payments/pay', { expected_total_cents: 2600 })
    expect(paid.status).toBe(200)
    expect(await bar.metrics()).toContain('maya_llm_requests_total{provider="gemini",outcome="ok"} 2')
    expect(bar.output() + (await bar.metrics())).not.toContain(serverKey)
  })

  it('is asked again where that helps, and told of to the guest where it does not', async () => {
    const gemini = await startGemini()
    const bar = await startBar(gemini, { GEMINI_API_KEY: serverKey })
    gemini.answers({ status: 503, pieces: [refusal(503)] }, answer('Hello!'))
    expect(textOf(await bar.say('hi'))).toBe('Hello!')
    gemini.answers({ status: 403, pieces: [refusal(403, [], `The key ${serverKey} is suspended.`)] })
    const refused = (await bar.say('hi')).at(-1)?.data
    expect(refused).toMatchObject({ type: 'error', code: 'MODEL_UNAVAILABLE', retryable: false })
    expect(refused.message).not.toContain(serverKey)
  })

  it('lets the house model answer in its place, where the settings say so', async () => {
    const gemini = await startGemini()
    const bar = await startBar(gemini, { GEMINI_API_KEY: serverKey, MAYA_LLM_FALLBACK: 'house' })
    await gemini.stop()
    expect(textOf(await bar.say('Two martinis, please'))).toMatch(/26/)
    expect(await bar.metrics()).toContain('maya_llm_fallbacks_total{provider="gemini"} 2')
  })
})

describe('a server without a key', () => {
  it('answers as the house until a guest brings a key, then with that key', async () => {
    const gemini = await startGemini()
    const bar = await startBar(gemini)
    await expect.poll(bar.output).toMatch(/model {5}house/)
    expect(textOf(await bar.say('Two martinis, please'))).toMatch(/26/)
    gemini.answers({ headers: { 'content-type': 'application/json' }, pieces: ['{"name":"models/x"}'] })
    const brought = await bar.post('/session/keys', { gemini_key: guestKey })
    expect(await brought.json()).toMatchObject({ has_valid_keys: true, keys: { gemini: 'valid' } })
    gemini.answers(answer('I remember your martinis.'))
    expect(textOf(await bar.say('What did I order?'))).toBe('I remember your martinis.')
    expect(gemini.requests.map(({ headers }) => headers['x-goog-api-key'])).toEqual([guestKey, guestKey])
    const contents = JSON.stringify(gemini.requests[1]?.body.contents)
    expect(contents).toContain('skip_thought_signature_validator')
    expect(contents).toContain('tab_cents')
    const refused = { status: 422, code: 'KEY_REJECTED' }
    gemini.answers({ status: 400, pieces: [refusal(400, [{ reason: 'API_KEY_INVALID' }])] })
    expect(await (await bar.post('/session/keys', { gemini_key: 'another-key' })).json()).toMatchObject(
      refused,
    )
    expect(await (await bar.get('/session/status')).json()).toMatchObject({ has_valid_keys: true })
  })
})
