/** What the conversation needs from a language model, and nothing more. */
export interface Model {
  /** A fixed label for metrics: `house`, `gemini`, ... */
  readonly name: string
  /** Whether it follows any instructions. The house model only tends a bar: it cannot be asked for a summary. */
  readonly isGeneral: boolean
  /**
   * Streams one reply: text and tool calls in the order the model made them, then exactly one `finish`.
   * `progress` can come at any time before it. Throws a `ModelError` when it cannot; ends early, with the signal's reason, when the signal is aborted.
   */
  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent>
}

/** A model with connections of its own; whoever made it closes it. */
export interface ClosableModel extends Model {
  close(): Promise<void>
}

/** What a provider says of a guest's key. `reason` is ours, for the guest to read: never the provider's words. */
export type KeyCheck =
  | { readonly status: 'valid' }
  | { readonly status: 'rejected' | 'unverified'; readonly reason: string }

export interface ModelRequest {
  readonly instructions: string
  /** What was said before the first of `messages`, in short; null when they are all. */
  readonly summary: string | null
  /** How things stand now (the tab, the balance), made for this very request; null when there is nothing to say. */
  readonly state: object | null
  readonly messages: readonly Message[]
  readonly tools: readonly ToolSpec[]
  /** Stays the same when one reply is asked for again, so that a model with a seed can repeat itself. */
  readonly seed: string
}

export type Message = UserMessage | AssistantMessage | ToolMessage

export interface UserMessage {
  readonly role: 'user'
  readonly text: string
  /** What the server itself did with this message before the model saw it; data, not the guest's words. */
  readonly notes: readonly ServerNote[]
  /** What a guard found suspicious in the text. */
  readonly marks?: readonly string[]
}

export interface ServerNote {
  readonly name: string
  readonly result: unknown
}

export interface AssistantMessage {
  readonly role: 'assistant'
  readonly text: string
  readonly toolCalls: readonly ToolCall[]
  /** As a call's, of the text. */
  readonly signature?: string
}

/** The results of all tool calls of the assistant message before it, in the same order. */
export interface ToolMessage {
  readonly role: 'tool'
  readonly results: readonly ToolResult[]
}

export interface ToolCall {
  /** Unique within its turn. */
  readonly callId: string
  readonly name: string
  readonly arguments: unknown
  /** Opaque to us, given back to the provider verbatim. */
  readonly signature?: string
}

export interface ToolResult {
  readonly callId: string
  readonly name: string
  readonly result: unknown
}

/** Nothing to show yet, and yet alive: it thinks, or its server is still starting. */
export type ModelProgress =
  | { readonly type: 'progress'; readonly what: 'thinking' | 'warming-up' }
  /** Another model answers; both are its own: its name, and whether it is general, as a house model costs nothing. */
  | {
      readonly type: 'progress'
      readonly what: 'fell-back'
      readonly provider: string
      readonly isGeneral: boolean
    }

export type ModelEvent =
  | ModelProgress
  | { readonly type: 'text-delta'; readonly text: string }
  | { readonly type: 'tool-call'; readonly call: ToolCall }
  | {
      readonly type: 'finish'
      readonly reason: FinishReason
      readonly usage: Usage
      /** Of the reply's text. Opaque to us, given back to the provider verbatim. */
      readonly signature?: string
    }

/** `length`: the output limit cut the reply; `blocked`: the provider refused to go on. */
export type FinishReason = 'stop' | 'length' | 'blocked'

export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
}

export interface ToolSpec {
  readonly name: string
  readonly description: string
  /** JSON Schema: the same object validates the call and describes it to the model. */
  readonly parameters: object
}

/** `KEY_REJECTED` and `KEY_QUOTA` speak of the guest's own key, never of the server's. */
export type ModelErrorCode =
  | 'MODEL_UNAVAILABLE'
  | 'MODEL_TIMEOUT'
  | 'MODEL_TRUNCATED'
  | 'MODEL_BLOCKED'
  | 'KEY_REJECTED'
  | 'KEY_QUOTA'

export interface ModelErrorOptions extends ErrorOptions {
  /** Whether the same request can succeed when it is made again. */
  readonly retryable: boolean
  /** How long the provider wants to be left alone first. */
  readonly retryAfterMs?: number
  /** The provider's server is still starting: it will be there, only later. */
  readonly isStarting?: boolean
  /** The provider does not answer at all, whoever asks: it is not there, fails, is silent, or breaks off. */
  readonly isDown?: boolean
}

/** A provider's failure in our words, for a guest to read. Providers translate where their SDK is imported. */
export class ModelError extends Error {
  override readonly name = 'ModelError'
  readonly code: ModelErrorCode
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined
  readonly isStarting: boolean
  readonly isDown: boolean

  constructor(code: ModelErrorCode, message: string, options: ModelErrorOptions) {
    super(message, options)
    this.code = code
    this.retryable = options.retryable
    this.retryAfterMs = options.retryAfterMs
    this.isStarting = options.isStarting ?? false
    this.isDown = options.isDown ?? false
  }
}
