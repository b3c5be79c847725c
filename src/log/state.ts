import { applyChange, openBar, type BarState } from '../bar/bar.ts'
import type { ErrorCode } from '../errors.ts'
import type { ToolCall, Usage } from '../llm/model.ts'
import { tokensOf } from '../llm/usage.ts'
import type {
  KeyField,
  RequestKey,
  SessionEvent,
  StoredKey,
  ToolOutcome,
  TurnOutcome,
  TurnEnded,
  TurnHeard,
} from './events.ts'

/** A session as its log says it is. Plain JSON, so that a snapshot is its text. */
export interface SessionState {
  readonly agent: string
  readonly workspace: string
  readonly createdAt: number
  readonly lastAccess: number
  readonly bar: BarState
  /** The newest turns, oldest first; older ones are in the log only. */
  readonly turns: readonly TurnRecord[]
  /** Every turn since the last reset, also those that are no longer in `turns`. */
  readonly turnCount: number
  readonly openTurnId: string | null
  /** The newest idempotency keys, oldest first. */
  readonly requests: readonly RequestRecord[]
  /** What the model is told in the place of the turns up to one of them; null as long as it is told all. */
  readonly summary: Summary | null
  /** Tokens that models took and tools that they called, since the session was made: no reset gives any back. */
  readonly tokensUsed: number
  readonly toolCallsMade: number
  /** The guest's own keys. Missing where there never was one, as in snapshots of earlier versions. */
  readonly keys?: { readonly [Field in KeyField]?: StoredKey | null }
}

export interface Summary {
  readonly text: string
  readonly throughTurnId: string
}

export interface TurnRecord {
  readonly turnId: string
  readonly owner: string
  readonly userInput: string
  readonly marks?: readonly string[]
  readonly startedAt: number
  readonly endedAt: number | null
  /** How often it was taken up: 0 for the first run. */
  readonly attempt: number
  readonly replies: readonly ReplyRecord[]
  readonly effects: readonly EffectRecord[]
  readonly outcome: TurnOutcome | 'running'
  readonly code: ErrorCode | null
  readonly finishReason: TurnEnded['finishReason'] | null
  /** Tokens that are in none of its replies: of summaries, and of replies that broke off. Missing for none. */
  readonly tokensBeside?: number
  readonly lastNumber: number
  /** How much of what was said the guest has heard, where not all. */
  readonly heardCharacters?: number
}

export interface ReplyRecord {
  readonly text: string
  readonly toolCalls: readonly ToolCall[]
  readonly usage: Usage
  readonly signature?: string
}

export interface EffectRecord {
  readonly callId: string
  readonly name: string
  readonly outcome: ToolOutcome
  readonly result: unknown
}

export type RequestRecord = RequestKey &
  (
    | { readonly kind: 'turn'; readonly turnId: string }
    | { readonly kind: 'payment'; readonly paymentId: string }
    | { readonly kind: 'answer'; readonly status: number; readonly body: unknown }
  )

export interface FoldBounds {
  readonly turnsKeptMax: number
  readonly requestsKeptMax: number
}

/** A state as an earlier version may have kept it: what it did not know is as it was in the beginning. */
export function readSnapshot(state: SessionState): SessionState {
  return { ...unknownBefore, ...state }
}

const unknownBefore = { summary: null, tokensUsed: 0, toolCallsMade: 0 }

/** The state after all of `events`, from `state` on; undefined only where there is nothing to fold. */
export function fold(
  state: SessionState | undefined,
  events: readonly SessionEvent[],
  bounds: FoldBounds,
): SessionState | undefined {
  return events.reduce<SessionState | undefined>((before, event) => apply(before, event, bounds), state)
}

function apply(state: SessionState | undefined, event: SessionEvent, bounds: FoldBounds): SessionState {
  if (event.type === 'session-created') return created(event)
  if (state === undefined) throw new Error(`A log cannot begin with ${event.type}.`)
  const touched = { ...state, lastAccess: Math.max(state.lastAccess, event.at) }
  switch (event.type) {
    case 'session-reset':
      return { ...touched, bar: openBar(), turns: [], turnCount: 0, openTurnId: null, summary: null }
    case 'turn-started':
      return startTurn(touched, event, bounds)
    case 'turn-resumed':
      return resumeTurn(touched, event)
    case 'model-replied': {
      const { text, toolCalls, usage, signature } = event
      const toolCallsMade = touched.toolCallsMade + toolCalls.length
      const tokensUsed = touched.tokensUsed + tokensOf(usage)
      return changeTurn({ ...touched, tokensUsed, toolCallsMade }, event.turnId, (turn) => ({
        replies: [...turn.replies, { text, toolCalls, usage, ...(signature && { signature }) }],
      }))
    }
    case 'history-compacted': {
      const { summary: text, throughTurnId, usage } = event
      return { ...spendBeside(touched, event.turnId, usage), summary: { text, throughTurnId } }
    }
    case 'effect': {
      const { callId, name, outcome, result } = event
      const bar = event.changes.reduce(applyChange, touched.bar)
      return changeTurn({ ...touched, bar }, event.turnId, (turn) => {
        if (turn.effects.some((effect) => effect.callId === callId)) {
          throw new Error(`The effect ${event.effectId} is in the log twice.`)
        }
        return { effects: [...turn.effects, { callId, name, outcome, result }] }
      })
    }
    case 'turn-ended':
      return endTurn(touched, event)
    case 'turn-heard':
      return hearTurn(touched, event)
    case 'request-answered': {
      const { request, status, body } = event
      return keepRequest(touched, { ...request, kind: 'answer', status, body }, bounds)
    }
    case 'payment-requested': {
      const { request, paymentId } = event
      return keepRequest(touched, { ...request, kind: 'payment', paymentId }, bounds)
    }
    case 'keys-changed':
      return { ...touched, keys: { ...touched.keys, ...event.keys } }
    default:
      return { ...touched, bar: applyChange(touched.bar, event) }
  }
}

