import { isDeepStrictEqual } from 'node:util'
import type { SessionEvent } from '../log/events.ts'
import { fold, type FoldBounds, type SessionState } from '../log/state.ts'
import type { Store } from '../log/store.ts'
import type { ArchivedSession } from './archive.ts'

/**
 * `present`: the store's log is as long or longer; `different`: it is shorter and says something else; `changed`: it
 * was extended at this very moment; `unreadable`: the log does not fit together, at least for this version of Maya.
 */
export type Restored = 'imported' | 'present' | 'expired' | 'different' | 'changed' | 'unreadable'

export interface RestoreOptions {
  readonly store: Store
  readonly bounds: FoldBounds & { readonly eventsPerSnapshot: number }
  /** Milliseconds since 1970. */
  readonly now: number
}

/** How many sessions of a backup came to what. */
export async function restoreAll(
  sessions: AsyncIterable<ArchivedSession>,
  options: RestoreOptions,
): Promise<ReadonlyMap<Restored, number>> {
  const counts = new Map<Restored, number>()
  for await (const session of sessions) {
    const restored = await restoreSession(session, options)
    counts.set(restored, (counts.get(restored) ?? 0) + 1)
  }
  return counts
}

/** Brings a session back, whole or with what its log in the store lacks. Nothing that the store holds is changed. */
export async function restoreSession(session: ArchivedSession, options: RestoreOptions): Promise<Restored> {
  const { id, events, expiresAt } = session
  const { store, bounds, now } = options
  if (expiresAt <= now) return 'expired'
  const state = stateAfter(events, bounds)
  if (state === undefined) return 'unreadable'
  const stored = await store.load(id)
  const version = stored?.version ?? 0
  if (version >= events.length) return 'present'
  const begun = version === 0 ? [] : await store.events(id)
  if (!isDeepStrictEqual(begun, events.slice(0, version))) return 'different'
  const result = await store.append({
    id,
    expectedVersion: version,
    events: events.slice(version),
    expiresAt: Math.max(expiresAt, stored?.expiresAt ?? 0),
  })
  if (!result.ok) return 'changed'
  if (result.version >= bounds.eventsPerSnapshot) {
    await store.saveSnapshot(id, { version: result.version, state }) // Else its next guest waits for all of a long log.
  }
  return 'imported'
}

/** Undefined where the log does not fit together, or holds an event that is not known, after which there is no bar. */
function stateAfter(events: readonly SessionEvent[], bounds: FoldBounds): SessionState | undefined {
  try {
    const state = fold(undefined, events, bounds)
    return state?.bar && state
  } catch {
    return undefined // What was wrong would quote the log.
  }
}
