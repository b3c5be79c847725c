import { sleep, type Clock } from '../clock.ts'
import { fieldsOf, textOf } from '../llm/fields.ts'
import { askTurn, refusalOf, type Refused } from './asked-turn.ts'
import { fieldsOfAnswer } from './answer-fields.ts'
import type { Answer, Connection, Question } from './connection.ts'
import type { LoadTally } from './load-tally.ts'
import { NoAnswerError } from './no-answer.ts'
import { pick, pickVisit, tipPercentages } from './visit.ts'

/** What all guests of a load share. */
export interface Party {
  readonly clock: Clock
  readonly random: () => number
  readonly newKey: () => string
  readonly tally: LoadTally
  /** The mean pause before a message; half of it at least, half of it more at most. */
  readonly thinkMs: number
  readonly isSpoken: boolean
  /** Of MAYA_API_KEYS, for servers whose sessions need one. */
  readonly apiKey: string | undefined
  /** Whether guests pay. It ends with the first receipt that is not of the simulated bar. */
  readonly till: { isOpen: boolean }
  /** Aborted when no more is begun. */
  readonly closing: AbortSignal
  /** Aborted when nothing is waited for either. */
  readonly stopping: AbortSignal
}

const requestMs = 15_000
const answerBytesMax = 1024 * 1024
/** After a refusal that names no time, and after a connection that failed. */
const patienceMs = 5000
/** However long a server asks for: a date of its own may be far away. */
const patienceMsMax = 5 * 60_000
const leaveMs = 5000

/** A guest who comes, orders, tips, pays, leaves and comes again, until the bar closes. */
export class LoadGuest {
  readonly #number: number
  readonly #connection: Connection
  readonly #party: Party

  constructor(number: number, connection: Connection, party: Party) {
    this.#number = number
    this.#connection = connection
    this.#party = party
  }