function created(event: SessionEvent & { readonly type: 'session-created' }): SessionState {
  return {
    agent: event.agent,
    workspace: event.workspace,
    createdAt: event.at,
    lastAccess: event.at,
    bar: openBar(),
    turns: [],
    turnCount: 0,
    openTurnId: null,
    requests: [],
    summary: null,
    tokensUsed: 0,
    toolCallsMade: 0,
  }
}

type Started = SessionEvent & { readonly type: 'turn-started' }

function startTurn(state: SessionState, event: Started, bounds: FoldBounds): SessionState {
  if (state.openTurnId !== null) throw new Error(`The turn ${state.openTurnId} is still open.`)
  const { turnId, owner, userInput, marks, at } = event
  const turn: TurnRecord = {
    turnId,
    owner,
    userInput,
    ...(marks && { marks }),
    startedAt: at,
    endedAt: null,
    attempt: 0,
    replies: [],
    effects: [],
    outcome: 'running',
    code: null,
    finishReason: null,
    lastNumber: 0,
  }
  const turns = [...state.turns, turn].slice(-bounds.turnsKeptMax)
  const opened = { ...state, turns, turnCount: state.turnCount + 1, openTurnId: turnId }
  return event.request === undefined
    ? opened
    : keepRequest(opened, { ...event.request, kind: 'turn', turnId }, bounds)
}

function resumeTurn(
  state: SessionState,
  event: SessionEvent & { readonly type: 'turn-resumed' },
): SessionState {
  if (state.openTurnId !== null) throw new Error(`The turn ${state.openTurnId} is still open.`)
  const resumed = changeTurn(state, event.turnId, (turn) => ({
    owner: event.owner,
    attempt: turn.attempt + 1,
    outcome: 'running',
    code: null,
    finishReason: null,
    endedAt: null,
  }))
  return { ...resumed, openTurnId: event.turnId }
}

function endTurn(state: SessionState, event: SessionEvent & { readonly type: 'turn-ended' }): SessionState {
  if (state.openTurnId !== event.turnId) throw new Error(`The turn ${event.turnId} is not open.`)
  const ended = changeTurn(state, event.turnId, () => ({
    outcome: event.outcome,
    code: event.code ?? null,
    finishReason: event.finishReason ?? null,
    endedAt: event.at,
    lastNumber: event.lastNumber,
  }))
  const { unreportedUsage } = event
  const spent = unreportedUsage === undefined ? ended : spendBeside(ended, event.turnId, unreportedUsage)
  return { ...spent, openTurnId: null }
}

/** What is no longer kept needs no mark. */
function hearTurn(state: SessionState, { turnId, characters }: TurnHeard): SessionState {
  if (!state.turns.some((turn) => turn.turnId === turnId)) return state
  return changeTurn(state, turnId, ({ heardCharacters = Infinity }) => ({
    heardCharacters: Math.min(heardCharacters, characters),
  }))
}

/** Tokens that a turn took beside its replies. */
function spendBeside(state: SessionState, turnId: string, usage: Usage): SessionState {
  const tokens = tokensOf(usage)
  if (tokens === 0) return state
  return changeTurn({ ...state, tokensUsed: state.tokensUsed + tokens }, turnId, ({ tokensBeside = 0 }) => ({
    tokensBeside: tokensBeside + tokens,
  }))
}

function changeTurn(
  state: SessionState,
  turnId: string,
  change: (turn: TurnRecord) => Partial<TurnRecord>,
): SessionState {
  const at = state.turns.findLastIndex((turn) => turn.turnId === turnId)
  const turn = state.turns[at]
  if (turn === undefined) throw new Error(`There is no turn ${turnId}.`)
  return { ...state, turns: state.turns.with(at, { ...turn, ...change(turn) }) }
}

function keepRequest(state: SessionState, record: RequestRecord, bounds: FoldBounds): SessionState {
  const others = state.requests.filter(({ key }) => key !== record.key)
  return { ...state, requests: [...others, record].slice(-bounds.requestsKeptMax) }
}
