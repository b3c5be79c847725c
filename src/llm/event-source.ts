import { StringDecoder } from 'node:string_decoder'
import type { Dispatcher, Pool } from 'undici'
import { EventParser } from './event-parser.ts'

/** Longer than the pauses between the turns of a guest: a new connection costs a handshake before the first word. */
const keepAliveMs = 60_000
const connectMs = 10_000
/** What is kept of the body of a refusal. */
const refusalCharactersMax = 64 * 1024
/** Answers that were left before the end of their body came; beyond it the oldest are ended. */
const leavingMax = 100
/** What may wait for a slow reader before the provider is made to wait. */
const waitingCharactersMax = 256 * 1024

/**
 * `unreachable`: there was no answer. `broken-off`: it broke in the middle. `too-large`: it, or one event of it, is
 * longer than allowed.
 */
export type EventSourceFailure = 'unreachable' | 'broken-off' | 'too-large'

/** Holds nothing that the other side said, and no address: only what happened, and the system's code for it. */
export class EventSourceError extends Error {
  override readonly name = 'EventSourceError'
  readonly failure: EventSourceFailure
  readonly code: string | undefined

  constructor(failure: EventSourceFailure, code?: string) {
    super(`The event stream is ${failure}.`)
    this.failure = failure
    this.code = code
  }
}

export interface EventSourceOptions {
  /** Scheme, host and port. */
  readonly origin: string
  /** Bounds of a whole answer, and of one event of it. */
  readonly replyBytesMax: number
  readonly eventBytesMax: number
}

export interface EventRequest {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** An answer whose headers have come. Whoever got it closes it. */
export interface EventReply {
  readonly status: number
  /** By its name in lower case. */
  header(name: string): string | undefined
  /** The data of all events that have come since the last call, at least one; `undefined` at the end. */
  next(): Promise<readonly string[] | undefined>
  /** Whether a 200 came with a body that is no event stream, such as JSON or a page: it is read by `text`. */
  readonly isDocument: boolean
  /** The body of a refusal or of a document: its first 64 K, or as many characters as asked for. */
  text(charactersMax?: number): Promise<string>
  /** Gives the connection back, or ends it when the answer is not over. */
  close(): void
  /**
   * As `close`, for an answer that has said that it is over: the end of its body may come a moment later, and then
   * the connection is kept. Anything else that comes ends it.
   */
  leave(): void
}

/**
 * Connections to one server that answers a POST with an event stream. They are kept, and grow with the requests that
 * run at once: how many may is for the caller to say. There are no time-outs but the one of connecting, and no retries.
 */
export class EventSource {
  readonly #options: EventSourceOptions
  readonly #pool: Promise<Pool>
  readonly #leaving = new Set<EventReply>()

  constructor(options: EventSourceOptions) {
    this.#options = options
    this.#pool = openPool(options.origin)
  }

  /** Resolves with the headers. Rejects with an `EventSourceError`, or with the reason of the signal, as `next` does. */
  async post(request: EventRequest, signal: AbortSignal): Promise<EventReply> {
    return await this.#send({ method: 'POST', ...request }, signal)
  }

  /** As `post`, for what is only asked for. */
  async get(request: Omit<EventRequest, 'body'>, signal: AbortSignal): Promise<EventReply> {
    return await this.#send({ method: 'GET', ...request }, signal)
  }

  /** Ends all connections; requests that still run fail. */
  async close(): Promise<void> {
    const pool = await this.#pool
    await pool.destroy()
  }

