import type { FinishReason, ModelEvent, Usage } from '../model.ts'
import { fieldsOf, isFields, textOf, type Fields } from '../fields.ts'
import { errorIn, refused, type KeyOwner } from './failures.ts'
import { cutOff, garbled } from '../provider-failures.ts'

/** Every other reason is one for which Gemini did not want to go on. */
const finishReasons: ReadonlyMap<string, FinishReason | 'garbled'> = new Map([
  ['STOP', 'stop'],
  ['MAX_TOKENS', 'length'],
  ['CONTINUATION', 'length'],
  ['MALFORMED_FUNCTION_CALL', 'garbled'],
  ['MALFORMED_RESPONSE', 'garbled'],
  ['UNEXPECTED_TOOL_CALL', 'garbled'],
  ['TOO_MANY_TOOL_CALLS', 'garbled'],
  ['MISSING_THOUGHT_SIGNATURE', 'garbled'],
])

/**
 * Reads one reply from its chunks, whoever fetched them; believes nothing about their shape.
 *
 * A thought signature is kept where it stands on a call, and given back on that call: there Gemini insists on it. Of
 * those on texts the last one is kept for the whole text, wherever in it they stood.
 */
export class GeminiReply {
  readonly #owner: KeyOwner
  #reason: FinishReason | 'garbled' | undefined
  #calls = 0
  #usage: Fields = {}
  #textSignature = ''

  constructor(owner: KeyOwner) {
    this.#owner = owner
  }

  /** Whether Gemini has said that the reply is over. */
  get isOver(): boolean {
    return this.#reason !== undefined
  }

  /** What a chunk adds to the reply. Throws a `ModelError` when the chunk is a failure. */
  read(chunk: unknown): readonly ModelEvent[] {
    if (!isFields(chunk)) throw garbled()
    const error = errorIn(chunk)
    if (error !== undefined) {
      throw refused({ status: statusOf(error), body: chunk, retryAfterMs: undefined }, this.#owner)
    }
    if (isFields(chunk.usageMetadata)) this.#usage = { ...this.#usage, ...chunk.usageMetadata }
    if (fieldsOf(chunk.promptFeedback).blockReason !== undefined) this.#reason = 'blocked'
    const candidate = fieldsOf(Array.isArray(chunk.candidates) ? chunk.candidates[0] : undefined)
    const { parts } = fieldsOf(candidate.content)
    const events: ModelEvent[] = []
    for (const part of Array.isArray(parts) ? parts : []) {
      const event = this.#readPart(fieldsOf(part))
      if (event !== undefined) events.push(event)
    }
    const reason = textOf(candidate.finishReason)
    if (reason !== '') this.#reason = finishReasons.get(reason) ?? 'blocked'
    return events.length === 0 && !this.isOver ? [{ type: 'progress', what: 'thinking' }] : events
  }

  /** The last event. Throws a `ModelError` when the reply is not whole. */
  finish(): ModelEvent {
    if (this.#reason === undefined) throw cutOff()
    if (this.#reason === 'garbled') throw garbled()
    const signature = this.#textSignature
    const usage = usageOf(this.#usage)
    return { type: 'finish', reason: this.#reason, usage, ...(signature !== '' && { signature }) }
  }

  #readPart(part: Fields): ModelEvent | undefined {
    if (isFields(part.functionCall)) return this.#readCall(part.functionCall, textOf(part.thoughtSignature))
    if (part.thought !== true) this.#textSignature = textOf(part.thoughtSignature) || this.#textSignature
    const text = part.thought === true ? '' : textOf(part.text)
    return text === '' ? undefined : { type: 'text-delta', text }
  }

  #readCall(call: Fields, signature: string): ModelEvent {
    this.#calls++
    const callId = textOf(call.id)
    return {
      type: 'tool-call',
      call: {
        callId: callId === '' ? `call-${this.#calls}` : callId,
        name: textOf(call.name),
        arguments: call.args ?? {},
        ...(signature !== '' && { signature }),
      },
    }
  }
}

/** Counted as it is billed: what a tool of Google's read is input, and thoughts are output. */
function usageOf(usage: Fields): Usage {
  return {
    inputTokens: countOf(usage.promptTokenCount) + countOf(usage.toolUsePromptTokenCount),
    outputTokens: countOf(usage.candidatesTokenCount) + countOf(usage.thoughtsTokenCount),
  }
}

function countOf(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0
}

/** An error in the stream has its status inside. */
function statusOf({ code }: Fields): number {
  return typeof code === 'number' && code >= 400 && code < 600 ? code : 500
}
