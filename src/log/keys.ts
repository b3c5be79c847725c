import type { NewEvent, StoredKey } from './events.ts'
import type { SessionState } from './state.ts'

/** The guest's Gemini key that a turn uses, as the log has it. */
export interface OwnKey {
  /** The sealed text that the turn began with: says which key it is. */
  readonly sealed: string
  /** The same key, sealed with the current master key. */
  readonly fresh: string
}

/** What a turn has found out about its key. Nothing where the guest has brought another one meanwhile. */
export function keyFound(
  { keys }: SessionState,
  own: OwnKey | null,
  status: StoredKey['status'],
): readonly NewEvent[] {
  const known = keys?.gemini
  if (own === null || (known?.sealed !== own.sealed && known?.sealed !== own.fresh)) return []
  if (known.status === status && known.sealed === own.fresh) return []
  return [{ type: 'keys-changed', keys: { gemini: { sealed: own.fresh, status } } }]
}
