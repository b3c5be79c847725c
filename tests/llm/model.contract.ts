/*
 * One contract for every model: `describeModel(name, { capabilities, setup })`.
 *
 * The suite is written over an abstract upstream. A test says what the provider's server does with one request
 * (`upstream.plays(reply)`), and gets the request to make and what is then to be heard (`Played`). Each provider
 * supplies how its fake server plays it in its own wire format: see `gemini-upstream.ts`.
 *
 *   UpstreamReply   streams pieces of text and tool calls and then ends somehow (`UpstreamEnd`), or refuses with a
 *                   status, or hangs before its first byte, or drops the connection without a word
 *   Played          request (only this one is answered so, even among many at once), text, calls
 *   Upstream        plays, openRequests, received(count), idle(), stop()
 *   capabilities    what applies to a model; what does not is shown as skipped
 *
 * Whatever the fake server says to a refusal must hold `providerWords`, and the model's credential must be `secretKey`:
 * no error may repeat them, nor the server's address.
 */
import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import {
  ModelError,
  type ClosableModel,
  type Model,
  type ModelEvent,
  type ModelRequest,
  type ToolCall,
  type Usage,
} from '../../src/llm/model.ts'

export type Capability =
  /** Its upstream says exactly what a test wants it to say, and counts as the test says. */
  | 'scripted'
  /** It speaks over a network: this can refuse, break and hang. */
  | 'network'
  /** It can speak with a guest's own key. */
  | 'guest-key'

export type UpstreamReply =
  | {
      readonly type: 'streams'
      readonly pieces: readonly UpstreamPiece[]
      readonly end: UpstreamEnd
      readonly usage?: Usage
    }
  | { readonly type: 'refuses'; readonly status: number; readonly retryAfterSeconds?: number }
  /** Takes the request and sends nothing, not even headers. */
  | { readonly type: 'hangs' }
  /** Closes the connection where an answer was due. */
  | { readonly type: 'drops' }

export type UpstreamPiece =
  | { readonly type: 'text'; readonly text: string }
  /** Made in parallel, as one step of the model. */
  | { readonly type: 'calls'; readonly calls: readonly ScriptedCall[] }

export type ScriptedCall = Pick<ToolCall, 'name' | 'arguments'>

/**
 * `stop`, `length` and `blocked` are said by the provider (`blocked` without any piece: the prompt was refused).
 * `cut-off`: the body ends properly, but nothing said that the reply is over. `reset`: the connection breaks.
 * `hangs`: nothing more comes, and the connection stays.
 */
export type UpstreamEnd = 'stop' | 'length' | 'blocked' | 'cut-off' | 'reset' | 'hangs'

export interface Played {
  readonly request: ModelRequest
  readonly text: string
  readonly calls: readonly ScriptedCall[]
}

export interface Upstream {
  /** Says how one request is answered, and which one that is. */
  plays(reply: UpstreamReply): Played
  /** Requests that are neither answered whole nor hung up on. */
  readonly openRequests: number
  /** Resolves when the server has been asked so often in all. */
  received(count: number): Promise<void>
  /** Resolves when no request is open. */
  idle(): Promise<void>
  /** Nobody listens any more. */
  stop(): Promise<void>
}

export interface ModelUnderTest {
  readonly model: Model | ClosableModel
  readonly upstream: Upstream
}

export interface ModelContract {
  readonly capabilities: readonly Capability[]
  /** Each call makes a model and an upstream of their own, and ends both with the test. */
  readonly setup: (options: { readonly owner: 'server' | 'guest' }) => Promise<ModelUnderTest>
}

/** The credential of every model under test. */
export const secretKey = 'secret-key-4242424242424242'
/** Part of every body that refuses. */
export const providerWords = 'words of the provider, quoting the guest'

/** A request whose newest message only says `text`. */
export function requestSaying(text: string): ModelRequest {
  return {
    instructions: 'You tend the bar.',
    summary: null,
    state: null,
    messages: [{ role: 'user', text, notes: [] }],
    tools: [{ name: 'add_to_order', description: 'Adds a drink.', parameters: { type: 'object' } }],
    seed: 'turn:0',
  }
}

/** What is heard of a scripted reply: the rest of `Played`. */
export function heardOf(reply: UpstreamReply): Pick<Played, 'text' | 'calls'> {
  const pieces = reply.type === 'streams' ? reply.pieces : []
  return {
    text: pieces.map((piece) => (piece.type === 'text' ? piece.text : '')).join(''),
    calls: pieces.flatMap((piece) => (piece.type === 'calls' ? piece.calls : [])),
  }
}

