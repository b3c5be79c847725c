import { isPlainYes } from '../bar/confirmation.ts'
import { endPayment, openConfirmation, startPayment } from '../bar/paying.ts'
import type { NewEvent } from '../log/events.ts'
import { LeaseLostError } from '../log/session-log.ts'
import { findRequest } from '../log/requests.ts'
import type { SessionState, TurnRecord } from '../log/state.ts'
import { endOfRange, numbersPerAttempt } from './turn-events.ts'
import { charge } from './payments.ts'
import { commitTurn } from './turn-commit.ts'
import type { TurnContext } from './turn-context.ts'

/**
 * Makes this turn the open one: closes a dead turn before it, takes up an interrupted one, or starts a new one.
 * Returns the record of a turn that has its answer already: another process was asked the same and was faster.
 */
export async function beginTurn(context: TurnContext): Promise<TurnRecord | undefined> {
  const { owner, turnId, attempt } = context
  let answered: TurnRecord | undefined
  await commitTurn(context, (state) => {
    answered = undefined
    const open = openTurnOf(state)
    if (open?.turnId === turnId && open.owner === owner) return []
    const closing = open === undefined ? [] : [deadTurnEnd(open)]
    const known = knownTurn(state, context)
    if (known === undefined) return [...closing, ...startEvents(state, context)]
    if (known.outcome !== 'interrupted' && known !== open) {
      answered = known
      return closing
    }
    // Every run has numbers of its own for its events: this one was given those of one certain attempt.
    if (known.turnId === turnId && known.attempt + 1 === attempt) {
      return [...closing, { type: 'turn-resumed', turnId, owner }]
    }
    throw new LeaseLostError('The same was asked elsewhere and is not answered yet.')
  })
  return answered
}

/** How a turn is closed whose process is gone: what its readers have seen last is not known. */
export function deadTurnEnd({ turnId, attempt }: TurnRecord): NewEvent {
  const lastNumber = endOfRange(attempt * numbersPerAttempt)
  return { type: 'turn-ended', turnId, outcome: 'interrupted', code: 'INTERRUPTED', lastNumber }
}

export function openTurnOf(state: SessionState): TurnRecord | undefined {
  return state.turns.findLast((turn) => turn.turnId === state.openTurnId)
}

/** The turn as this run may extend it: whoever closed it or took it over meanwhile has won. */
export function ownTurn(
  state: SessionState,
  { turnId, owner }: Pick<TurnContext, 'turnId' | 'owner'>,
): TurnRecord {
  const turn = openTurnOf(state)
  if (turn === undefined || turn.turnId !== turnId || turn.owner !== owner) {
    throw new LeaseLostError('This turn was closed or taken over.')
  }
  return turn
}

function knownTurn(state: SessionState, { turnId, request }: TurnContext): TurnRecord | undefined {
  const record = findRequest(state, request)
  const known = record?.kind === 'turn' ? record.turnId : turnId
  const turn = state.turns.find((candidate) => candidate.turnId === known)
  if (turn === undefined && record !== undefined) {
    throw new LeaseLostError('The same was asked before and its turn is no longer kept.')
  }
  return turn
}

/** The guest's message, and what it means for a confirmation that waits: a plain yes grants it, all else withdraws it. */
function startEvents(state: SessionState, context: TurnContext): readonly NewEvent[] {
  const { turnId, owner, userInput, marks, request, clock, confirmationId: seenId } = context
  const started: NewEvent = {
    type: 'turn-started',
    turnId,
    owner,
    userInput,
    ...(marks.length > 0 && { marks }),
    ...(request && { request }),
  }
  const { confirmation } = state.bar
  if (confirmation === null) return [started]
  const isMeant = openConfirmation(state.bar, clock.date())?.confirmationId === seenId
  if (isMeant && isPlainYes(userInput)) {
    return [started, ...startPayment(state.bar, `${turnId}:payment`).changes]
  }
  const { confirmationId, totalCents } = confirmation
  return [
    started,
    {
      ...serverEffect(turnId, 'confirmation_withdrawn'),
      result: { total_cents: totalCents },
      changes: [{ type: 'confirmation-withdrawn', confirmationId }],
    },
  ]
}

/** Brings an open payment to its end: the one that the guest just granted, or one whose process died. */
export async function settlePayment(context: TurnContext): Promise<void> {
  const { log, turnId, payments } = context
  const { payment } = log.state.bar
  if (payment === null) return
  const { paymentId, tabCents, tipCents } = payment
  const totalCents = tabCents + tipCents
  const outcome = await charge(payments, { paymentId, amountCents: totalCents })
  await commitTurn(context, (state) => {
    const { effects } = ownTurn(state, context)
    const isDone = state.bar.payment?.paymentId !== paymentId
    if (isDone) return []
    const changes = outcome.status === 'unknown' ? [] : endPayment(state.bar, paymentId, outcome)
    const result = { ...outcome, total_cents: totalCents, tip_cents: tipCents }
    return [{ ...serverEffect(turnId, 'payment', effects.length), result, changes }]
  })
  context.events.emit({ type: 'state', bar: log.state.bar })
}

/** An effect that no model asked for. No call of a model has an id with a colon. */
function serverEffect(turnId: string, name: string, tried = 0) {
  const callId = `server:${name}-${tried}`
  return { type: 'effect', effectId: `${turnId}:${callId}`, turnId, callId, name, outcome: 'ok' } as const
}
