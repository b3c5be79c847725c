import type {
  Content,
  GenerateContentConfig,
  GenerateContentParameters,
  Part,
  ThinkingLevel,
} from '@google/genai'
import type { Clock } from '../../clock.ts'
import { EventSource, EventSourceError, type EventReply } from '../event-source.ts'
import { endpointOf, keyModelOf, type GeminiCredential, type GeminiEndpoint } from '../gemini/endpoint.ts'
import { judgeKey, refused, unauthorized, type KeyOwner } from '../gemini/failures.ts'
import { disconnected, garbled } from '../provider-failures.ts'
import { GeminiReply } from '../gemini/reply.ts'
import type { AssistantMessage, ClosableModel, KeyCheck, ModelRequest, ToolMessage } from '../model.ts'
import { fieldsOf, parseJson } from '../fields.ts'
import { promptOf } from '../prompt.ts'
import { retryAfterOf } from '../retry-after.ts'

export interface GeminiModelOptions {
  readonly credential: GeminiCredential
  readonly model: string
  readonly thinking: keyof typeof thinkingLevels
  /** Null leaves it to the model. */
  readonly temperature: number | null
  readonly outputTokensMax: number
  /** Instead of Google's own address; a path in it is kept. */
  readonly baseUrl: string | null
  /** `direct` reads the stream with a parser of ours, for less than half of the time; `sdk` is there to be compared with. */
  readonly reading?: 'direct' | 'sdk'
  readonly clock: Clock
  readonly limits: {
    readonly modelReplyBytesMax: number
    readonly modelEventBytesMax: number
    readonly modelFinishMs: number
  }
}

/** Where the chunks of a reply come from. Throws a `ModelError`, or an `EventSourceError` where the connection failed. */
interface Reading {
  /** All chunks that have come since the last time, parsed. */
  chunks(parameters: GenerateContentParameters, signal: AbortSignal): AsyncIterable<readonly unknown[]>
  close(): Promise<void>
}

interface ReadingOptions extends GeminiModelOptions {
  readonly endpoint: GeminiEndpoint
  readonly owner: KeyOwner
}

/** Google's Gemini, by key or as a project of Vertex AI. One request a reply; no retries and no time-outs of its own. */
export function createGeminiModel(given: GeminiModelOptions): ClosableModel {
  const { credential, clock, limits } = given
  const owner = credential.kind === 'key' ? credential.owner : 'server'
  const options = credential.kind === 'key' ? { ...given, model: keyModelOf(given.model) } : given
  const readingOptions = { ...options, owner, endpoint: endpointOf(options) }
  const reading = options.reading === 'sdk' ? sdkReading(readingOptions) : directReading(readingOptions)
  return {
    name: 'gemini',
    isGeneral: true,
    async *stream(request, signal) {
      signal.throwIfAborted()
      const reply = new GeminiReply(owner)
      const reader = new AbortController()
      const onAbort = (): void => reader.abort(signal.reason)
      const onLate = (): void => reader.abort(new EventSourceError('broken-off'))
      let cancelTimer: (() => void) | undefined
      signal.addEventListener('abort', onAbort, { once: true })
      try {
        for await (const chunks of reading.chunks(parametersOf(request, options), reader.signal)) {
          for (const chunk of chunks) for (const event of reply.read(chunk)) yield event
          if (reply.isOver) cancelTimer ??= clock.after(limits.modelFinishMs, onLate)
        }
      } catch (error) {
        if (signal.aborted) throw signal.reason
        // What breaks after the end of the reply does not change it.
        if (!(error instanceof EventSourceError)) throw error
        if (!reply.isOver) throw disconnected(error)
      } finally {
        cancelTimer?.()
        signal.removeEventListener('abort', onAbort)
      }
      yield reply.finish()
    },
    close: () => reading.close(),
  }
}

/**
 * Asks Google whether it accepts a key. Reading the model's entry needs no words and costs no tokens or quota of
 * generation, is the same service that the key has to be allowed for, and tells a model that this key does not have.
 */
export async function checkGeminiKey(options: {
  readonly key: string
  readonly model: string
  readonly baseUrl: string | null
  /** Aborted when the answer takes too long: the key is then unverified. */
  readonly signal: AbortSignal
}): Promise<KeyCheck> {
  const { key, baseUrl, signal } = options
  const model = keyModelOf(options.model)
  const unreachable: KeyCheck = {
    status: 'unverified',
    reason: 'Google could not be reached to try the key.',
  }
  const sdk = await import('@google/genai')
  if (signal.aborted) return unreachable
  const endpoint = endpointOf({ credential: { kind: 'key', key, owner: 'guest' }, model, baseUrl })
  const client = new sdk.GoogleGenAI(clientOptions({ kind: 'key', key, owner: 'guest' }, endpoint))
  try {
    await client.models.get({
      model,
      config: { abortSignal: signal, httpOptions: { fetch: fetchWithoutRedirects } },
    })
    return { status: 'valid' }
  } catch (error) {
    if (!(error instanceof sdk.ApiError)) return unreachable
    return judgeKey({ status: error.status, body: bodyIn(error), retryAfterMs: undefined })
  }
}

