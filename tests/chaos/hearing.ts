import assert from 'node:assert/strict'
import type { StreamedEvent } from '../fakes/event-reader.ts'

/** One question of a guest and all that was heard of its answer: every event once and in order, or all anew. */
export class Hearing {
  readonly key: string
  readonly message: string
  turnId: string | undefined
  text = ''
  /** The ids of the calls, in order, and the results that were told. */
  readonly toolCalls: string[] = []
  readonly toolResults = new Map<string, unknown>()
  confirmationId: string | undefined
  /** The whole answer: whoever was told this can rely on it. */
  complete: string | undefined
  /** Why there will be no answer. */
  failure: string | undefined
  /** Whether the turn has to be asked for again before it goes on. */
  isInterrupted = false
  /** The address of the server that told the newest part. */
  server: string | undefined
  #lastNumber = 0

  constructor(key: string, message: string) {
    this.key = key
    this.message = message
  }

  get isOver(): boolean {
    return this.complete !== undefined || this.failure !== undefined
  }

  get lastEventId(): string | undefined {
    return this.#lastNumber === 0 ? undefined : `${this.turnId}:${this.#lastNumber}`
  }

  /** Takes the next event of a connection that began after `lastEventId`. Throws when it cannot be right. */
  hear({ id, data }: StreamedEvent, lastEventId: string | undefined): void {
    const [turnId = '', digits] = id.split(':')
    const number = Number(digits)
    if (data.type === 'session') return this.#greet({ turnId, number, data }, lastEventId)
    assert.equal(turnId, this.turnId, 'an event of another turn')
    assert(number > this.#lastNumber, `event ${id} came twice or out of order, after ${this.#lastNumber}`)
    this.#lastNumber = number
    this.#take(data)
  }

  /** Takes an answer that was given without a stream. */
  takeWhole(turnId: string, content: string): void {
    this.turnId = turnId
    this.complete = content
  }

  #greet(
    { turnId, number, data }: { turnId: string; number: number; data: StreamedEvent['data'] },
    lastEventId: string | undefined,
  ): void {
    assert.equal(data.turn_id, turnId, 'a greeting under the id of another turn')
    if (turnId === this.turnId && lastEventId !== undefined && data.restart !== true) {
      assert.equal(`${turnId}:${number}`, lastEventId, 'a stream goes on elsewhere than where it was left')
      return
    }
    this.turnId = turnId
    this.text = ''
    this.toolCalls.length = 0
    this.toolResults.clear()
    this.#lastNumber = number
  }

  #take(data: StreamedEvent['data']): void {
    this.isInterrupted = false
    if (data.type === 'text_chunk') this.text += data.content
    if (data.type === 'tool_call') this.#add(data.call_id)
    if (data.type === 'tool_result') {
      assert(!this.toolResults.has(data.call_id), `the result of ${data.call_id} was told twice`)
      this.toolResults.set(data.call_id, data.result)
    }
    if (data.type === 'confirmation') this.confirmationId = data.confirmation_id
    if (data.type === 'complete') {
      assert.equal(this.text, data.content, 'the text has a gap or a repeat')
      this.complete = data.content
    }
    if (data.type === 'error' && data.retryable === true) this.isInterrupted = true
    if (data.type === 'error' && data.retryable !== true) this.failure = `${data.code}: ${data.message}`
  }

  #add(callId: string): void {
    assert(!this.toolCalls.includes(callId), `the call ${callId} was told twice`)
    this.toolCalls.push(callId)
  }
}
