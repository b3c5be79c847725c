import type { Clock } from '../clock.ts'
import { fieldsOf, parseJson, textOf, type Fields } from '../llm/fields.ts'
import { retryAfterOf } from '../llm/retry-after.ts'
import { fieldsOfAnswer } from './answer-fields.ts'
import type { Answer, Connection } from './connection.ts'
import { NoAnswerError } from './no-answer.ts'

/** How long a guest waited, from sending a message. */
export interface TurnTimes {
  /** Null where the answer had no text, or no sound. */
  readonly firstTextMs: number | null
  readonly firstSoundMs: number | null
  readonly wholeMs: number
}

/** `refused`: to be asked again later, with the same key. */
export type TurnResult =
  | { readonly kind: 'answered'; readonly times: TurnTimes }
  | Refused
  | { readonly kind: 'failed'; readonly code: string }

export interface Refused {
  readonly kind: 'refused'
  readonly code: string
  /** What the server asks for; undefined where it asks for nothing. */
  readonly retryAfterMs: number | undefined
}

export interface TurnToAsk {
  readonly connection: Connection
  readonly clock: Clock
  readonly session: string
  readonly message: string
  /** The same for every attempt. */
  readonly key: string
  readonly isSpoken: boolean
}

/** A turn may take 120 seconds at the server, and wait before that. */
const turnMs = 180_000
/** A spoken answer of a minute has some megabytes. */
const turnBytesMax = 64 * 1024 * 1024

const path = '/api/v1/chat/stream'

/** Says one message and reads the answer as it streams. Rejects only with the reason of the signal. */
export async function askTurn(turn: TurnToAsk, signal: AbortSignal): Promise<TurnResult> {
  const { connection, clock, session, message, key, isSpoken } = turn
  const startedMs = clock.now()
  const reader = new TurnReader(() => clock.now() - startedMs)
  try {
    const answer = await connection.ask(
      {
        method: 'POST',
        path,
        headers: { 'x-session-id': session, 'idempotency-key': key },
        body: { user_input: message, ...(isSpoken && { voice: true }) },
        timeoutMs: turnMs,
        bytesMax: turnBytesMax,
        onEvent: (data) => reader.read(data),
      },
      signal,
    )
    if (answer.status !== 200) return refusalOf(answer, `${connection.url}${path}`)
    return reader.end()
  } catch (error) {
    if (error instanceof NoAnswerError) return { kind: 'failed', code: error.code }
    throw error
  }
}

/** What an answer other than the one that was wished for means. Throws a `NoAnswerError` where it is none of Maya's. */
export function refusalOf(answer: Answer, url: string): Exclude<TurnResult, { kind: 'answered' }> {
  const code = textOf(fieldsOfAnswer(answer, url)['code'])
  if (!/^[A-Z_]{1,50}$/.test(code)) return { kind: 'failed', code: 'NOT_MAYA' }
  if (answer.status !== 429 && answer.status !== 503) return { kind: 'failed', code }
  return { kind: 'refused', code, retryAfterMs: retryAfterOf(answer.header) }
}

/** Takes the events of one turn. */
class TurnReader {
  readonly #elapsedMs: () => number
  #firstTextMs: number | null = null
  #firstSoundMs: number | null = null
  #end: Fields | undefined

  constructor(elapsedMs: () => number) {
    this.#elapsedMs = elapsedMs
  }

  read(data: string): void {
    // Sound is by far the most of what comes, and not looked into.
    if (data.startsWith('{"type":"audio_chunk"')) {
      this.#firstSoundMs ??= this.#elapsedMs()
      return
    }
    const event = fieldsOf(parseJson(data))
    if (event['type'] === 'text_chunk') this.#firstTextMs ??= this.#elapsedMs()
    if (event['type'] === 'complete' || event['type'] === 'error') this.#end = event
  }

  end(): TurnResult {
    const end = this.#end
    // Without its last event the stream was cut off, however properly.
    if (end === undefined) return { kind: 'failed', code: 'BROKEN_OFF' }
    if (end['type'] === 'error') return { kind: 'failed', code: textOf(end['code']) || 'NOT_MAYA' }
    const [firstTextMs, firstSoundMs] = [this.#firstTextMs, this.#firstSoundMs]
    return { kind: 'answered', times: { firstTextMs, firstSoundMs, wholeMs: this.#elapsedMs() } }
  }
}
