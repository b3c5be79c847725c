import type { OpenAI } from 'openai'
import type { Clock } from '../../clock.ts'
import { EventSource, EventSourceError, type EventReply } from '../event-source.ts'
import type { ClosableModel, ModelError, ModelEvent, ModelRequest } from '../model.ts'
import { chatMessagesOf, chatToolsOf } from '../openai/chat-messages.ts'
import { ChatReply } from '../openai/chat-reply.ts'
import { firstDialect, nextDialect, type Dialect } from '../openai/dialect.ts'
import { noModel, refused, starting } from '../openai/failures.ts'
import { disconnected, garbled } from '../provider-failures.ts'
import { fieldsOf, parseJson, textOf } from '../fields.ts'
import { estimateTokens } from '../prompt.ts'
import { retryAfterOf } from '../retry-after.ts'

export interface OpenAiModelOptions extends OpenAiServerOptions {
  readonly temperature: number | null
  readonly outputTokensMax: number
  readonly clock: Clock
  readonly limits: {
    readonly modelReplyBytesMax: number
    readonly modelEventBytesMax: number
    readonly modelFinishMs: number
  }
}

export interface OpenAiServerOptions {
  /** With its `/v1`; null is OpenAI's own service. */
  readonly baseUrl: string | null
  readonly key: string | null
  readonly headers: Readonly<Record<string, string>>
  /** Null is the first that the server lists. */
  readonly model: string | null
}

/** The settings that say where the server is and how it is asked. */
export interface OpenAiSettings {
  readonly openaiBaseUrl: string | null
  readonly openaiKey: string | null
  readonly openaiModel: string | null
  readonly openaiHeaders: Readonly<Record<string, string>>
  readonly modalEndpointUrl: string | null
  readonly modalProxyKey: string | null
  readonly modalProxySecret: string | null
}

/** A model that is hosted on Modal goes before any other server, and gets the headers that its proxy wants. */
export function openAiServerOf(settings: OpenAiSettings): OpenAiServerOptions {
  const { modalEndpointUrl, modalProxyKey, modalProxySecret, openaiHeaders } = settings
  const proxyHeaders = {
    ...(modalProxyKey === null ? {} : { 'modal-key': modalProxyKey }),
    ...(modalProxySecret === null ? {} : { 'modal-secret': modalProxySecret }),
  }
  return {
    baseUrl: modalEndpointUrl === null ? settings.openaiBaseUrl : withVersion(modalEndpointUrl),
    key: settings.openaiKey,
    headers: modalEndpointUrl === null ? openaiHeaders : { ...openaiHeaders, ...proxyHeaders },
    model: settings.openaiModel,
  }
}

/** Any server that speaks OpenAI's chat completions. Everything it says is read with patience and believed with none. */
export function createOpenAiModel(options: OpenAiModelOptions): ClosableModel {
  return new OpenAiModel(options)
}

const openAiUrl = 'https://api.openai.com/v1'
/** A function on Modal that takes long sends one after every 150 seconds. */
const redirectsMax = 20

/**
 * The SDK makes the requests, with their authentication. They are sent and read by our event source, as those of the
 * other provider: there an abort keeps its reason, every answer has a bound, and it is seen whether `[DONE]` came.
 */
class OpenAiModel implements ClosableModel {
  readonly name = 'openai'
  readonly isGeneral = true
  readonly #options: OpenAiModelOptions
  readonly #client: Promise<OpenAI>
  readonly #source: EventSource
  /** A server of one's own may be off until it is asked, again and again; OpenAI's service never is. */
  readonly #startsCold: boolean
  #dialect: Dialect
  #firstModel: string | undefined

