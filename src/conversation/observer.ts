import type { ErrorCode } from '../errors.ts'
import type { FinishReason, ModelRequest, ToolCall, Usage } from '../llm/model.ts'
import type { ToolOutcome, TurnOutcome } from '../log/events.ts'

/** What the conversation reports. Metrics, log and traces implement it; tests record it. */
export interface ConversationObserver {
  /** One run of a turn begins. What becomes of it is reported to the answer. */
  turnBegan(turn: TurnBegun): TurnObserver
  /** A call of a model, or a message, that a budget refused. */
  budgetExhausted(budget: 'turn' | 'session' | 'day'): void
  paymentEnded(outcome: 'settled' | 'declined' | 'unknown'): void
}

export interface TurnBegun {
  readonly turnId: string
  /** Opens the session: shown only as `hashOfId` makes of it. */
  readonly sessionId: string
  readonly agent: string
  /** How often the turn was taken up before: 0 for its first run. */
  readonly attempt: number
  /** The request that asked for it; null for none. */
  readonly origin: TurnOrigin | null
  /** The span of this run, where traces are made; null elsewhere. */
  readonly trace: TraceContext | null
  /** Milliseconds since 1970. */
  readonly startedAtMs: number
}

/** Where a turn comes from. */
export interface TurnOrigin {
  /** As the request's own log line names it. */
  readonly requestId: string
  /** The `traceparent` that came with the request, where it is a valid one. */
  readonly traceParent: string | null
}

/** A span, by the ids that W3C Trace Context gives it. */
export interface TraceContext {
  readonly traceId: string
  readonly spanId: string
}

export interface TurnObserver {
  /** The first text was told so many seconds after the beginning. */
  firstText(seconds: number): void
  firstAudio(seconds: number): void
  /** Something within the turn that took time has ended. */
  stepEnded(step: TurnStep): void
  /** Once, and nothing comes after it. */
  ended(end: TurnEnd): void
}

export interface TurnEnd {
  readonly outcome: TurnOutcome
  /** Why it failed or was interrupted; else null. */
  readonly code: ErrorCode | null
  readonly seconds: number
}

export type TurnStep = ModelStep | ToolStep | StoreStep | SpeechStep

interface Step {
  /** Milliseconds since 1970. */
  readonly startedAtMs: number
  readonly seconds: number
  /** Why it did not come to its end; null where it did. */
  readonly code: ErrorCode | null
}

/** One reply of a model, with all that was tried to get it. */
export interface ModelStep extends Step {
  readonly kind: 'model'
  /** What it was asked for: to answer the guest, or to shorten what was said long ago. */
  readonly purpose: 'reply' | 'summary'
  /** The name of the model that answered, or was asked last. */
  readonly provider: string
  /** Whether it answered in the place of another one that could not. */
  readonly isFallback: boolean
  /** Whether the guest's own key was used. */
  readonly isOwnKey: boolean
  /** Reported, or estimated where nothing was reported; none of a model of this process, which costs nothing. */
  readonly usage: Usage
  /** Null where it did not come to its end. */
  readonly finishReason: FinishReason | null
  /** How many it asked for. */
  readonly toolCalls: number
  /** From its start; null where it gave no text. */
  readonly firstTextSeconds: number | null
  /** What guests say: only for those who were told to keep it. */
  readonly content: () => ModelContent
}

export interface ModelContent {
  readonly request: ModelRequest
  /** As far as it came. */
  readonly text: string
  readonly toolCalls: readonly ToolCall[]
}

/** One call of a tool, up to the moment when its effect was in the log. */
export interface ToolStep extends Step {
  readonly kind: 'tool'
  /** `unknown` for every name that is no tool's. */
  readonly tool: string
  /** A model can choose it: as much its words as the arguments are. */
  readonly callId: string
  /** Null where it did not come to its end. */
  readonly outcome: ToolOutcome | null
  /** What guests say: only for those who were told to keep it. */
  readonly content: () => { readonly arguments: unknown; readonly result: unknown }
}

/** What the turn waited for the store: to take the lease, append to the log, and give the lease back. */
export interface StoreStep extends Step {
  readonly kind: 'store'
  readonly operation: 'acquireLease' | 'append' | 'releaseLease'
}

/** The voice of the turn, from its beginning to its end. */
export interface SpeechStep extends Step {
  readonly kind: 'speech'
  readonly provider: string
  /** Of the text that it was given. */
  readonly characters: number
  readonly soundSeconds: number
}
