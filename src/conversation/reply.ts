import {
  ModelError,
  type FinishReason,
  type Model,
  type ModelRequest,
  type ToolCall,
  type Usage,
} from '../llm/model.ts'
import type { ConversationObserver } from './observer.ts'
import { TurnStop } from './turn-stop.ts'

/** Given as the reason, because without one every abort makes an exception with its stack. */
const replyOver = 'The reply is over.'

export interface ReplyOptions {
  readonly model: Model
  readonly request: ModelRequest
  /** Ids of calls that this turn has already: a model may count from one in every reply. */
  readonly callIdsTaken: ReadonlySet<string>
  readonly charactersLeft: number
  readonly toolCallsMax: number
  readonly observer: Pick<ConversationObserver, 'modelAnswered' | 'tokensUsed'>
  readonly signal: AbortSignal
  readonly onText: (text: string) => void
}

export interface Reply {
  readonly text: string
  readonly toolCalls: readonly ToolCall[]
  readonly usage: Usage
  readonly finishReason: FinishReason
}

/** Reads one reply of the model. Ends with the signal's reason as soon as that is aborted, even if the model does not. */
export async function readReply(options: ReplyOptions): Promise<Reply> {
  const { model, observer, signal } = options
  signal.throwIfAborted()
  // A controller of our own: whatever happens, the request at the provider is ended with this reply.
  const request = new AbortController()
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => {
    request.abort(signal.reason)
    aborted.reject(signal.reason)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const reply = await Promise.race([collect(options, request.signal), aborted.promise])
    observer.modelAnswered(model.name, 'ok')
    observer.tokensUsed(model.name, 'input', reply.usage.inputTokens)
    observer.tokensUsed(model.name, 'output', reply.usage.outputTokens)
    return reply
  } catch (error) {
    // What a model makes of being aborted does not matter: why it was does.
    const cause: unknown = signal.aborted ? signal.reason : error
    observer.modelAnswered(model.name, cause instanceof TurnStop ? 'aborted' : 'error')
    throw cause
  } finally {
    signal.removeEventListener('abort', onAbort)
    request.abort(replyOver)
  }
}

async function collect(options: ReplyOptions, signal: AbortSignal): Promise<Reply> {
  const { model, request, callIdsTaken, charactersLeft, toolCallsMax, onText } = options
  const parts: string[] = []
  const toolCalls: ToolCall[] = []
  const ids = new Set(callIdsTaken)
  let characters = 0
  for await (const event of model.stream(request, signal)) {
    signal.throwIfAborted()
    switch (event.type) {
      case 'progress':
        break
      case 'text-delta':
        if (event.text === '') break
        characters += event.text.length
        if (characters > charactersLeft) throw new TurnStop('characters')
        parts.push(event.text)
        onText(event.text)
        break
      case 'tool-call': {
        if (toolCalls.length >= toolCallsMax) throw new TurnStop('tool-calls')
        characters += charactersOf(event.call)
        if (characters > charactersLeft) throw new TurnStop('characters')
        const callId = freeId(event.call.callId, ids)
        ids.add(callId)
        toolCalls.push({ ...event.call, callId })
        break
      }
      case 'finish':
        return { text: parts.join(''), toolCalls, usage: event.usage, finishReason: event.reason }
    }
  }
  throw new ModelError('MODEL_TRUNCATED', 'The answer broke off. Ask again.', { retryable: true })
}

function charactersOf({ name, arguments: args }: ToolCall): number {
  return name.length + (JSON.stringify(args)?.length ?? 0)
}

/** The provider's id where it is usable and new in this turn, else one made from it. */
function freeId(callId: string, taken: ReadonlySet<string>): string {
  const wanted = /^[\w.-]{1,100}$/.test(callId) ? callId : 'call'
  let id = wanted
  for (let copy = 2; taken.has(id); copy++) id = `${wanted}-${copy}`
  return id
}