  constructor(options: OpenAiModelOptions) {
    const { origin, hostname } = new URL(options.baseUrl ?? openAiUrl)
    const { modelReplyBytesMax, modelEventBytesMax } = options.limits
    const isOpenAi = /(^|\.)api\.openai\.com$/.test(hostname)
    this.#options = options
    this.#client = createClient(options)
    this.#client.catch(() => {}) // Whoever awaits it sees why.
    this.#source = new EventSource({
      origin,
      replyBytesMax: modelReplyBytesMax,
      eventBytesMax: modelEventBytesMax,
    })
    this.#startsCold = !isOpenAi
    this.#dialect = firstDialect(isOpenAi)
  }

  async *stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent> {
    signal.throwIfAborted()
    const reply = new ChatReply(() => estimateInputTokens(request))
    const { clock, limits } = this.#options
    let answer: EventReply | undefined
    let cancelTimer: (() => void) | undefined
    try {
      answer = await this.#ask(request, signal)
      for (let redirects = 0; answer.status === 303 && redirects < redirectsMax; redirects++) {
        yield { type: 'progress', what: 'warming-up' }
        answer = await this.#follow(answer, signal)
      }
      if (answer.status !== 200) throw this.#refused(answer, await bodyOf(answer))
      if (answer.isDocument) {
        for (const event of reply.readWhole(await this.#documentOf(answer))) yield event
      }
      const last = answer
      for (let batch; !reply.isDone && (batch = await nextBatch(last, reply)) !== undefined;) {
        for (const data of batch) {
          for (const event of reply.read(data)) yield event
          signal.throwIfAborted()
        }
        if (reply.hasFinished) cancelTimer ??= clock.after(limits.modelFinishMs, () => last.close())
      }
      for (const event of reply.end()) yield event
    } catch (error) {
      throw signal.aborted ? signal.reason : this.#translated(error)
    } finally {
      cancelTimer?.()
      if (reply.isDone) answer?.leave()
      else answer?.close()
    }
  }

  async close(): Promise<void> {
    await this.#source.close()
  }

  /** Asks for a reply, in the first dialect that the server understands. */
  async #ask(request: ModelRequest, signal: AbortSignal): Promise<EventReply> {
    const model = this.#options.model ?? this.#firstModel ?? (await this.#listFirstModel(signal))
    let dialect = this.#dialect
    for (;;) {
      const answer = await this.#post(this.#bodyOf(request, { model, dialect }), signal)
      if (answer.status === 404) this.#firstModel = undefined
      if (answer.status === 400 || answer.status === 422) {
        const body = await bodyOf(answer)
        const next = nextDialect(dialect, body)
        if (next === null) throw this.#refused(answer, body)
        dialect = next
        continue
      }
      if (answer.status === 200) this.#dialect = dialect
      return answer
    }
  }

  #bodyOf(
    request: ModelRequest,
    { model, dialect }: { readonly model: string; readonly dialect: Dialect },
  ): Body {
    const { temperature, outputTokensMax } = this.#options
    return {
      model,
      messages: chatMessagesOf(request),
      ...(request.tools.length > 0 && { tools: chatToolsOf(request.tools) }),
      ...(temperature !== null && { temperature }),
      [dialect.outputLimit]: outputTokensMax,
      stream: true,
      ...(dialect.countsOnDemand && { stream_options: { include_usage: true } }),
    }
  }

  async #post(body: Body, signal: AbortSignal): Promise<EventReply> {
    const client = await this.#client
    const { req, url } = await client.buildRequest({ method: 'post', path: '/chat/completions', body })
    const headers = Object.fromEntries(req.headers)
    return await this.#source.post({ path: pathOf(url), headers, body: JSON.stringify(body) }, signal)
  }

  async #get(path: string, signal: AbortSignal): Promise<EventReply> {
    const client = await this.#client
    const { req, url } = await client.buildRequest({ method: 'get', path })
    return await this.#source.get({ path: pathOf(url), headers: Object.fromEntries(req.headers) }, signal)
  }

  /** Goes on waiting at the address that the server names; never at another server, which would get our headers. */
  async #follow(answer: EventReply, signal: AbortSignal): Promise<EventReply> {
    const { origin, href } = new URL(this.#options.baseUrl ?? openAiUrl)
    const location = URL.parse(answer.header('location') ?? '', href)
    answer.close()
    if (location?.origin !== origin) throw garbled()
    return await this.#get(location.href, signal)
  }

  /** The server is asked once: a list that changes is seen when the model is no longer there. */
  async #listFirstModel(signal: AbortSignal): Promise<string> {
    const answer = await this.#get('/models', signal)
    try {
      if (answer.status !== 200) throw this.#refused(answer, await bodyOf(answer))
      const { data } = fieldsOf(parseJson(await this.#documentOf(answer)))
      const id = textOf(fieldsOf(Array.isArray(data) ? data[0] : undefined).id)
      if (id === '') throw noModel()
      this.#firstModel = id
      return id
    } finally {
      answer.close()
    }
  }

  #documentOf(answer: EventReply): Promise<string> {
    return answer.text(this.#options.limits.modelReplyBytesMax)
  }

  #refused(answer: EventReply, body: string): ModelError {
    const header = (name: string): string | undefined => answer.header(name)
    const isStarting = this.#startsCold && startingStatuses.has(answer.status)
    return isStarting ? starting(retryAfterOf(header)) : refused({ status: answer.status, header, body })
  }

  #translated(error: unknown): unknown {
    if (!(error instanceof EventSourceError)) return error
    return this.#startsCold && error.code === 'ECONNREFUSED' ? starting() : disconnected(error)
  }
}

/** What a proxy says of a server behind it that does not listen yet, and some servers of themselves. */
const startingStatuses: ReadonlySet<number> = new Set([502, 503, 504])

type Body = OpenAI.ChatCompletionCreateParamsStreaming

/** The package takes about 150 ms and 30 MB to load: only a server that speaks to such a model pays for it. */
async function createClient({ baseUrl, key, headers }: OpenAiModelOptions): Promise<OpenAI> {
  const sdk = await import('openai')
  return new sdk.OpenAI({
    baseURL: baseUrl ?? openAiUrl,
    // The SDK insists on a key, where a server of one's own may have none.
    apiKey: key ?? 'none',
    defaultHeaders: key === null ? { authorization: null, ...headers } : headers,
    // Else it would take these from the environment.
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    logLevel: 'off',
    maxRetries: 0,
  })
}

/** The events that came since the last time. What breaks after the end of the reply does not change it. */
async function nextBatch(answer: EventReply, reply: ChatReply): Promise<readonly string[] | undefined> {
  try {
    return await answer.next()
  } catch (error) {
    if (reply.hasFinished && error instanceof EventSourceError) return undefined
    throw error
  }
}

/** The body of a refusal, as far as it came. What is said with a 5xx says no more than its number. */
async function bodyOf(answer: EventReply): Promise<string> {
  if (answer.status >= 500) return ''
  try {
    return await answer.text()
  } catch (error) {
    if (error instanceof EventSourceError) return ''
    throw error
  } finally {
    answer.close()
  }
}

function pathOf(url: string): string {
  const { pathname, search } = new URL(url)
  return pathname + search
}

function withVersion(url: string): string {
  return url.endsWith('/v1') ? url : `${url}/v1`
}

/** About what was asked, for servers that do not count. */
function estimateInputTokens(request: ModelRequest): number {
  return estimateTokens(JSON.stringify([chatMessagesOf(request), chatToolsOf(request.tools)]))
}
