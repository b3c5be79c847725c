import type { FinishReason, ModelEvent } from '../model.ts'
import { estimateTokens } from '../prompt.ts'
import { CallFragments } from './call-fragments.ts'
import { failureIn } from './failures.ts'
import { cutOff, garbled } from '../provider-failures.ts'
import { fieldsOf, isFields, parseJson, textOf, type Fields } from '../fields.ts'

/** Of servers that say `finish_reason` where they mean that they failed: OpenRouter, vLLM, DeepSeek. */
const brokenReasons: ReadonlySet<string> = new Set(['error', 'abort', 'insufficient_system_resource'])

/** One reply in the making: what a server says, in our events. Believes nothing about its shape. */
export class ChatReply {
  readonly #estimateInputTokens: () => number
  readonly #calls = new CallFragments()
  #said = ''
  #usage: Fields = {}
  #reason = ''
  #hasRefused = false
  #isDone = false

  /** The estimate is for servers that do not count. */
  constructor(estimateInputTokens: () => number) {
    this.#estimateInputTokens = estimateInputTokens
  }

  /** Whether the model has said that it is ready. Its usage may still follow. */
  get hasFinished(): boolean {
    return this.#reason !== ''
  }

  /** Whether the server has said that nothing more follows. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** What one event of a stream adds. Throws a `ModelError` when it tells of a failure, or nothing at all. */
  read(data: string): readonly ModelEvent[] {
    if (data === '[DONE]') this.#isDone = true
    return this.#isDone || data === '' ? [] : this.#take(parseJson(data), 'delta')
  }

  /** The answer of a server that does not stream. Throws as `read` does. */
  readWhole(text: string): readonly ModelEvent[] {
    this.#isDone = true
    return this.#take(parseJson(text), 'message')
  }

  /** The calls and the finish. Throws a `ModelError` when the reply is not whole. */
  end(): readonly ModelEvent[] {
    const reason = this.#finishReason()
    const calls = this.#calls.calls(reason !== 'stop')
    const usage = {
      inputTokens: countOf(this.#usage.prompt_tokens) ?? this.#estimateInputTokens(),
      outputTokens: countOf(this.#usage.completion_tokens) ?? estimateTokens(this.#said),
    }
    return [...calls.map((call) => ({ type: 'tool-call', call }) as const), { type: 'finish', reason, usage }]
  }

  #take(chunk: unknown, part: 'delta' | 'message'): readonly ModelEvent[] {
    if (!isFields(chunk)) throw garbled()
    const failure = failureIn(chunk)
    if (failure !== null) throw failure
    // Some count in every chunk: the last count is the whole.
    if (isFields(chunk.usage)) this.#usage = chunk.usage
    const choice = fieldsOf(Array.isArray(chunk.choices) ? chunk.choices[0] : undefined)
    // Some write "" for "not yet".
    this.#reason = textOf(choice.finish_reason) || this.#reason
    return this.#takePart(fieldsOf(choice[part]))
  }

  #takePart(part: Fields): readonly ModelEvent[] {
    const fragments = Array.isArray(part.tool_calls) ? part.tool_calls : []
    for (const fragment of fragments) this.#said += this.#calls.take(fieldsOf(fragment))
    const refusal = textOf(part.refusal)
    if (refusal !== '') this.#hasRefused = true
    const text = textOf(part.content) + refusal
    this.#said += text
    if (text !== '') return [{ type: 'text-delta', text }]
    // A call is told when it is whole. Until then its fragments are a sign of life, as thoughts are.
    const isAlive = fragments.length > 0 || textOf(part.reasoning_content) + textOf(part.reasoning) !== ''
    return isAlive ? [{ type: 'progress', what: 'thinking' }] : []
  }

  /**
   * Without a reason the reply was cut off. But some gateways never give one: there, `[DONE]` after words or calls
   * must do, because a stream that was cut off does not end with it.
   */
  #finishReason(): FinishReason {
    const isWhole = this.hasFinished ? !brokenReasons.has(this.#reason) : this.#isDone && this.#said !== ''
    if (!isWhole) throw cutOff()
    if (this.#hasRefused || this.#reason === 'content_filter') return 'blocked'
    return this.#reason === 'length' ? 'length' : 'stop'
  }
}

/** Servers that do not count say nothing, or 0. */
function countOf(tokens: unknown): number | null {
  return typeof tokens === 'number' && Number.isSafeInteger(tokens) && tokens > 0 ? tokens : null
}
