import type { SessionEvent } from './events.ts'
import type { SessionState } from './state.ts'

/**
 * Keeps every session's log. `append` is the one operation that everything rests on.
 * Every implementation passes tests/store/store.contract.ts.
 * A method that cannot reach its storage rejects with a `StoreError`. Over a network it may have been done all the same:
 * who goes on reads first.
 */
export interface Store {
  /** What start-up prints and metrics may show: `memory`, `sqlite:data/maya.db`. Never a credential. */
  readonly description: string
  /** True when other processes may write the same logs, so that a live copy has to be compared before use. */
  readonly shared: boolean

  /**
   * Extends the log of `id` by exactly these events if it holds `expectedVersion` events now; a new log starts at 0.
   * With `owner`, the lease of the session must be held by that owner at this moment, by the store's own clock;
   * this is looked at first. Without, anybody may append. No events change nothing, not even the expiry.
   */
  append(append: Append): Promise<AppendResult>
  /** The log after the newest snapshot, or undefined where there is no such session. */
  load(id: string): Promise<StoredLog | undefined>
  /** All events from the first one on, in order; empty where there is no such session. */
  events(id: string): Promise<readonly SessionEvent[]>
  /** The number of events in the log, 0 where there is none. */
  version(id: string): Promise<number>
  /**
   * Keeps the fold of the first `version` events. A bounded help for loading: the log stays the truth.
   * Ignored where there is no such session, the log is shorter, or a snapshot as new is already kept.
   */
  saveSnapshot(id: string, snapshot: Snapshot): Promise<void>
  /** Moves the moment at which the session may be swept, if there is one; milliseconds since 1970. */
  touch(id: string, expiresAt: number): Promise<void>
  /** Up to `max` sessions that expire at `now` or earlier, the oldest first. */
  expired(now: number, max: number): Promise<readonly string[]>
  /**
   * Up to `max` of all sessions, expired or not, in the order of their ids, which are ASCII: the first ones, or those
   * after this one, which need not exist any more. A session that is there all the time is found by going on after the
   * last one found until nothing is.
   */
  ids(after: string | undefined, max: number): Promise<readonly string[]>
  /**
   * Forgets the session with everything in it, its lease too. With `expiredBefore`, only if it still expires then or
   * earlier, so that one that was used since stays. False when it was not there or stays.
   */
  remove(id: string, expiredBefore?: number): Promise<boolean>

  /** Takes the session's lease, or answers false while another owner holds it. Taking one's own again renews it. */
  acquireLease(id: string, owner: string, durationMs: number): Promise<boolean>
  /** Prolongs a lease that is still held; false when it has run out or belongs to another. */
  renewLease(id: string, owner: string, durationMs: number): Promise<boolean>
  /** Gives the lease back; no effect when it is not held by this owner. */
  releaseLease(id: string, owner: string): Promise<void>

  /**
   * Adds to a named counter, which need not exist, and answers the new sum; 0 only looks. The counter is forgotten at
   * the `expiresAt` that was given last, in milliseconds since 1970 by the store's own clock, and begins at 0 again.
   * No sum is lost between many who count at once.
   */
  count(name: string, amount: number, expiresAt: number): Promise<number>

  /** Finishes what was asked for before; everything after is a `StoreError`. May be called again. */
  close(): Promise<void>
}

export interface Append {
  readonly id: string
  readonly expectedVersion: number
  readonly events: readonly SessionEvent[]
  /** When the session may be swept, should nothing happen any more; milliseconds since 1970. */
  readonly expiresAt: number
  readonly owner?: string
}

export type AppendResult =
  | { readonly ok: true; readonly version: number }
  | { readonly ok: false; readonly reason: 'conflict' | 'lease-lost' }

export interface Snapshot {
  readonly version: number
  readonly state: SessionState
}

export interface StoredLog {
  readonly version: number
  readonly snapshot: Snapshot | undefined
  /** The events after the snapshot, or all of them. */
  readonly events: readonly SessionEvent[]
  readonly expiresAt: number
}

/** The storage could not be reached, did not answer, or refused to write. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
}

/** For what is no loss when the store is away. */
export function ignoreStoreError(error: unknown): void {
  if (!(error instanceof StoreError)) throw error
}
