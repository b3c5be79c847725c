import { sleep, type Clock } from '../../src/clock.ts'
import type { Answer, Connection, Question } from '../../src/operator/connection.ts'

export interface Asked {
  readonly guest: number
  readonly atMs: number
  readonly question: Question
}

/** What a Maya would answer to guests, as far as a load asks it. */
export class FakeBar {
  readonly asked: Asked[] = []
  readonly sessions = new Set<string>()
  sessionsMax = Infinity
  /** How long a turn takes; the first text comes after half of it. */
  turnMs = 400
  receipt = 'simulated-1'
  /** Answers instead of the bar where it wants to. */
  refuse: (question: Question) => Answer | undefined = () => undefined
  readonly #clock: Clock
  #guests = 0
  #opened = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** What was asked of a path. */
  askedOf(path: string): readonly Asked[] {
    return this.asked.filter(({ question }) => question.path === path)
  }

  readonly connect = (): Connection => {
    const guest = this.#guests++
    return {
      url: 'http://bar.test',
      ask: async (question, signal) => {
        signal.throwIfAborted()
        this.asked.push({ guest, atMs: this.#clock.now(), question })
        return this.refuse(question) ?? (await this.#answer(question, signal))
      },
      close() {},
    }
  }

  async #answer(question: Question, signal: AbortSignal): Promise<Answer> {
    switch (question.path) {
      case '/api/v1/sessions':
        return this.#open()
      case '/api/v1/session':
        this.sessions.delete(question.headers?.['x-session-id'] ?? '')
        return answer(204)
      case '/api/v1/payments/tip':
        return answer(200, { total_cents: 1200 })
      case '/api/v1/payments/pay':
        return answer(200, { receipt: { reference: this.receipt } })
      default:
        await sleep(this.#clock, this.turnMs / 2, signal)
        question.onEvent?.('{"type":"text_chunk","content":"Here you are."}')
        await sleep(this.#clock, this.turnMs / 2, signal)
        question.onEvent?.('{"type":"complete","content":"Here you are."}')
        return answer(200)
    }
  }

  #open(): Answer {
    if (this.sessions.size >= this.sessionsMax) return refusal(503, 'SESSION_LIMIT', 5)
    const id = `session-${this.#opened++}`
    this.sessions.add(id)
    return answer(201, { session_id: id })
  }
}

export function refusal(status: number, code: string, retryAfterSeconds?: number): Answer {
  return answer(status, { code }, retryAfterSeconds)
}

function answer(status: number, body?: object, retryAfterSeconds?: number): Answer {
  return {
    status,
    header: (name) => (name === 'retry-after' ? retryAfterSeconds?.toString() : undefined),
    text: body === undefined ? '' : JSON.stringify(body),
  }
}
