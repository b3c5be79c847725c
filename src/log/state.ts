import { applyChange, openBar, type BarState } from '../bar/bar.ts'
import type { ErrorCode } from '../errors.ts'
import type { ToolCall, Usage } from '../llm/model.ts'
import type { RequestKey, SessionEvent, ToolOutcome, TurnOutcome, TurnEnded } from './events.ts'

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
}

export interface TurnRecord {
  readonly turnId: string
  readonly owner: string
  readonly userInput: string
  readonly startedAt: number
  readonly endedAt: number | null
  /** How often it was taken up: 0 for the first run. */
  readonly attempt: number
  readonly replies: readonly ReplyRecord[]
  readonly effects: readonly EffectRecord[]
  readonly outcome: TurnOutcome | 'running'
  readonly code: ErrorCode | null
  readonly finishReason: TurnEnded['finishReason'] | null
  readonly lastNumber: number
}

export interface ReplyRecord {
  readonly text: string
  readonly toolCalls: readonly ToolCall[]
  readonly usage: Usage
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
      return { ...touched, bar: openBar(), turns: [], turnCount: 0, openTurnId: null }
    case 'turn-started':
      return startTurn(touched, event, bounds)
    case 'turn-resumed':
      return resumeTurn(touched, event)
    case 'model-replied': {
      const { text, toolCalls, usage } = event
      return changeTurn(touched, event.turnId, (turn) => ({
        replies: [...turn.replies, { text, toolCalls, usage }],
      }))
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
    case 'request-answered': {
      const { request, status, body } = event
      return keepRequest(touched, { ...request, kind: 'answer', status, body }, bounds)
    }
    case 'payment-requested': {
      const { request, paymentId } = event
      return keepRequest(touched, { ...request, kind: 'payment', paymentId }, bounds)
    }
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
  }
}

type Started = SessionEvent & { readonly type: 'turn-started' }

function startTurn(state: SessionState, event: Started, bounds: FoldBounds): SessionState {
  if (state.openTurnId !== null) throw new Error(`The turn ${state.openTurnId} is still open.`)
  const { turnId, owner, userInput, at } = event
  const turn: TurnRecord = {
    turnId,
    owner,
    userInput,
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
  return { ...ended, openTurnId: null }
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
