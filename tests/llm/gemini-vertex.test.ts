import { GoogleGenAI } from '@google/genai'
import { PassThroughClient } from 'google-auth-library'
import { describe, expect, it, onTestFinished } from 'vitest'
import { endpointOf } from '../../src/llm/gemini/endpoint.ts'
import type { Model, ModelEvent } from '../../src/llm/model.ts'
import { setEnvironment } from '../fakes/environment.ts'
import { chunk } from '../fakes/gemini-server.ts'
import { givesToken, refusesToken, startMetadataServer } from '../fakes/metadata-server.ts'
import { modelAt, startServer } from './gemini-upstream.ts'
import { requestSaying } from './model.contract.ts'

const token = 'ya29.a-token-of-the-machine'
const credential = { kind: 'vertex', project: 'my-bar', location: 'europe-west4' } as const

/** A model whose machine gets its credentials from a metadata server that answers so. */
async function setup(reading: 'direct' | 'sdk', answer = givesToken(token)) {
  const metadata = await startMetadataServer(answer)
  onTestFinished(() => metadata.stop())
  setEnvironment({
    GCE_METADATA_HOST: metadata.host,
    METADATA_SERVER_DETECTION: 'assume-present',
    GOOGLE_APPLICATION_CREDENTIALS: undefined,
    // Where a developer's own credentials would be.
    CLOUDSDK_CONFIG: '/nowhere',
    HOME: '/nowhere',
  })
  const server = await startServer()
  return { metadata, server, model: modelAt(server, { reading, credential }) }
}

async function hear(model: Model, signal = new AbortController().signal): Promise<readonly ModelEvent[]> {
  const events: ModelEvent[] = []
  for await (const event of model.stream(requestSaying('hello'), signal)) events.push(event)
  return events
}

describe.each(['direct', 'sdk'] as const)('Gemini as a project of Vertex AI, reading %s', (reading) => {
  it("speaks with the machine's own credentials, asked for once", async () => {
    const { metadata, server, model } = await setup(reading)
    for (let turn = 0; turn < 2; turn++) {
      server.answers({ pieces: [chunk([{ text: 'Yes.' }], 'STOP')] })
      expect(await hear(model)).toMatchObject([{ type: 'text-delta', text: 'Yes.' }, { type: 'finish' }])
    }
    expect(server.requests).toHaveLength(2)
    for (const { url, headers } of server.requests) {
      expect(url).toBe(
        '/v1beta1/projects/my-bar/locations/europe-west4/publishers/google/models/gemini-3.5-flash-lite:streamGenerateContent?alt=sse',
      )
      expect(headers.authorization).toBe(`Bearer ${token}`)
      expect(headers).not.toHaveProperty('x-goog-api-key')
    }
    expect(metadata.tokensAskedFor()).toBe(1)
  })

  it('is unavailable for now when the machine has no credentials', async () => {
    const { server, model } = await setup(reading, refusesToken)
    await expect(hear(model)).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: true })
    expect(server.requests).toEqual([])
  })

  it('can be stopped while it waits for credentials', async () => {
    const { metadata, model } = await setup(reading, () => {})
    const stop = new AbortController()
    const reason = new Error('stopped')
    const failing = hear(model, stop.signal).catch((error: unknown) => error)
    while (metadata.tokensAskedFor() === 0) await new Promise((resolve) => setImmediate(resolve))
    stop.abort(reason)
    expect(await failing).toBe(reason)
  })
})

describe('where the model speaks', () => {
  it.each([
    ['global', 'gemini-3.8-flash'],
    ['eu', 'gemini-3.8-flash'],
    ['us', 'gemini-3.8-flash'],
    ['us-central1', 'gemini-3.8-flash'],
    ['europe-west4', 'anthropic/claude'],
    ['europe-west4', 'publishers/google/models/gemini-3.8-flash'],
  ])('is where the SDK finds it in %s: %s', async (location, model) => {
    setEnvironment({ GOOGLE_VERTEX_BASE_URL: undefined })
    const { baseUrl, path } = endpointOf({ credential: { ...credential, location }, model, baseUrl: null })
    let asked = ''
    const sdk = new GoogleGenAI({
      enterprise: true,
      project: credential.project,
      location,
      apiVersion: 'v1beta1',
      googleAuthOptions: { authClient: new PassThroughClient() },
      httpOptions: {
        fetch: async (input) => {
          asked = String(input)
          return new Response('data: {}\n\n')
        },
      },
    })
    await sdk.models.generateContentStream({ model, contents: 'hello' })
    expect(`${baseUrl}${path}`).toBe(asked)
  })

  it("is Google's own address for a key", () => {
    const { baseUrl } = endpointOf({
      credential: { kind: 'key', key: 'key', owner: 'server' },
      model: 'gemini-3.8-flash',
      baseUrl: null,
    })
    expect(baseUrl).toBe('https://generativelanguage.googleapis.com')
  })
})
