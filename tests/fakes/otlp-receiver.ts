import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'
import { Message } from './protobuf.ts'

/** A span as it arrived. */
export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  /** Empty for the first of a trace. */
  readonly parentId: string
  readonly name: string
  readonly kind: 'internal' | 'client' | 'other'
  /** Milliseconds since 1970. */
  readonly startMs: number
  readonly endMs: number
  readonly attributes: Readonly<Record<string, unknown>>
  readonly isError: boolean
  /** What is said of the whole service. */
  readonly resource: Readonly<Record<string, unknown>>
}

/** How it answers. `hang`: takes the request and says nothing; `cut`: breaks the connection. */
export type ReceiverMood = number | 'hang' | 'cut'

/** A receiver of OTLP over HTTP, on a port of its own. */
export class OtlpReceiver {
  readonly spans: ReceivedSpan[] = []
  readonly requests: { readonly path: string; readonly headers: IncomingMessage['headers'] }[] = []
  /** Everything that came, to be searched. */
  readonly bodies: Buffer[] = []
  mood: ReceiverMood = 200
  readonly #server = createServer((request, response) => void this.#take(request, response))
  #arrived = Promise.withResolvers<void>()

  static async start(): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver()
    receiver.#server.listen(0, '127.0.0.1')
    await once(receiver.#server, 'listening')
    onTestFinished(() => receiver.stop())
    return receiver
  }

  /** What `OTEL_EXPORTER_OTLP_ENDPOINT` is set to. */
  get url(): string {
    const address = this.#server.address()
    if (typeof address !== 'object' || address === null) throw new Error('The receiver does not listen.')
    return `http://127.0.0.1:${address.port}`
  }

  /** Resolves when a request has come since this was asked. */
  async next(): Promise<void> {
    await this.#arrived.promise
  }

  /** Resolves as soon as that many spans of a name have come. */
  async until(name: string, count = 1): Promise<readonly ReceivedSpan[]> {
    for (;;) {
      const found = this.spans.filter((span) => span.name === name)
      if (found.length >= count) return found
      await this.next()
    }
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    if (!this.#server.listening) return
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = await request.toArray()
    const body = Buffer.concat(chunks)
    this.requests.push({ path: request.url ?? '', headers: request.headers })
    this.bodies.push(body)
    this.spans.push(...spansIn(body))
    if (this.mood === 'cut') response.destroy()
    else if (this.mood !== 'hang') response.writeHead(this.mood).end('The answer of a receiver.')
    this.#arrived.resolve()
    this.#arrived = Promise.withResolvers()
  }
}

/** The numbers are those of opentelemetry/proto/trace/v1/trace.proto. */
function spansIn(body: Buffer): readonly ReceivedSpan[] {
  return new Message(body).messages(1).flatMap((ofResource) => {
    const resource = attributesIn(ofResource.messages(1).flatMap((one) => one.messages(1)))
    const spans = ofResource.messages(2).flatMap((ofScope) => ofScope.messages(2))
    return spans.map((span) => readSpan(span, resource))
  })
}

function readSpan(span: Message, resource: ReceivedSpan['resource']): ReceivedSpan {
  return {
    traceId: span.bytes(1).toString('hex'),
    spanId: span.bytes(2).toString('hex'),
    parentId: span.bytes(4).toString('hex'),
    name: span.text(5),
    kind: ({ 1: 'internal', 3: 'client' } as const)[span.number(6)] ?? 'other',
    startMs: Number(span.bytes(7).readBigUInt64LE()) / 1e6,
    endMs: Number(span.bytes(8).readBigUInt64LE()) / 1e6,
    attributes: attributesIn(span.messages(9)),
    isError: span.messages(15).some((status) => status.number(3) === 2),
    resource,
  }
}

function attributesIn(pairs: readonly Message[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(pairs.map((pair) => [pair.text(1), pair.messages(2).map(valueOf)[0]]))
}

function valueOf(value: Message): unknown {
  if (value.has(1)) return value.text(1)
  if (value.has(2)) return value.number(2) === 1
  if (value.has(3)) return value.number(3)
  if (value.has(4)) return value.bytes(4).readDoubleLE()
  return value.messages(5).flatMap((list) => list.messages(1).map(valueOf))
}