/** Our own request, read by our own parser. */
function directReading({ credential, endpoint, owner, limits }: ReadingOptions): Reading {
  const { origin, pathname } = new URL(endpoint.baseUrl)
  const path = `${pathname === '/' ? '' : pathname}${endpoint.path}`
  const authorize =
    credential.kind === 'key' ? () => keyHeader(credential.key) : projectHeaders(credential.project)
  const source = new EventSource({
    origin,
    replyBytesMax: limits.modelReplyBytesMax,
    eventBytesMax: limits.modelEventBytesMax,
  })
  return {
    async *chunks(parameters, signal) {
      const headers = { 'content-type': 'application/json', ...(await untilAborted(authorize(), signal)) }
      const answer = await source.post({ path, headers, body: JSON.stringify(bodyOf(parameters)) }, signal)
      try {
        if (answer.status !== 200) throw refused(await refusalOf(answer), owner)
        for (;;) {
          const events = await answer.next()
          if (events === undefined) return
          yield events.map(parseJson)
        }
      } finally {
        answer.close()
      }
    },
    close: () => source.close(),
  }
}

async function refusalOf(answer: EventReply) {
  return {
    status: answer.status,
    body: parseJson(await answer.text()),
    retryAfterMs: retryAfterOf((name) => answer.header(name)),
  }
}

async function keyHeader(key: string): Promise<Record<string, string>> {
  return { 'x-goog-api-key': key }
}

/** Headers of the application default credentials; the library keeps the token and renews it. */
function projectHeaders(projectId: string): () => Promise<Record<string, string>> {
  const auth = import('google-auth-library').then(
    ({ GoogleAuth }) =>
      new GoogleAuth({ projectId, scopes: ['https://www.googleapis.com/auth/cloud-platform'] }),
  )
  return async () => {
    const loaded = await auth
    try {
      return Object.fromEntries(await loaded.getRequestHeaders())
    } catch {
      throw unauthorized()
    }
  }
}

/** The SDK's request, read by the SDK. Its own traps are closed here: aborts, redirects, and answers without end. */
function sdkReading({ credential, endpoint, owner, limits }: ReadingOptions): Reading {
  const loaded = import('@google/genai').then((sdk) => ({
    sdk,
    client: new sdk.GoogleGenAI(clientOptions(credential, endpoint)),
  }))
  const running = new Set<AbortController>()
  return {
    async *chunks(parameters, signal) {
      const { sdk, client } = await untilAborted(loaded, signal)
      // The SDK leaves its listeners on a signal, and its connection open when its reader breaks off.
      const request = new AbortController()
      const onAbort = (): void => request.abort(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      running.add(request)
      const answer: SdkAnswer = { status: 0, retryAfterMs: undefined }
      try {
        const fetch = boundedFetch(limits.modelReplyBytesMax, answer)
        const config = { ...parameters.config, abortSignal: request.signal, httpOptions: { fetch } }
        const starting = client.models.generateContentStream({ ...parameters, config })
        for await (const chunk of await untilAborted(starting, signal)) yield [chunk]
      } catch (error) {
        if (error instanceof sdk.ApiError) {
          throw refused({ ...answer, status: error.status, body: bodyIn(error) }, owner)
        }
        if (error instanceof EventSourceError) throw error
        // Fetch throws a TypeError when the connection fails, and an AbortError when we close.
        if (error instanceof TypeError || request.signal.aborted)
          throw new EventSourceError(answer.status === 0 ? 'unreachable' : 'broken-off')
        if (answer.status === 0) throw unauthorized()
        throw answer.status === 200 ? garbled() : refused({ ...answer, body: undefined }, owner)
      } finally {
        request.abort(new EventSourceError('broken-off'))
        signal.removeEventListener('abort', onAbort)
        running.delete(request)
      }
    },
    async close() {
      for (const request of running) request.abort(new EventSourceError('broken-off'))
    },
  }
}

/** The SDK gives the body of a refusal as its message, and writes words before that of a failure in the stream. */
function bodyIn({ message }: Error): unknown {
  return parseJson(message.slice(Math.max(0, message.search(/[[{]/))))
}

/** What the SDK keeps to itself of the answer. */
interface SdkAnswer {
  /** 0 until it has come. */
  status: number
  retryAfterMs: number | undefined
}

function boundedFetch(bytesMax: number, answer: SdkAnswer): typeof fetch {
  return async (input, init) => {
    const response = await fetchWithoutRedirects(input, init)
    answer.status = response.status
    answer.retryAfterMs = retryAfterOf((name) => response.headers.get(name) ?? undefined)
    if (response.body === null) return response
    let bytes = 0
    const counting = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.length
        if (bytes > bytesMax) controller.error(new EventSourceError('too-large'))
        else controller.enqueue(chunk)
      },
    })
    const { status, headers } = response
    return new Response(response.body.pipeThrough(counting), { status, headers })
  }
}