  /** Ends after `closing`. Rejects with an `ApiKeyError` where nothing will ever be answered. */
  async stay(): Promise<void> {
    const { closing, tally } = this.#party
    while (!closing.aborted) {
      const session = await this.#enter()
      if (session === null) continue
      tally.guestEntered(this.#number)
      try {
        await this.#visit(session)
      } finally {
        tally.guestLeft()
        await this.#leave(session)
      }
      await this.#think()
    }
  }

  /** A session; null where none was given, after the pause that follows. */
  async #enter(): Promise<string | null> {
    const { apiKey, tally } = this.#party
    const headers = apiKey === undefined ? undefined : { authorization: `Bearer ${apiKey}` }
    const result = await this.#ask({ path: '/api/v1/sessions', body: {}, ...(headers && { headers }) })
    const session = result.kind === 'answered' ? textOf(result.fields['session_id']) : ''
    if (session !== '') return session
    if (result.kind === 'stopped') return null
    tally.guestTurnedAway(this.#number)
    if (result.kind === 'failed' && result.code === 'API_KEY_REQUIRED') throw new ApiKeyError(apiKey)
    if (result.kind === 'refused') tally.refusedWith(result.code)
    else tally.otherFailed(result.kind === 'failed' ? result.code : 'NOT_MAYA')
    await this.#waitAfter(result.kind === 'refused' ? result : undefined)
    return null
  }

  async #visit(session: string): Promise<void> {
    for (const message of pickVisit(this.#party.random)) {
      if (!(await this.#think())) return
      if (!(await this.#say(session, message))) return
    }
    if (this.#party.till.isOpen && (await this.#think())) await this.#pay(session)
  }

  /** Says the message until it is answered, with pauses as the server wishes. Whether the visit goes on. */
  async #say(session: string, message: string): Promise<boolean> {
    const { clock, tally, isSpoken, newKey, stopping } = this.#party
    const turn = { connection: this.#connection, clock, session, message, key: newKey(), isSpoken }
    do {
      tally.messageSent()
      const result = await unlessStopped(askTurn(turn, stopping), stopping)
      if (result === null) {
        tally.turnStopped()
        return false
      }
      if (result.kind === 'answered') {
        tally.turnAnswered(result.times)
        return true
      }
      if (result.kind === 'failed') {
        tally.turnFailed(result.code)
        return result.code !== 'SESSION_NOT_FOUND' && (await this.#waitAfter())
      }
      tally.refusedWith(result.code)
      await this.#waitAfter(result)
    } while (!this.#party.closing.aborted)
    return false
  }

  async #pay(session: string): Promise<void> {
    const { tally, random, till } = this.#party
    const headers = { 'x-session-id': session }
    const tip = { tip_percentage: pick(tipPercentages, random) }
    const tipped = await this.#ask({ path: '/api/v1/payments/tip', headers, body: tip })
    if (tipped.kind !== 'answered') return this.#noteFailure(tipped)
    const total = tipped.fields['total_cents']
    // A model may have understood no order.
    if (typeof total !== 'number' || total === 0 || !(await this.#think()) || !till.isOpen) return
    const body = { expected_total_cents: total }
    const paid = await this.#ask({ path: '/api/v1/payments/pay', headers, body })
    if (paid.kind !== 'answered') return this.#noteFailure(paid)
    tally.paid()
    const { reference } = fieldsOf(paid.fields['receipt'])
    if (!textOf(reference).startsWith('simulated-')) till.isOpen = false
  }

  #noteFailure(result: Exclude<AskResult, { kind: 'answered' }>): void {
    if (result.kind === 'refused') this.#party.tally.refusedWith(result.code)
    else if (result.kind === 'failed') this.#party.tally.otherFailed(result.code)
  }

  /** Also when the load is stopped: a session would stay at the server, and its turn go on. */
  async #leave(session: string): Promise<void> {
    const { clock, tally } = this.#party
    const headers = { 'x-session-id': session }
    const path = '/api/v1/session'
    const leaving = { method: 'DELETE', path, headers, timeoutMs: leaveMs, bytesMax: answerBytesMax } as const
    const deadline = new AbortController()
    const cancel = clock.after(leaveMs, () => deadline.abort())
    try {
      const { status } = await this.#connection.ask(leaving, deadline.signal)
      // One that expired has left already.
      if (status !== 204 && status !== 404) tally.otherFailed('NOT_ENDED')
    } catch {
      tally.otherFailed('NOT_ENDED')
    } finally {
      cancel()
    }
  }

  async #ask(question: Pick<Question, 'path' | 'body' | 'headers'>): Promise<AskResult> {
    const { stopping } = this.#party
    const url = `${this.#connection.url}${question.path}`
    const whole = { ...question, method: 'POST', timeoutMs: requestMs, bytesMax: answerBytesMax } as const
    try {
      const answer = await this.#connection.ask(whole, stopping)
      if (!isDone(answer)) return refusalOf(answer, url)
      return { kind: 'answered', fields: fieldsOfAnswer(answer, url) }
    } catch (error) {
      if (stopping.aborted) return { kind: 'stopped' }
      if (error instanceof NoAnswerError) return { kind: 'failed', code: error.code }
      throw error
    }
  }

  #think(): Promise<boolean> {
    const { thinkMs, random } = this.#party
    return this.#pause(thinkMs * (0.5 + random()))
  }

  /** A little longer than asked for, and not all guests at the same moment. */
  #waitAfter(refusal?: Refused): Promise<boolean> {
    const waitMs = Math.min(patienceMsMax, Math.max(1000, refusal?.retryAfterMs ?? patienceMs))
    return this.#pause(waitMs + this.#party.random() * 1000)
  }

  /** Whether there is still time after it. */
  #pause(pauseMs: number): Promise<boolean> {
    const { clock, closing } = this.#party
    return sleep(clock, pauseMs, closing).then(
      () => true,
      () => false,
    )
  }
}

type AskResult =
  | { readonly kind: 'answered'; readonly fields: ReturnType<typeof fieldsOfAnswer> }
  | { readonly kind: 'failed'; readonly code: string }
  | { readonly kind: 'stopped' }
  | Refused

/** The server makes sessions only for who has a key. */
export class ApiKeyError extends Error {
  override readonly name = 'ApiKeyError'

  constructor(apiKey: string | undefined) {
    super(
      apiKey === undefined
        ? 'Sessions of this server need a key: set MAYA_API_KEYS, here or in .env.'
        : 'Sessions of this server need another key than the first one of MAYA_API_KEYS here.',
    )
  }
}

/** Null where the load was stopped meanwhile. */
function unlessStopped<Result>(work: Promise<Result>, stopping: AbortSignal): Promise<Result | null> {
  return work.catch((error: unknown) => {
    if (!stopping.aborted) throw error
    return null
  })
}

function isDone({ status }: Answer): boolean {
  return status === 200 || status === 201
}
