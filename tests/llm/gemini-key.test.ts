import { describe, expect, it } from 'vitest'
import { checkGeminiKey } from '../../src/llm/providers/gemini.ts'
import { refusal, type GeminiServer, type ScriptedAnswer } from '../fakes/gemini-server.ts'
import { setEnvironment } from '../fakes/environment.ts'
import { startServer } from './gemini-upstream.ts'
import { providerWords, secretKey } from './model.contract.ts'

const model = 'gemini-3.5-flash-lite'

async function check(server: GeminiServer, signal = new AbortController().signal) {
  return checkGeminiKey({ key: secretKey, model, baseUrl: `${server.url}/gateway`, signal })
}

async function checkedWith(answer: ScriptedAnswer) {
  const server = await startServer()
  server.answers(answer)
  return check(server)
}

function refuses(status: number, reason?: string): ScriptedAnswer {
  const details = reason === undefined ? [] : [{ '@type': 'ErrorInfo', reason }]
  return { status, pieces: [refusal(status, details, `${providerWords} ${secretKey}`)] }
}

const json = { 'content-type': 'application/json' }

describe('the check of a Gemini key', () => {
  it('reads the entry of the model with that key, and says valid', async () => {
    const server = await startServer()
    server.answers({ headers: json, pieces: [JSON.stringify({ name: `models/${model}` })] })
    expect(await check(server)).toEqual({ status: 'valid' })
    expect(server.requests).toMatchObject([
      {
        method: 'GET',
        url: `/gateway/v1beta/models/${model}`,
        headers: { 'x-goog-api-key': secretKey },
        body: undefined,
      },
    ])
  })

  it("asks for the model by the name that it has for keys, where the server's own has a publisher", async () => {
    const server = await startServer()
    server.answers({ headers: json, pieces: [JSON.stringify({ name: `models/${model}` })] })
    const published = `publishers/google/models/${model}`
    const { signal } = new AbortController()
    const result = await checkGeminiKey({ key: secretKey, model: published, baseUrl: server.url, signal })
    expect([result.status, server.requests[0]?.url]).toEqual(['valid', `/v1beta/models/${model}`])
  })

  it.each([
    [400, 'API_KEY_INVALID'],
    [400, 'API_KEY_EXPIRED'],
    [401, undefined],
    [403, 'API_KEY_SERVICE_BLOCKED'],
  ])('says rejected for %i %s', async (status, reason) => {
    const result = await checkedWith(refuses(status, reason))
    expect(result).toEqual({ status: 'rejected', reason: 'Google does not accept this key.' })
  })

  it.each([400, 404, 429, 500, 503])('leaves it open for %i', async (status) => {
    expect(await checkedWith(refuses(status))).toMatchObject({ status: 'unverified' })
  })

  it.each([
    ['a page', { pieces: ['<html>Welcome to this airport</html>'] }],
    ['a page that refuses', { status: 502, pieces: ['<html>Bad Gateway</html>'] }],
    ['half an answer', { headers: json, pieces: ['{"name": "mod'] }],
    ['a broken answer', { headers: json, pieces: ['{"name": "mod'], end: 'reset' }],
    ['no answer', { end: 'drop' }],
  ] as const)('leaves it open for %s', async (_name, answer) => {
    expect(await checkedWith(answer)).toMatchObject({ status: 'unverified' })
  })

  it('leaves it open when nobody listens', async () => {
    const server = await startServer()
    await server.stop()
    expect(await check(server)).toMatchObject({ status: 'unverified' })
  })

  it('leaves it open when its time is over, and lets the connection go', async () => {
    const server = await startServer()
    server.answers({ end: 'silent' })
    const time = new AbortController()
    const checking = check(server, time.signal)
    await server.received(1)
    time.abort()
    expect(await checking).toMatchObject({ status: 'unverified' })
    await server.idle()
  })

  it('does not send the key to where a redirect leads', async () => {
    const [first, other] = [await startServer(), await startServer()]
    first.answers({ status: 302, headers: { location: `${other.url}/elsewhere` } })
    expect(await check(first)).toMatchObject({ status: 'unverified' })
    expect(other.requests).toEqual([])
  })

  it('takes nothing from the environment', async () => {
    const [server, other] = [await startServer(), await startServer()]
    setEnvironment({
      GOOGLE_API_KEY: 'a-key-of-the-machine',
      GOOGLE_GENAI_USE_VERTEXAI: 'true',
      GOOGLE_GENAI_USE_ENTERPRISE: 'true',
      GOOGLE_CLOUD_PROJECT: 'a-project-of-the-machine',
      GOOGLE_CLOUD_LOCATION: 'global',
      GOOGLE_GENAI_API_VERSION: 'v1alpha',
      GOOGLE_GEMINI_BASE_URL: other.url,
      GOOGLE_VERTEX_BASE_URL: other.url,
    })
    server.answers({ headers: json, pieces: [JSON.stringify({ name: `models/${model}` })] })
    expect(await check(server)).toEqual({ status: 'valid' })
    expect(server.requests).toMatchObject([
      { url: `/gateway/v1beta/models/${model}`, headers: { 'x-goog-api-key': secretKey } },
    ])
    expect(other.requests).toEqual([])
  })

  it('gives reasons in our own words', async () => {
    for (const status of [400, 401, 404, 429, 500]) {
      const result = JSON.stringify(await checkedWith(refuses(status)))
      expect(result).not.toContain(secretKey)
      expect(result).not.toContain(providerWords)
      expect(result).not.toMatch(/https?:|127\.0\.0\.1/)
    }
  })
})
