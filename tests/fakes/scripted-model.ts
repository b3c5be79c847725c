import { ModelError, type Model, type ModelEvent, type ModelRequest } from '../../src/llm/model.ts'

/** One reply of the script: its events, an error to throw, or a function that makes them from the request. */
export type ScriptedReply =
  | readonly ModelEvent[]
  | Error
  | ((request: ModelRequest, signal: AbortSignal) => AsyncIterable<ModelEvent>)

/** Plays one scripted reply for each call, in order, and keeps every request it was given. */
export class ScriptedModel implements Model {
  readonly name = 'scripted'
  readonly isGeneral = true
  readonly requests: ModelRequest[] = []
  readonly #replies: ScriptedReply[]

  constructor(...replies: readonly ScriptedReply[]) {
    this.#replies = [...replies]
  }

  /** Adds replies to the end of the script. */
  add(...replies: readonly ScriptedReply[]): void {
    this.#replies.push(...replies)
  }

  async *stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent> {
    this.requests.push(request)
    const reply = this.#replies.shift()
    if (reply === undefined)
      throw new ModelError('MODEL_UNAVAILABLE', 'The script has no reply left.', { retryable: false })
    if (reply instanceof Error) throw reply
    if (typeof reply === 'function') {
      yield* reply(request, signal)
      return
    }
    for (const event of reply) {
      signal.throwIfAborted()
      yield event
    }
  }
}

export const finish: ModelEvent = {
  type: 'finish',
  reason: 'stop',
  usage: { inputTokens: 10, outputTokens: 5 },
}

/** A reply that only says something, word by word. */
export function says(text: string): readonly ModelEvent[] {
  const words = text.match(/\S+\s*/g) ?? []
  return [...words.map((word) => ({ type: 'text-delta', text: word }) as const), finish]
}

/** A reply that calls tools: names with their arguments. */
export function calls(...toolCalls: readonly (readonly [string, unknown])[]): readonly ModelEvent[] {
  return [
    ...toolCalls.map(
      ([name, args], index) =>
        ({ type: 'tool-call', call: { callId: `call-${index + 1}`, name, arguments: args } }) as const,
    ),
    finish,
  ]
}

/** A reply that says something and then nothing more, until it is aborted. */
export function hangsAfter(
  text: string,
): (request: ModelRequest, signal: AbortSignal) => AsyncIterable<ModelEvent> {
  return async function* hang(_request, signal) {
    yield { type: 'text-delta', text }
    await new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  }
}

/** As `hangsAfter`, with a promise that tells when the text was said. */
export function hanging(text: string): { readonly heard: Promise<void>; readonly reply: ScriptedReply } {
  const heard = Promise.withResolvers<void>()
  const hang = hangsAfter(text)
  async function* reply(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent> {
    for await (const event of hang(request, signal)) {
      yield event
      heard.resolve()
    }
  }
  return { heard: heard.promise, reply }
}