/** A redirect would carry the key to wherever it leads. */
const fetchWithoutRedirects: typeof fetch = (input, init) => fetch(input, { ...init, redirect: 'manual' })

/** Everything is said here, because the SDK takes what is not from the environment. */
function clientOptions(credential: GeminiCredential, { baseUrl, apiVersion }: GeminiEndpoint) {
  const common = { apiVersion, httpOptions: { baseUrl } }
  if (credential.kind === 'key') return { ...common, enterprise: false, apiKey: credential.key }
  const { project, location } = credential
  return { ...common, enterprise: true, project, location, googleAuthOptions: { projectId: project } }
}

/** The body that the SDK makes of the same parameters; a test compares the two. */
function bodyOf({ contents, config = {} }: GenerateContentParameters): object {
  const { systemInstruction, tools, temperature, maxOutputTokens, thinkingConfig } = config
  return {
    contents,
    systemInstruction,
    tools,
    generationConfig: { temperature, maxOutputTokens, thinkingConfig },
  }
}

type RequestOptions = Pick<GeminiModelOptions, 'model' | 'thinking' | 'temperature' | 'outputTokensMax'>

function parametersOf(request: ModelRequest, options: RequestOptions): GenerateContentParameters {
  const { system, messages } = promptOf(request)
  const hasThoughts = !/(^|\/)gemini-[12][.-]/.test(options.model)
  const config: GenerateContentConfig = {
    systemInstruction: { role: 'user', parts: [{ text: system }] },
    maxOutputTokens: options.outputTokensMax,
    automaticFunctionCalling: { disable: true },
    automaticContinuation: false,
    ...(options.temperature !== null && { temperature: options.temperature }),
    ...(hasThoughts && { thinkingConfig: { thinkingLevel: levelOf(options.thinking) } }),
    ...(request.tools.length > 0 && { tools: [{ functionDeclarations: declarationsOf(request) }] }),
  }
  const contents = messages.map((message): Content => {
    switch (message.role) {
      case 'user':
        return { role: 'user', parts: [{ text: message.text }] }
      case 'assistant':
        return { role: 'model', parts: replyParts(message, hasThoughts) }
      case 'tool':
        return { role: 'user', parts: resultParts(message) }
    }
  })
  // A reply that was stopped before its first word is empty, and Gemini refuses an empty content.
  return { model: options.model, contents: contents.filter(({ parts = [] }) => parts.length > 0), config }
}

function declarationsOf({ tools }: ModelRequest) {
  return tools.map(({ name, description, parameters }) => ({
    name,
    description,
    parametersJsonSchema: parameters,
  }))
}

/** Takes the place of a signature where another model made the call: without any, Gemini refuses the request. */
const noSignature = 'skip_thought_signature_validator'

/** All parts of one reply in one content: only the first of parallel calls has a signature, and it stands for all. */
function replyParts(
  { text, toolCalls, signature: textSignature }: AssistantMessage,
  hasThoughts: boolean,
): Part[] {
  const isForeign = hasThoughts && toolCalls.every(({ signature }) => signature === undefined)
  const calls = toolCalls.map(({ callId, name, arguments: args, signature }, at): Part => {
    const thoughtSignature = isForeign && at === 0 ? noSignature : signature
    return {
      functionCall: { id: callId, name, args: fieldsOf(args) },
      ...(thoughtSignature !== undefined && { thoughtSignature }),
    }
  })
  return text === '' ? calls : [{ text, ...(textSignature && { thoughtSignature: textSignature }) }, ...calls]
}

function resultParts({ results }: ToolMessage): Part[] {
  return results.map(({ callId, name, result }) => ({
    functionResponse: { id: callId, name, response: { output: result } },
  }))
}

const thinkingLevels = {
  minimal: 'MINIMAL',
  low: 'LOW',
  medium: 'MEDIUM',
  high: 'HIGH',
} as const satisfies Record<string, `${ThinkingLevel}`>

function levelOf(thinking: GeminiModelOptions['thinking']): ThinkingLevel {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The table's type shows that these are the enum's values; the enum itself would load the SDK.
  return thinkingLevels[thinking] as ThinkingLevel
}

/** Resolves as the promise does, unless the signal is aborted first: what cannot be aborted goes on unheard. */
async function untilAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  signal.throwIfAborted()
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
