import { once } from 'node:events'
import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { onTestFinished } from 'vitest'
import type { Service } from '../../src/service.ts'
import type { Guest } from './guest.ts'

/** One event as it stood in the stream. */
export interface StreamedEvent {
  readonly id: string
  // oxlint-disable-next-line typescript/no-explicit-any -- any JSON; the tests say what it has to be.
  readonly data: any
}

export interface StreamOptions {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
}

/** The events of a whole stream; throws on everything that this server's framing does not have. */
export function eventsOf(text: string): readonly StreamedEvent[] {
  const blocks = text.split('\n\n')
  if (blocks.pop() !== '') throw new Error('The stream ends within an event.')
  return blocks.flatMap((block) => {
    if (block === 'retry: 1000' || block === ': ') return []
    const [, id, data] = /^id: ([\w-]+:\d+)\ndata: (\{[^\r\n]*\})$/.exec(block) ?? []
    if (id === undefined || data === undefined) throw new Error(`This is no event: ${block}`)
    return [{ id, data: JSON.parse(data) }]
  })
}

export const typesOf = (events: readonly StreamedEvent[]) => events.map(({ data }) => data.type)

/** All that was said in these events. */
export const textOf = (events: readonly StreamedEvent[]) =>
  events.map(({ data }) => (data.type === 'text_chunk' ? data.content : '')).join('')

/** Where the service listens, on a free port of this machine. */
export async function listen({ app }: Service): Promise<string> {
  return app.listen({ port: 0, host: '127.0.0.1' })
}

/** A connection that is read as it comes, as EventSource does, and that can be left alone or broken off. */
export class EventReader {
  readonly #response: IncomingMessage
  #text = ''
  #isOver = false
  #wake = Promise.withResolvers<void>()

  private constructor(response: IncomingMessage) {
    this.#response = response
    response.setEncoding('utf8')
    response.on('data', (text: string) => {
      this.#text += text
      this.#woken()
    })
    response.on('error', () => {}) // A stream that was broken off; `isWhole` tells.
    response.on('close', () => {
      this.#isOver = true
      this.#woken()
    })
  }

  /** Resolves with the headers of the answer, before there is any event. */
  static async open(url: string, { method = 'GET', headers = {}, body }: StreamOptions = {}) {
    const json = body === undefined ? {} : { 'content-type': 'application/json' }
    const sent = request(url, { method, headers: { ...headers, ...json }, agent: false })
    onTestFinished(() => {
      sent.destroy()
    })
    sent.on('error', () => {}) // The server may break the connection off; the response tells.
    sent.end(body === undefined ? undefined : JSON.stringify(body))
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      sent.once('response', resolve)
      sent.once('error', reject)
    })
    return new EventReader(response)
  }

  get status(): number {
    return this.#response.statusCode ?? 0
  }

  get headers(): IncomingHttpHeaders {
    return this.#response.headers
  }

  /** Everything that has come so far, byte by byte. */
  get text(): string {
    return this.#text
  }

  /** The events that have come so far. */
  get events(): readonly StreamedEvent[] {
    return eventsOf(this.#text.slice(0, this.#text.lastIndexOf('\n\n') + 2))
  }

  /** Whether the server ended the stream, and did not break it off. */
  get isWhole(): boolean {
    return this.#response.complete
  }

  /** Waits until the text has come; fails when the stream is over before. */
  async heard(text: string): Promise<void> {
    while (!this.#text.includes(text)) {
      if (this.#isOver) throw new Error(`The stream ended without ${text}.`)
      await this.#wake.promise
    }
  }

  /** Waits for an event of this type. */
  async saw(type: string): Promise<StreamedEvent> {
    await this.heard(`"type":"${type}"`)
    for (;;) {
      const event = this.events.find(({ data }) => data.type === type)
      if (event !== undefined) return event
      await this.#wake.promise
    }
  }

  /** Waits for the end and gives all events. */
  async toEnd(): Promise<readonly StreamedEvent[]> {
    while (!this.#isOver) await this.#wake.promise
    return this.events
  }

  /** Stops reading without leaving. */
  pause(): void {
    this.#response.pause()
  }

  resume(): void {
    this.#response.resume()
  }

  /** Breaks the connection off. */
  async leave(): Promise<void> {
    const left = this.#isOver ? undefined : once(this.#response, 'close')
    this.#response.destroy()
    await left
  }

  #woken(): void {
    const { resolve } = this.#wake
    this.#wake = Promise.withResolvers()
    resolve()
  }
}

/** Streams of a service that listens at `origin`: sent by POST, or listened to as EventSource does. */
export function streamsAt(origin: string) {
  const url = `${origin}/api/v1/chat/stream`
  return {
    send: (guest: Pick<Guest, 'token'>, userInput: string, headers = {}) =>
      EventReader.open(url, {
        method: 'POST',
        headers: { 'x-session-id': guest.token, ...headers },
        body: { user_input: userInput },
      }),
    listenTo: (guest: Pick<Guest, 'token'>, query: Readonly<Record<string, string>>, headers = {}) => {
      const search = new URLSearchParams({ session_id: guest.token, ...query })
      return EventReader.open(`${url}?${search.toString()}`, { headers })
    },
  }
}