  async #send(request: Dispatcher.DispatchOptions, signal: AbortSignal): Promise<EventReply> {
    const pool = await this.#pool
    signal.throwIfAborted()
    const exchange = new Exchange(this.#options, this.#leaving, signal)
    pool.dispatch(request, exchange)
    await exchange.started()
    return exchange
  }
}

/** The package takes about 100 ms and 20 MB to load: only a server that speaks to a provider pays for it. */
async function openPool(origin: string): Promise<Pool> {
  const undici = await import('undici')
  return new undici.Pool(origin, {
    // One connection a request: over HTTP/2 one slow reader could hold up all the others.
    allowH2: false,
    pipelining: 1,
    connect: { timeout: connectMs },
    keepAliveTimeout: keepAliveMs,
    headersTimeout: 0,
    bodyTimeout: 0,
  })
}

/** Undici takes a connection back in the next turn of the loop, and whoever hears the end may ask again at once. */
async function connectionGivenBack(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

/** One request and its answer. It is over once, with the end of the answer or with the first failure. */
class Exchange implements Dispatcher.DispatchHandler, EventReply {
  readonly #options: EventSourceOptions
  readonly #leaving: Set<EventReply>
  readonly #signal: AbortSignal
  readonly #parser = new EventParser()
  readonly #decoder = new StringDecoder('utf8')
  #controller: Dispatcher.DispatchController | undefined
  #status = 0
  #headers: NodeJS.Dict<string | string[]> = {}
  #events: string[] = []
  #waitingCharacters = 0
  #isDocument = false
  #text = ''
  #bytes = 0
  #isOver = false
  #failure: { readonly reason: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(options: EventSourceOptions, leaving: Set<EventReply>, signal: AbortSignal) {
    this.#options = options
    this.#leaving = leaving
    this.#signal = signal
    signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  get status(): number {
    return this.#status
  }

  get isDocument(): boolean {
    return this.#isDocument
  }

  header(name: string): string | undefined {
    const value = this.#headers[name]
    return Array.isArray(value) ? value[0] : value
  }

  async started(): Promise<void> {
    while (this.#status === 0) await this.#progress()
  }

  async next(): Promise<readonly string[] | undefined> {
    while (this.#events.length === 0) {
      if (this.#isOver && this.#failure === undefined) {
        await connectionGivenBack()
        return undefined
      }
      await this.#progress()
    }
    const events = this.#events
    this.#events = []
    this.#waitingCharacters = 0
    if (this.#controller?.paused === true) this.#controller.resume()
    return events
  }

  async text(charactersMax = refusalCharactersMax): Promise<string> {
    while (!this.#isOver && this.#text.length < charactersMax) await this.#progress()
    await connectionGivenBack()
    if (this.#failure !== undefined) throw this.#failure.reason
    return this.#text.slice(0, charactersMax)
  }

  close(): void {
    if (!this.#isOver) this.#fail(new EventSourceError('broken-off'))
  }

  leave(): void {
    if (this.#isOver) return
    this.#signal.removeEventListener('abort', this.#onAbort)
    this.#leaving.add(this)
    const [oldest] = this.#leaving
    if (this.#leaving.size > leavingMax) oldest?.close()
  }

  /** Undici reports from here on. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#isOver) controller.abort(new EventSourceError('broken-off'))
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: NodeJS.Dict<string | string[]>,
  ): void {
    if (status < 200) return
    this.#status = status
    this.#headers = headers
    this.#isDocument = status === 200 && /json|html/i.test(this.header('content-type') ?? '')
    this.#wake?.()
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#leaving.has(this)) this.close()
    if (this.#isOver) return
    this.#bytes += chunk.length
    if (this.#status === 200 && !this.#isDocument) this.#readEvents(chunk)
    else this.#text += this.#decoder.write(chunk)
    const { replyBytesMax, eventBytesMax } = this.#options
    if (this.#bytes > replyBytesMax || this.#parser.heldCharacters > eventBytesMax) {
      this.#fail(new EventSourceError('too-large'))
      return
    }
    if (this.#waitingCharacters > waitingCharactersMax) controller.pause()
    if (this.#events.length > 0 || this.#text !== '') this.#wake?.()
  }

  onResponseEnd(): void {
    this.#end()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
    this.#fail(new EventSourceError(this.#status === 0 ? 'unreachable' : 'broken-off', code))
  }

  readonly #onAbort = (): void => {
    // Nobody wants to hear the rest.
    this.#events = []
    this.#fail(this.#signal.reason)
  }

  #readEvents(chunk: Buffer): void {
    for (const data of this.#parser.push(chunk)) {
      this.#events.push(data)
      this.#waitingCharacters += data.length
    }
  }

  #fail(reason: unknown): void {
    if (this.#isOver) return
    this.#failure = { reason }
    this.#end()
    this.#controller?.abort(new EventSourceError('broken-off'))
  }

  #end(): void {
    this.#isOver = true
    this.#leaving.delete(this)
    this.#signal.removeEventListener('abort', this.#onAbort)
    this.#wake?.()
  }

  /** Resolves when something has come or gone wrong; rejects from then on, so that what came before is read first. */
  async #progress(): Promise<void> {
    if (!this.#isOver) await new Promise<void>((resolve) => (this.#wake = resolve))
    else if (this.#failure !== undefined) throw this.#failure.reason
  }
}
