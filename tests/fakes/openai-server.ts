import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { Conditions } from './conditions.ts'

/** A request as it came over the wire. */
export interface ReceivedRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  /** Parsed; null where there was none. */
  readonly body: ChatBody | null
}

/** What the tests look at in the body of a chat completion. */
export interface ChatBody {
  readonly model: string
  readonly messages: readonly ChatBodyMessage[]
  readonly [name: string]: unknown
}

export interface ChatBodyMessage {
  readonly role: string
  readonly content: string | null
  readonly [name: string]: unknown
}

/** Plays the server's side of one request. Nothing is sent, and nothing ends, but by this. */
export type Play = (exchange: Exchange) => void | Promise<void>

/** One request and its answer, for a test to give piece by piece. */
export class Exchange {
  readonly request: ReceivedRequest
  readonly #response: ServerResponse

  constructor(request: ReceivedRequest, response: ServerResponse) {
    this.request = request
    this.#response = response
  }

  /** Whether the client has hung up, or everything was sent. */
  get isOver(): boolean {
    return this.#response.closed
  }

  /** Sends the head of a stream. */
  begin(headers: Readonly<Record<string, string>> = {}): void {
    this.#response.writeHead(200, { 'content-type': 'text/event-stream', ...headers })
    this.#response.flushHeaders()
  }

  /** Sends bytes as they are; resolves when there is room for more, or the client has gone. */
  async write(bytes: string | Uint8Array): Promise<void> {
    if (!this.#response.headersSent) this.begin()
    if (this.#response.write(bytes) || this.isOver) return
    const response = this.#response
    await new Promise<void>((resolve) => {
      const onReady = (): void => {
        response.off('drain', onReady).off('close', onReady)
        resolve()
      }
      response.on('drain', onReady).on('close', onReady)
    })
  }

  /** Sends one event. */
  async send(chunk: unknown): Promise<void> {
    await this.write(eventOf(chunk))
  }

  /** The proper end of the body, and of the stream when it is `done`. */
  end(done: 'done' | 'cut-off' = 'done'): void {
    this.#response.end(done === 'done' ? 'data: [DONE]\n\n' : undefined)
  }

  /** A whole answer that is no stream. */
  answer(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): void {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const type = typeof body === 'string' ? 'text/html' : 'application/json'
    this.#response.writeHead(status, { 'content-type': type, ...headers }).end(text)
  }

  /** Breaks the connection, once what was written before is on its way. */
  reset(): void {
    setImmediate(() => this.#response.destroy())
  }
}

/** A server that speaks the chat completions API over a real socket, as the test tells it. */
export class OpenAiServer {
  readonly requests: ReceivedRequest[] = []
  readonly #server = createServer((request, response) => void this.#serve(request, response))
  readonly #plays: Play[] = []
  readonly #conditions = new Conditions()
  #connections = 0
  #open = 0
  /** Answers what has no play of its own. */
  otherwise: Play = (exchange) => exchange.answer(500, { error: { message: 'No play is left.' } })

  static async start(): Promise<OpenAiServer> {
    const server = new OpenAiServer()
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    server.#server.on('connection', () => server.#connections++)
    return server
  }

  get origin(): string {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('The server does not listen.')
    return `http://127.0.0.1:${address.port}`
  }

  get baseUrl(): string {
    return `${this.origin}/v1`
  }

  /** Requests that are neither answered whole nor hung up on. */
  get openRequests(): number {
    return this.#open
  }

  /** Connections that were ever made. */
  get connections(): number {
    return this.#connections
  }

  /** Adds plays for the next requests, in order. */
  plays(...plays: readonly Play[]): void {
    this.#plays.push(...plays)
  }

  /** Takes the next request and leaves its answer to the test. */
  next(): Promise<Exchange> {
    return new Promise((resolve) => this.plays(resolve))
  }

  received(count: number): Promise<void> {
    return this.#conditions.until(() => this.requests.length >= count)
  }

  idle(): Promise<void> {
    return this.#conditions.until(() => this.#open === 0)
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#open++
    response.once('close', () => {
      this.#open--
      this.#conditions.changed()
    })
    const text = await request.setEncoding('utf8').reduce((all: string, part: string) => all + part, '')
    const { method = '', url = '', headers } = request
    const body: ChatBody | null = text === '' ? null : JSON.parse(text)
    const received = { method, path: url, headers, body }
    this.requests.push(received)
    this.#conditions.changed()
    await (this.#plays.shift() ?? this.otherwise)(new Exchange(received, response))
  }
}

/** The bytes of one event. */
export function eventOf(chunk: unknown): string {
  return `data: ${JSON.stringify(chunk)}\n\n`
}

/** A chunk as OpenAI writes it. */
export function chunkOf(delta: object, finishReason: string | null = null): object {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1_790_000_000,
    model: 'test-model',
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
  }
}

/** The chunk after the last one, for those who ask to be told the usage. */
export function usageChunk(inputTokens: number, outputTokens: number): object {
  return { ...chunkOf({}), choices: [], usage: usageOf(inputTokens, outputTokens) }
}

export function usageOf(inputTokens: number, outputTokens: number): object {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
  }
}

/** Plays a stream of these chunks, properly ended. */
export function streams(...chunks: readonly unknown[]): Play {
  return async (exchange) => {
    for (const chunk of chunks) await exchange.send(chunk)
    exchange.end()
  }
}

/** Plays a whole reply that says this. */
export function saying(text: string): Play {
  const words = text.match(/\S+\s*/g) ?? []
  return streams(
    chunkOf({ role: 'assistant', content: '' }),
    ...words.map((content) => chunkOf({ content })),
    chunkOf({}, 'stop'),
    usageChunk(10, words.length),
  )
}

/** Plays a refusal in the server's own words. */
export function refuses(status: number, error: object = {}, headers: Record<string, string> = {}): Play {
  return (exchange) => exchange.answer(status, { error }, headers)
}