const twoDrinks: readonly ScriptedCall[] = [
  { name: 'add_to_order', arguments: { item_name: 'Martini', quantity: 2, modifiers: [] } },
  { name: 'add_to_order', arguments: { item_name: 'Negroni', quantity: 1, modifiers: ['Neat'] } },
]

/** The promises that every model keeps. */
export function describeModel(name: string, { capabilities, setup }: ModelContract): void {
  const can = (capability: Capability): boolean => capabilities.includes(capability)
  const asServer = () => setup({ owner: 'server' })

  describe(`${name}: what it says`, () => {
    it('says its text in order and finishes once, at the end', async () => {
      const { model, upstream } = await asServer()
      const { request, text } = upstream.plays(says('Two ', 'Martinis, ', '“très” ', 'cold 🍸.'))
      const events = await hear(model, request)
      expect(textOf(events)).toBe(text)
      expect(text).not.toBe('')
      expect(events.filter(({ type }) => type === 'finish')).toEqual([events.at(-1)])
      expect(events.at(-1)).toMatchObject({ reason: 'stop' })
      await upstream.idle()
    })

    it('calls tools in order, each with an id of its own', async () => {
      const { model, upstream } = await asServer()
      const played = upstream.plays(calls(...twoDrinks))
      const toolCalls = callsOf(await hear(model, played.request))
      expect(played.calls).not.toEqual([])
      expect(
        toolCalls.map(({ name: called, arguments: args }) => ({ name: called, arguments: args })),
      ).toEqual(played.calls)
      expect(new Set(toolCalls.map(({ callId }) => callId)).size).toBe(toolCalls.length)
      expect(toolCalls.every(({ callId }) => callId !== '')).toBe(true)
    })

    it('goes on with the results of its calls', async () => {
      const { model, upstream } = await asServer()
      const first = upstream.plays(calls(...twoDrinks))
      const toolCalls = callsOf(await hear(model, first.request))
      const { request } = upstream.plays(says('They are ', 'on their way.'))
      expect(textOf(await hear(model, withResults(request, toolCalls)))).not.toBe('')
    })

    it('goes on with calls that another model made', async () => {
      const { model, upstream } = await asServer()
      const { request } = upstream.plays(says('On their way.'))
      const foreign = twoDrinks.map((call, at) => ({ ...call, callId: `call-${at + 1}` }))
      expect(textOf(await hear(model, withResults(request, foreign)))).not.toBe('')
    })

    it('counts tokens', async () => {
      const { model, upstream } = await asServer()
      const usage = { inputTokens: 120, outputTokens: 34 }
      const { request } = upstream.plays({ ...says('Cheers.'), usage })
      const some: unknown = expect.any(Number)
      const counted = can('scripted') ? usage : { inputTokens: some, outputTokens: some }
      expect((await hear(model, request)).at(-1)).toMatchObject({ usage: counted })
    })

    it.skipIf(!can('scripted'))('says text and calls tools in one reply', async () => {
      const { model, upstream } = await asServer()
      const pieces = [
        { type: 'text', text: 'Gladly. ' },
        { type: 'calls', calls: twoDrinks },
      ] as const
      const { request } = upstream.plays({ type: 'streams', pieces, end: 'stop' })
      const events = (await hear(model, request)).filter(({ type }) => type !== 'progress')
      expect(events.map(({ type }) => type)).toEqual(['text-delta', 'tool-call', 'tool-call', 'finish'])
    })

    it.skipIf(!can('scripted')).each(['length', 'blocked'] as const)(
      'says when it ends by %s',
      async (end) => {
        const { model, upstream } = await asServer()
        const { request, text } = upstream.plays({ ...says('Once upon ', 'a time'), end })
        const events = await hear(model, request)
        expect(textOf(events)).toBe(text)
        expect(events.at(-1)).toMatchObject({ type: 'finish', reason: end })
      },
    )

    it.skipIf(!can('scripted'))(
      'finishes with nothing but `blocked` when the prompt is refused',
      async () => {
        const { model, upstream } = await asServer()
        const { request } = upstream.plays({ type: 'streams', pieces: [], end: 'blocked' })
        const events = await hear(model, request)
        expect(events).toMatchObject([{ type: 'finish', reason: 'blocked' }])
      },
    )

    it('keeps many streams apart', async () => {
      const { model, upstream } = await asServer()
      const guests = Array.from({ length: 50 }, (_, guest) =>
        upstream.plays(says(`Guest ${guest}, `, 'your drink ', `is number ${guest}.`)),
      )
      const heard = await Promise.all(guests.map(async ({ request }) => textOf(await hear(model, request))))
      expect(heard).toEqual(guests.map(({ text }) => text))
      await upstream.idle()
    })
  })

  describe(`${name}: being stopped`, () => {
    it('asks nobody when the signal is aborted already', async () => {
      const { model, upstream } = await asServer()
      const { request } = upstream.plays(says('Too late.'))
      const reason = new Error('gone')
      await expect(hear(model, request, AbortSignal.abort(reason))).rejects.toBe(reason)
      expect(upstream.openRequests).toBe(0)
    })

    it('ends with the reason of its signal in the middle of a reply, and lets the connection go', async () => {
      const { model, upstream } = await asServer()
      const { request, text } = upstream.plays({ ...says('Once upon a time '), end: 'hangs' })
      const stop = new AbortController()
      const reason = new Error('stopped')
      let heard = ''
      const reading = read(model, request, {
        signal: stop.signal,
        onEvent: (event) => {
          heard += textOf([event])
          if (heard === text) setImmediate(() => stop.abort(reason))
        },
      })
      await expect(reading).rejects.toBe(reason)
      expect(heard).toBe(text)
      await upstream.idle()
    })

    it('lets the connection go when its reader breaks off', async () => {
      const { model, upstream } = await asServer()
      const { request } = upstream.plays({ ...says('Once upon a time '), end: 'hangs' })
      let heard = ''
      for await (const event of model.stream(request, new AbortController().signal)) {
        heard += textOf([event])
        if (heard !== '') break
      }
      await upstream.idle()
      expect(heard).not.toBe('')
    })

    it('leaves nothing on a signal that outlives it', async () => {
      const { model, upstream } = await asServer()
      const { signal } = new AbortController()
      const requests = Array.from({ length: 12 }, () => upstream.plays(says('Cheers.')).request)
      for (const request of requests) await hear(model, request, signal)
      expect(getEventListeners(signal, 'abort')).toEqual([])
    })

    it.skipIf(!can('network'))('ends with the reason of its signal before the first byte', async () => {
      const { model, upstream } = await asServer()
      const { request } = upstream.plays({ type: 'hangs' })
      const stop = new AbortController()
      const reason = new Error('stopped')
      const failing = failureOf(hear(model, request, stop.signal))
      await upstream.received(1)
      stop.abort(reason)
      expect(await failing).toBe(reason)
      await upstream.idle()
    })

    it.skipIf(!can('network'))('ends what still runs when it is closed', async () => {
      const { model, upstream } = await asServer()
      const { request } = upstream.plays({ ...says('Once '), end: 'hangs' })
      const failing = failureOf(hear(model, request))
      await upstream.received(1)
      if ('close' in model) await model.close()
      expect(await failing).toBeInstanceOf(ModelError)
      await upstream.idle()
    })
  })

  describe.skipIf(!can('network'))(`${name}: what goes wrong`, () => {
    it.each([
      { status: 400, retryable: false },
      { status: 401, retryable: false },
      { status: 403, retryable: false },
      { status: 404, retryable: false },
      { status: 429, retryable: true },
      { status: 500, retryable: true },
      { status: 503, retryable: true },
    ])("is unavailable with the server's own key on $status", async ({ status, retryable }) => {
      const { model, upstream } = await asServer()
      const error = await modelErrorOf(model, upstream.plays({ type: 'refuses', status }))
      expect(error).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable })
      await upstream.idle()
    })

    it('passes on how long it is to be left alone', async () => {
      const { model, upstream } = await asServer()
      const reply = { type: 'refuses', status: 429, retryAfterSeconds: 7 } as const
      const error = await modelErrorOf(model, upstream.plays(reply))
      expect(error).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: true, retryAfterMs: 7000 })
    })

    it.skipIf(!can('guest-key')).each([
      { status: 401, code: 'KEY_REJECTED' },
      { status: 403, code: 'KEY_REJECTED' },
      { status: 429, code: 'KEY_QUOTA' },
    ])("blames a guest's key for $status", async ({ status, code }) => {
      const { model, upstream } = await setup({ owner: 'guest' })
      const error = await modelErrorOf(model, upstream.plays({ type: 'refuses', status }))
      expect(error).toMatchObject({ code, retryable: false })
    })

    it.skipIf(!can('guest-key'))("does not blame a guest's key for the provider's faults", async () => {
      const { model, upstream } = await setup({ owner: 'guest' })
      const error = await modelErrorOf(model, upstream.plays({ type: 'refuses', status: 503 }))
      expect(error).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: true })
    })

    it.each(['cut-off', 'reset'] as const)('is truncated when the reply is %s', async (end) => {
      const { model, upstream } = await asServer()
      const played = upstream.plays({ ...says('Once upon ', 'a time'), end })
      const error = await modelErrorOf(model, played)
      expect(error).toMatchObject({ code: 'MODEL_TRUNCATED', retryable: true })
    })

    it('is unavailable when the connection is dropped before the answer', async () => {
      const { model, upstream } = await asServer()
      const error = await modelErrorOf(model, upstream.plays({ type: 'drops' }))
      expect(error).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: true })
    })

    it('is unavailable when nobody listens', async () => {
      const { model, upstream } = await asServer()
      const played = upstream.plays(says('Nobody hears this.'))
      await upstream.stop()
      const error = await modelErrorOf(model, played)
      expect(error).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: true })
    })

    it('answers again after a failure', async () => {
      const { model, upstream } = await asServer()
      await modelErrorOf(model, upstream.plays({ ...says('Once '), end: 'reset' }))
      await modelErrorOf(model, upstream.plays({ type: 'refuses', status: 500 }))
      const { request, text } = upstream.plays(says('Here I ', 'am.'))
      expect(textOf(await hear(model, request))).toBe(text)
    })

    it.each<readonly [string, UpstreamReply]>([
      ['400', { type: 'refuses', status: 400 }],
      ['401', { type: 'refuses', status: 401 }],
      ['429', { type: 'refuses', status: 429, retryAfterSeconds: 1 }],
      ['500', { type: 'refuses', status: 500 }],
      ['a dropped connection', { type: 'drops' }],
      ['a reset', { ...says('Once '), end: 'reset' }],
      ['a cut-off reply', { ...says('Once '), end: 'cut-off' }],
    ])('says nothing that is not ours about %s', async (_name, reply) => {
      const owners = can('guest-key') ? (['server', 'guest'] as const) : (['server'] as const)
      for (const owner of owners) {
        const { model, upstream } = await setup({ owner })
        const error = await modelErrorOf(model, upstream.plays(reply))
        const texts = textsOf(error)
        expect(texts).not.toEqual([])
        for (const text of texts) {
          expect(text).not.toContain(secretKey)
          expect(text).not.toContain(providerWords)
          expect(text).not.toMatch(/https?:\/\/|127\.0\.0\.1|localhost/)
        }
      }
    })
  })
}

