import { wholeContentOf } from '../conversation/messages.ts'
import type { NewEvent } from '../log/events.ts'
import type { SessionState } from '../log/state.ts'
import { turnNotFound } from './told-turns.ts'

/** What a guest stops. */
export interface Stopping {
  /** Only this turn; any where it is missing. */
  readonly turnId?: string | undefined
  /** How much of what was said in that turn the guest has heard, in units of UTF-16. */
  readonly heardCharacters?: number | undefined
}

/**
 * That the guest has not heard all of a turn. Nothing where all was heard, where less was known to be heard already,
 * or where the turn is no answer yet. Throws `TURN_NOT_FOUND`; `local` are the turns that may be in no log yet.
 */
export function heardEvents(
  state: SessionState,
  { turnId, heardCharacters }: Stopping,
  local: readonly string[],
): readonly NewEvent[] {
  if (turnId === undefined || heardCharacters === undefined) return []
  const turn = state.turns.findLast((candidate) => candidate.turnId === turnId)
  if (turn === undefined && !local.includes(turnId)) throw turnNotFound()
  if (turn?.outcome !== 'complete' && turn?.outcome !== 'stopped') return []
  const known = turn.heardCharacters ?? wholeContentOf(turn).length
  return heardCharacters < known ? [{ type: 'turn-heard', turnId, characters: heardCharacters }] : []
}
