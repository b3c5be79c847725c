import type { SessionEvent } from './events.ts'
import { fold, type TurnRecord } from './state.ts'

const oneTurn = { turnsKeptMax: 1, requestsKeptMax: 1 }

/**
 * The records of all turns in these events, oldest first, also of those that the state no longer keeps. Each turn is
 * folded by itself, so that a long log costs its length and not the square of it. `created` is the log's first event.
 */
export function turnRecordsOf(
  created: SessionEvent | undefined,
  events: readonly SessionEvent[],
): readonly TurnRecord[] {
  if (created === undefined) return []
  const turns = new Map<string, SessionEvent[]>()
  for (const event of events) {
    if (!('turnId' in event)) continue
    // What was said and done is wanted here, not what it changed at the bar of that time.
    const told = event.type === 'effect' ? { ...event, changes: [] } : event
    const turn = turns.get(event.turnId)
    if (turn === undefined) turns.set(event.turnId, [created, told])
    else turn.push(told)
  }
  return [...turns.values()].flatMap((turn) => fold(undefined, turn, oneTurn)?.turns ?? [])
}
