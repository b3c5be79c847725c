import type { BarChange } from '../bar/bar.ts'
import type { ErrorCode } from '../errors.ts'
import type { FinishReason, ToolCall, Usage } from '../llm/model.ts'

/**
 * What can happen in a session, in the order in which it happened. Entries are never changed or taken out.
 * An event that is written once must be readable for ever: add new types and optional fields, change none.
 */
export type SessionEvent = NewEvent & {
  /** Milliseconds since 1970 by the clock of the process that wrote the event. */
  readonly at: number
}

export type NewEvent =
  | SessionCreated
  | SessionReset
  | TurnStarted
  | TurnResumed
  | ModelReplied
  | HistoryCompacted
  | Effect
  | TurnEnded
  | TurnHeard
  | RequestAnswered
  | PaymentRequested
  | KeysChanged
  | BarChange

export interface SessionCreated {
  readonly type: 'session-created'
  readonly agent: string
  readonly workspace: string
}

/** History, order, tab and opening balance start again. */
export interface SessionReset {
  readonly type: 'session-reset'
}

/** One guest message is being answered: from here to `turn-ended` this is the session's open turn. */
export interface TurnStarted {
  readonly type: 'turn-started'
  readonly turnId: string
  /** Random id of the turn's run in one process: who may extend this turn. */
  readonly owner: string
  readonly userInput: string
  /** What a guard found suspicious in it. */
  readonly marks?: readonly string[]
  readonly request?: RequestKey
}

/** A retry goes on with a turn that was interrupted. */
export interface TurnResumed {
  readonly type: 'turn-resumed'
  readonly turnId: string
  readonly owner: string
}

/** One reply of the model, written before the first of its tools runs. */
export interface ModelReplied {
  readonly type: 'model-replied'
  readonly turnId: string
  readonly text: string
  readonly toolCalls: readonly ToolCall[]
  readonly usage: Usage
  /** Of the text. */
  readonly signature?: string
}

/** From now on the model is told `summary` in the place of every turn up to this one. Written during `turnId`. */
export interface HistoryCompacted {
  readonly type: 'history-compacted'
  readonly turnId: string
  readonly summary: string
  readonly throughTurnId: string
  /** What a model took to write it; nothing where a rule did. */
  readonly usage: Usage
}

/** What a tool did: its result for the model and what it changed. `effectId` is `<turnId>:<callId>`. */
export interface Effect {
  readonly type: 'effect'
  readonly effectId: string
  readonly turnId: string
  readonly callId: string
  readonly name: string
  readonly outcome: ToolOutcome
  readonly result: unknown
  readonly changes: readonly BarChange[]
}

/** `refused`: the tool understood and said no; `invalid`: the model called it wrongly; `failed`: it broke. */
export type ToolOutcome = 'ok' | 'refused' | 'invalid' | 'failed'

export interface TurnEnded {
  readonly type: 'turn-ended'
  readonly turnId: string
  readonly outcome: TurnOutcome
  /** Why, when the outcome is `failed` or `interrupted`. */
  readonly code?: ErrorCode
  readonly finishReason?: FinishReason | 'stopped' | 'limit'
  /** Estimated, for a reply that began and did not come to its end: its provider reports nothing and counts it. */
  readonly unreportedUsage?: Usage
  /** The number of the last event that readers of this turn can have seen. */
  readonly lastNumber: number
}

/** `complete` and `stopped` are answers; a `failed` turn said why; an `interrupted` one can be taken up again. */
export type TurnOutcome = 'complete' | 'stopped' | 'failed' | 'interrupted'

/** The guest broke in: of what was said in this turn, only so many characters were heard. */
export interface TurnHeard {
  readonly type: 'turn-heard'
  readonly turnId: string
  /** From the beginning of all that was said, in units of UTF-16. */
  readonly characters: number
}

/** An `Idempotency-Key` with a hash of what was asked under it. */
export interface RequestKey {
  readonly key: string
  readonly fingerprint: string
}

/** A request began this payment. Its answer follows as `request-answered` when the outcome is known. */
export interface PaymentRequested {
  readonly type: 'payment-requested'
  readonly request: RequestKey
  readonly paymentId: string
}

/** The first answer to a mutating request that is not a turn; the same request gets it again. */
export interface RequestAnswered {
  readonly type: 'request-answered'
  readonly request: RequestKey
  readonly status: number
  readonly body: unknown
}

/** The guest's own keys changed: those that are named; null takes a key away. */
export interface KeysChanged {
  readonly type: 'keys-changed'
  readonly keys: { readonly [Field in KeyField]?: StoredKey | null }
}

/** Whose keys a guest can bring. */
export type KeyField = 'gemini' | 'cartesia'

export interface StoredKey {
  /** As the vault has sealed it for this session and field: a key is never in a log in clear. */
  readonly sealed: string
  readonly status: KeyStatus
}

/** `unverified`: its provider could not say; `rejected`: it worked once and was refused later. */
export type KeyStatus = 'valid' | 'unverified' | 'rejected'