function says(...texts: readonly string[]) {
  return {
    type: 'streams',
    pieces: texts.map((text) => ({ type: 'text', text }) as const),
    end: 'stop',
  } as const satisfies UpstreamReply
}

function calls(...scripted: readonly ScriptedCall[]) {
  return { type: 'streams', pieces: [{ type: 'calls', calls: scripted }], end: 'stop' } as const
}

/** The next request of the same turn, with a result for each call. */
function withResults(request: ModelRequest, toolCalls: readonly ToolCall[]): ModelRequest {
  const results = toolCalls.map(({ callId, name }) => ({ callId, name, result: { status: 'added' } }))
  return {
    ...request,
    messages: [...request.messages, { role: 'assistant', text: '', toolCalls }, { role: 'tool', results }],
  }
}

interface ReadOptions {
  readonly signal: AbortSignal
  readonly onEvent: (event: ModelEvent) => void
}

async function read(model: Model, request: ModelRequest, { signal, onEvent }: ReadOptions): Promise<void> {
  for await (const event of model.stream(request, signal)) onEvent(event)
}

/** All events of one reply. */
async function hear(
  model: Model,
  request: ModelRequest,
  signal = new AbortController().signal,
): Promise<readonly ModelEvent[]> {
  const events: ModelEvent[] = []
  await read(model, request, { signal, onEvent: (event) => events.push(event) })
  return events
}

/** What a stream that must fail failed with. */
async function failureOf(heard: Promise<unknown>): Promise<unknown> {
  return heard.then(
    () => 'It did not fail.',
    (reason: unknown) => reason,
  )
}

async function modelErrorOf(model: Model, { request }: Played): Promise<ModelError> {
  const error = await failureOf(hear(model, request))
  if (!(error instanceof ModelError)) throw new Error('This is no ModelError.', { cause: error })
  return error
}

function textOf(events: readonly ModelEvent[]): string {
  return events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('')
}

function callsOf(events: readonly ModelEvent[]): readonly ToolCall[] {
  return events.flatMap((event) => (event.type === 'tool-call' ? [event.call] : []))
}

/** Everything that can be read of an error and its causes. */
function textsOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return error === undefined ? [] : [JSON.stringify(error)]
  const own = Object.getOwnPropertyNames(error).map((key) => String(Reflect.get(error, key)))
  return [error.message, ...own, JSON.stringify(error), ...textsOf(error.cause)]
}
