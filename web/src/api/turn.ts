import { readEvents, type StreamEvent } from './event-stream.ts'
import { persist, type Patience, type Tell } from './persist.ts'
import { isAbort, Problem } from './problem.ts'
import type { Requests } from './requests.ts'
import type { TurnEventWire } from './wire.ts'

/** How often an answer that broke off is asked for again before the guest is told. */
const breaksMax = 4

/** A message with the key under which it is asked once, or a turn that someone else asked for. */
export type Question =
  | { readonly kind: 'message'; readonly key: string; readonly body: { readonly user_input: string } }
  | { readonly kind: 'watched'; readonly turnId: string }

/** The server itself ended the turn. `retryable`: the same message under the same key may go on with it. */
export class TurnFailure extends Problem {
  readonly retryable: boolean

  constructor({ code, message, retryable }: Extract<TurnEventWire, { type: 'error' }>, breaks: number) {
    const canGoOn = retryable && breaks <= breaksMax
    super({ status: 503, code, detail: message, ...(canGoOn && { retryAfterSeconds: 1 }) })
    this.retryable = retryable
  }
}

export interface FollowOptions extends Patience {
  readonly requests: Requests
  readonly onEvent: (event: TurnEventWire) => void
  readonly tell: Tell
  readonly signal: AbortSignal
}

/**
 * Follows one turn to its end, over lost connections and restarts of the server, without a gap or a repeat. A message
 * is sent again under the same key whenever it has to be. A `session` event with `restart` means: what you have of
 * this turn is void, it comes whole.
 */
export function followTurn(question: Question, options: FollowOptions): Promise<void> {
  const { requests, clock, onEvent, signal } = options
  let lastId: string | undefined
  let breaks = 0

  async function follow(): Promise<void> {
    const response = await connect(requests, question, { lastId, signal })
    if (response.status === 204 || response.body === null) return
    for await (const { id, data } of unbroken(readEvents(response.body, clock))) {
      const event: TurnEventWire = JSON.parse(data)
      if (event.type === 'error') {
        lastId = undefined
        throw new TurnFailure(event, ++breaks)
      }
      const isAnew = event.type === 'session' && lastId === undefined
      lastId = id
      onEvent(isAnew ? { ...event, restart: true } : event)
      if (event.type === 'complete') return
    }
    throw new Problem()
  }

  return persist(follow, options)
}

interface Place {
  readonly lastId: string | undefined
  readonly signal: AbortSignal
}

/** Whoever watches somebody else's turn reads it; it is spoken where it was asked for. */
function connect(requests: Requests, question: Question, { lastId, signal }: Place): Promise<Response> {
  const resume: Record<string, string> = lastId === undefined ? {} : { 'last-event-id': lastId }
  if (question.kind === 'watched') {
    const path = `/chat/stream?turn_id=${encodeURIComponent(question.turnId)}&voice=false`
    return requests.request(path, { headers: resume, signal })
  }
  const headers = { ...resume, 'idempotency-key': question.key }
  return requests.request('/chat/stream', { method: 'POST', headers, body: question.body, signal })
}

/** A body that breaks is a lost connection. */
async function* unbroken(events: AsyncGenerator<StreamEvent>): AsyncGenerator<StreamEvent> {
  try {
    yield* events
  } catch (error) {
    throw isAbort(error) ? error : new Problem()
  }
}
