import type { SessionEvent } from '../log/events.ts'
import { fold, type SessionState } from '../log/state.ts'

/** The session as it was when that turn had ended: what the first answer to its message was made of. */
export function stateAfter(
  turnId: string,
  events: readonly SessionEvent[],
  turnsKeptMax: number,
): SessionState {
  const end = events.findLastIndex((event) => event.type === 'turn-ended' && event.turnId === turnId)
  const state = fold(undefined, events.slice(0, end + 1), { turnsKeptMax, requestsKeptMax: 1 })
  if (state === undefined) throw new Error('A turn that has ended is not in its log.')
  return state
}
