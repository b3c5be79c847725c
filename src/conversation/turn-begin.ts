import { isPlainYes } from '../bar/confirmation.ts'
import { endPayment, openConfirmation, startPayment } from '../bar/paying.ts'
import type { NewEvent } from '../log/events.ts'
import { LeaseLostError } from '../log/session-log.ts'
import type { SessionState, TurnRecord } from '../log/state.ts'
import { numbersPerAttempt } from './turn-events.ts'
import { charge } from './payments.ts'
import type { TurnContext } from './turn-context.ts'

/**
 * Makes this turn the open one: closes a dead turn before it, takes up an interrupted one, or starts a new one.
 * Returns the record of a turn that has its answer already: another process was asked the same and was faster.
 */
export async function beginTurn(context: TurnContext): Promise<TurnRecord | undefined> {
  const { log, owner, turnId } = context
  let answered: TurnRecord | undefined
  await log.commit((state) => {
    answered = undefined
    const open = openTurnOf(state)
    if (open?.turnId === turnId && open.owner === owner) return []
    const closing = open === undefined ? [] : [deadTurnEnd(open)]
    const known = knownTurn(state, context)
    if (known === undefined) return [...closing, ...startEvents(state, context)]
    const isInterrupted = known.outcome === 'interrupted' || known === open
    if (isInterrupted && known.turnId === turnId) return [...closing, { type: 'turn-resumed', turnId, owner }]
    if (isInterrupted) throw new LeaseLostError('The same was asked elsewhere and is not answered yet.')
    answered = known
    return closing
  }, owner)
  return answered
}

/** How a turn is closed whose process is gone: what its readers have seen last is not known. */
export function deadTurnEnd({ turnId, attempt }: TurnRecord): NewEvent {
  const lastNumber = (attempt + 1) * numbersPerAttempt - 1
  return { type: 'turn-ended', turnId, outcome: 'interrupted', code: 'INTERRUPTED', lastNumber }
}

export function openTurnOf(state: SessionState): TurnRecord | undefined {
  return state.turns.findLast((turn) => turn.turnId === state.openTurnId)
}

function knownTurn(state: SessionState, { turnId, request }: TurnContext): TurnRecord | undefined {
  const record = state.requests.find(({ key, kind }) => kind === 'turn' && key === request?.key)
  const known = record?.kind === 'turn' ? record.turnId : turnId
  return state.turns.find((turn) => turn.turnId === known)
}

/** The guest's message, and what it means for a confirmation that waits: a plain yes grants it, all else withdraws it. */
function startEvents(state: SessionState, context: TurnContext): readonly NewEvent[] {
  const { turnId, owner, userInput, request, clock } = context
  const started: NewEvent = { type: 'turn-started', turnId, owner, userInput, ...(request && { request }) }
  const { confirmation } = state.bar
  if (confirmation === null) return [started]
  if (openConfirmation(state.bar, clock.date()) !== null && isPlainYes(userInput)) {
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
  const { log, owner, turnId, payments } = context
  const { payment } = log.state.bar
  if (payment === null) return
  const { paymentId, tabCents, tipCents } = payment
  const totalCents = tabCents + tipCents
  const outcome = await charge(payments, { paymentId, amountCents: totalCents })
  await log.commit((state) => {
    const isDone = state.bar.payment?.paymentId !== paymentId
    if (isDone) return []
    const changes = outcome.status === 'unknown' ? [] : endPayment(state.bar, paymentId, outcome)
    const result = { ...outcome, total_cents: totalCents, tip_cents: tipCents }
    const tried = openTurnOf(state)?.effects.length ?? 0
    return [{ ...serverEffect(turnId, 'payment', `payment-${tried}`), result, changes }]
  }, owner)
  context.events.emit({ type: 'state', bar: log.state.bar })
}

function serverEffect(turnId: string, name: string, callId = name) {
  return { type: 'effect', effectId: `${turnId}:${callId}`, turnId, callId, name, outcome: 'ok' } as const
}
