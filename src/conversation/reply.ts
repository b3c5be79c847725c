import {
  ModelError,
  type FinishReason,
  type Model,
  type ModelProgress,
  type ModelRequest,
  type ToolCall,
  type Usage,
} from '../llm/model.ts'
import { TurnStop } from './turn-stop.ts'

/** Given as the reason, because without one every abort makes an exception with its stack. */
const replyOver = 'The reply is over.'

/** Takes out of a stream of text what nobody may read. It can hold back what may yet turn out to be such a thing. */
export interface OutputMask {
  /** What of the text so far may be told now. */
  push(text: string): string
  /** What was held back, at the end of the stream. */
  end(): string
}

/** Lets everything through. */
export const noMask: OutputMask = { push: (text) => text, end: () => '' }

export interface ReplyOptions {
  readonly model: Model
  readonly request: ModelRequest
  /** Ids of calls that this turn has already: a model may count from one in every reply. */
  readonly callIdsTaken: ReadonlySet<string>
  readonly charactersLeft: number
  readonly toolCallsMax: number
  /** Of all its calls. Those of models that think have some thousands: they are none of the characters left. */
  readonly signatureCharactersMax: number
  /** Every text of the reply goes through one of these before it is counted, told or logged. */
  readonly createMask: () => OutputMask
  readonly signal: AbortSignal
  readonly onText: (text: string) => void
  readonly onProgress: (progress: ModelProgress) => void
}

export interface Reply {
  readonly text: string
  readonly toolCalls: readonly ToolCall[]
  readonly usage: Usage
  readonly finishReason: FinishReason
  /** Of the text. */
  readonly signature?: string | undefined
}

/** Reads one reply of the model. Ends with the signal's reason as soon as that is aborted, even if the model does not. */
export async function readReply(options: ReplyOptions): Promise<Reply> {
  const { signal, createMask, onText } = options
  signal.throwIfAborted()
  const mask = createMask()
  // A controller of our own: whatever happens, the request at the provider is ended with this reply.
  const request = new AbortController()
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => {
    request.abort(signal.reason)
    aborted.reject(signal.reason)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([collect(options, mask, request.signal), aborted.promise])
  } catch (error) {
    if (signal.aborted || error instanceof ModelError) tellRest(mask, onText)
    // What a model makes of being aborted does not matter: why it was does.
    throw signal.aborted ? signal.reason : error
  } finally {
    signal.removeEventListener('abort', onAbort)
    request.abort(replyOver)
  }
}

/** What was held back of a reply that breaks off. */
function tellRest(mask: OutputMask, onText: (text: string) => void): void {
  try {
    const rest = mask.end()
    if (rest !== '') onText(rest)
  } catch {
    // It could not be checked and is not told; the reply has ended for another reason already.
  }
}

async function collect(options: ReplyOptions, mask: OutputMask, signal: AbortSignal): Promise<Reply> {
  const { model, request, callIdsTaken, charactersLeft, toolCallsMax, createMask, onText, onProgress } =
    options
  const parts: string[] = []
  const toolCalls: ToolCall[] = []
  const ids = new Set(callIdsTaken)
  let characters = 0
  const count = (more: number): void => {
    characters += more
    if (characters > charactersLeft) throw new TurnStop('characters')
  }
  let signatureCharacters = 0
  const countSignature = (signature = ''): void => {
    signatureCharacters += signature.length
    if (signatureCharacters > options.signatureCharactersMax) throw new TurnStop('characters')
  }
  const tell = (text: string): void => {
    if (text === '') return
    count(text.length)
    parts.push(text)
    onText(text)
  }
  for await (const event of model.stream(request, signal)) {
    signal.throwIfAborted()
    switch (event.type) {
      case 'progress':
        onProgress(event)
        break
      case 'text-delta':
        tell(mask.push(event.text))
        break
      case 'tool-call': {
        if (toolCalls.length >= toolCallsMax) throw new TurnStop('tool-calls')
        count(charactersOf(event.call))
        countSignature(event.call.signature)
        const callId = freeId(maskedText(event.call.callId, createMask), ids)
        ids.add(callId)
        toolCalls.push({
          ...event.call,
          callId,
          name: maskedText(event.call.name, createMask),
          arguments: masked(event.call.arguments, createMask),
        })
        break
      }
      case 'finish':
        tell(mask.end())
        countSignature(event.signature)
        return {
          text: parts.join(''),
          toolCalls,
          usage: event.usage,
          finishReason: event.reason,
          signature: event.signature,
        }
    }
  }
  throw new ModelError('MODEL_TRUNCATED', 'The answer broke off. Ask again.', { retryable: true })
}

/** The same JSON, every string of it masked by itself. */
function masked(value: unknown, createMask: () => OutputMask): unknown {
  if (typeof value === 'string') return maskedText(value, createMask)
  if (Array.isArray(value)) return value.map((part) => masked(part, createMask))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [maskedText(name, createMask), masked(part, createMask)]),
  )
}

function maskedText(text: string, createMask: () => OutputMask): string {
  const mask = createMask()
  return mask.push(text) + mask.end()
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
