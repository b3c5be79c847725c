import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'

/** A request as it came over the wire. */
export interface ReceivedRequest {
  readonly method: string
  /** Path and query. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  // oxlint-disable-next-line typescript/no-explicit-any -- any JSON; the tests say what it has to be.
  readonly body: any
}

/** Bytes to send as one piece, or a promise that the test settles when the next piece may follow. */
export type Piece = string | Uint8Array | Promise<void>

/** How one request is answered. */
export interface ScriptedAnswer {
  /** Only a request whose body holds this text is answered so; any, when it is left out. */
  readonly to?: string
  /** 200 when it is left out. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly pieces?: readonly Piece[]
  /** `silent` does not even send headers; `drop` closes the connection instead of them. `whole` when it is left out. */
  readonly end?: 'whole' | 'reset' | 'hang' | 'silent' | 'drop'
}

/** A server on this machine that says byte for byte what a test tells it, in the framing of Gemini's API. */
export class GeminiServer {
  readonly requests: ReceivedRequest[] = []
  readonly #answers: ScriptedAnswer[] = []
  readonly #open = new Set<ServerResponse>()
  readonly #server = createServer((request, response) => void this.#respond(request, response))
  #wake = Promise.withResolvers<void>()
  #port = 0
  /** Connections that were made in all. */
  connectionCount = 0

  static async start(): Promise<GeminiServer> {
    const server = new GeminiServer()
    server.#server.on('connection', () => server.connectionCount++)
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    const address = server.#server.address()
    if (typeof address === 'object' && address !== null) server.#port = address.port
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get openRequests(): number {
    return this.#open.size
  }

  /** Adds answers to the end of the script. */
  answers(...answers: readonly ScriptedAnswer[]): void {
    this.#answers.push(...answers)
  }

  /** Resolves when so many requests have come in all. */
  async received(count: number): Promise<void> {
    while (this.requests.length < count) await this.#wake.promise
  }

  /** Resolves when no request is being answered. */
  async idle(): Promise<void> {
    while (this.#open.size > 0) await this.#wake.promise
  }

  /** Connections of all clients, also those that wait for their next request. */
  async connections(): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
    )
  }

  /** Resolves when no client has a connection any more. */
  async abandoned(): Promise<void> {
    while ((await this.connections()) > 0) await new Promise((resolve) => setImmediate(resolve))
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#open.add(response)
    response.on('error', () => {}) // The client has hung up; that is no fault of ours.
    response.once('close', () => {
      this.#open.delete(response)
      this.#changed()
    })
    const body = await textOf(request)
    const { method = '', url = '', headers } = request
    this.requests.push({ method, url, headers, body: body === '' ? undefined : JSON.parse(body) })
    this.#changed()
    const at = this.#answers.findIndex(({ to }) => to === undefined || body.includes(to))
    const [answer = { status: 500, pieces: ['{"error":{"code":500,"message":"The script is over."}}'] }] =
      at === -1 ? [] : this.#answers.splice(at, 1)
    await play(answer, response)
  }

  #changed(): void {
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }
}

async function play(answer: ScriptedAnswer, response: ServerResponse): Promise<void> {
  const { status = 200, headers, pieces = [], end = 'whole' } = answer
  if (end === 'silent') return
  if (end === 'drop') {
    response.socket?.destroy()
    return
  }
  const type = status === 200 ? 'text/event-stream' : 'application/json; charset=UTF-8'
  response.writeHead(status, { 'content-type': type, ...headers })
  response.flushHeaders()
  for (const piece of pieces) {
    if (piece instanceof Promise) await piece
    else await written(response, piece)
  }
  if (end === 'whole') response.end()
  if (end === 'reset') response.socket?.destroy()
}

/** Sends a piece by itself: not before the piece before it has left. */
async function written(response: ServerResponse, piece: string | Uint8Array): Promise<void> {
  if (response.closed) return
  await new Promise<void>((resolve) => {
    response.once('close', resolve)
    response.write(piece, () => {
      response.off('close', resolve)
      resolve()
    })
  })
}

async function textOf(request: IncomingMessage): Promise<string> {
  request.setEncoding('utf8')
  let text = ''
  for await (const piece of request) text += String(piece)
  return text
}

/** One event, as Gemini frames it. */
export function event(data: object): string {
  return `data: ${JSON.stringify(data)}\r\n\r\n`
}

/** A chunk that says these parts; with a finish reason it is the last one. */
export function chunk(parts: readonly object[], finishReason?: string, usageMetadata?: object): string {
  const content = { parts, role: 'model' }
  return event({
    candidates: [
      { ...(parts.length > 0 && { content }), ...(finishReason !== undefined && { finishReason }), index: 0 },
    ],
    usageMetadata: usageMetadata ?? { promptTokenCount: 10, totalTokenCount: 10 },
    modelVersion: 'gemini-test',
    responseId: 'response-1',
  })
}

/** The body of a refusal, with the details that Google sends with it. */
export function refusal(code: number, details: readonly object[] = [], message = 'No.'): string {
  return JSON.stringify({ error: { code, message, status: 'REFUSED', details } }, null, 2)
}
