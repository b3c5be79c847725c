/** What the conversation needs from a language model, and nothing more. */
export interface Model {
  /** A fixed label for metrics: `house`, `gemini`, ... */
  readonly name: string
  /**
   * Streams one reply: text and tool calls in the order the model made them, then exactly one `finish`.
   * Throws a `ModelError` when it cannot; ends early, with the signal's reason, when the signal is aborted.
   */
  stream(request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent>
}

export interface ModelRequest {
  readonly instructions: string
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
}

export interface ServerNote {
  readonly name: string
  readonly result: unknown
}

export interface AssistantMessage {
  readonly role: 'assistant'
  readonly text: string
  readonly toolCalls: readonly ToolCall[]
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

export type ModelEvent =
  | { readonly type: 'text-delta'; readonly text: string }
  | { readonly type: 'tool-call'; readonly call: ToolCall }
  | { readonly type: 'finish'; readonly reason: FinishReason; readonly usage: Usage }

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

export type ModelErrorCode = 'MODEL_UNAVAILABLE' | 'MODEL_TIMEOUT' | 'MODEL_TRUNCATED' | 'MODEL_BLOCKED'

/** A provider's failure in our words. Providers translate where their SDK is imported. */
export class ModelError extends Error {
  override readonly name = 'ModelError'
  readonly code: ModelErrorCode
  readonly retryable: boolean

  constructor(code: ModelErrorCode, message: string, options: ErrorOptions & { retryable: boolean }) {
    super(message, options)
    this.code = code
    this.retryable = options.retryable
  }
}
