import { eventsOf, type StreamedEvent } from '../fakes/event-reader.ts'

/** What a guest asks of whichever server the load balancer picks. */
export interface Asked {
  readonly method: 'GET' | 'POST'
  /** Below `/api/v1`. */
  readonly path: string
  readonly token?: string
  readonly key?: string
  readonly lastEventId?: string | undefined
  readonly body?: object
}

export interface Answer {
  readonly status: number
  // oxlint-disable-next-line typescript/no-explicit-any -- any JSON; the guests say what it has to be.
  readonly body: any
  /** Whether the same may be answered otherwise in a moment. */
  readonly isForNow: boolean
}

/** Nobody answered: the connection broke, or nothing came for too long. What was asked may have been done. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError'
}

/** Asks once. Rejects with `NoAnswerError`. */
export async function ask(url: string, asked: Asked, patienceMs: number): Promise<Answer> {
  return toAnswer(await send(url, asked, AbortSignal.timeout(patienceMs)))
}

export interface Stream {
  /** A refusal, or 204 for a reader that has everything; undefined where there are events. */
  readonly answer: Answer | undefined
  /** Whoever stops reading them leaves. Rejects with `NoAnswerError`. */
  readonly events: AsyncIterable<StreamedEvent>
}

/** Opens a stream of events that is left when nothing comes for `silenceMs`. Rejects with `NoAnswerError`. */
export async function openStream(url: string, asked: Asked, silenceMs: number): Promise<Stream> {
  const leaving = new AbortController()
  const timer = setTimeout(() => leaving.abort(), silenceMs)
  const leave = (): void => {
    clearTimeout(timer)
    leaving.abort()
  }
  try {
    const response = await send(url, asked, leaving.signal)
    const events = readEvents(response, () => timer.refresh())
    if (response.status === 200) return { answer: undefined, events: leavingAtEnd(events, leave) }
    const answer = await toAnswer(response)
    leave()
    return { answer, events }
  } catch (error) {
    leave()
    throw error
  }
}

async function* leavingAtEnd(
  events: AsyncIterable<StreamedEvent>,
  leave: () => void,
): AsyncIterable<StreamedEvent> {
  try {
    yield* events
  } finally {
    leave()
  }
}

async function* readEvents(response: Response, onSign: () => void): AsyncIterable<StreamedEvent> {
  const pieces = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  if (pieces === undefined) return
  for (let text = ''; ;) {
    const { done, value } = await orNoAnswer(pieces.read())
    if (done) return
    onSign()
    text += value
    const end = text.lastIndexOf('\n\n') + 2
    if (end < 2) continue
    yield* eventsOf(text.slice(0, end))
    text = text.slice(end)
  }
}

function send(url: string, asked: Asked, signal: AbortSignal): Promise<Response> {
  const { method, path, token, key, lastEventId, body } = asked
  const headers = {
    ...(token && { 'x-session-id': token }),
    ...(key && { 'idempotency-key': key }),
    ...(lastEventId && { 'last-event-id': lastEventId }),
    ...(body && { 'content-type': 'application/json' }),
  }
  const sent = { method, signal, headers, ...(body && { body: JSON.stringify(body) }) }
  return orNoAnswer(fetch(`${url}/api/v1${path}`, sent))
}

async function toAnswer(response: Response): Promise<Answer> {
  const text = await orNoAnswer(response.text())
  const isForNow = response.status === 429 || response.headers.has('retry-after')
  return { status: response.status, body: text === '' ? null : JSON.parse(text), isForNow }
}

async function orNoAnswer<Result>(asked: Promise<Result>): Promise<Result> {
  try {
    return await asked
  } catch (error) {
    throw new NoAnswerError('Nobody answered.', { cause: error })
  }
}
