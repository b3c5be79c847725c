import type { Clock } from '../clock.ts'
import { ServiceError } from '../errors.ts'
import type { NewEvent, SessionEvent } from './events.ts'
import { fold, readSnapshot, type FoldBounds, type SessionState } from './state.ts'
import { ignoreStoreError, StoreError, type Store } from './store.ts'

/** How often a decision is taken anew before we say that the store is not to be had. */
const conflictsMax = 100

export interface SessionLogOptions {
  readonly id: string
  readonly store: Store
  readonly clock: Clock
  readonly bounds: FoldBounds & { readonly eventsPerSnapshot: number }
  /** How long after its last use the session may be swept. */
  readonly expiryMs: number
}

/** The session has ended or expired; what it held is gone from the store. */
export function sessionNotFound(): ServiceError {
  return new ServiceError('SESSION_NOT_FOUND', 'There is no such session. It may have expired.')
}

/** The process that ran the turn no longer may: its lease ran out or another took it. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError'
}

/**
 * This process's live copy of one session's log: a cache of the store, extended only through it.
 * Invariant: `state` is the fold of exactly the first `version` events.
 */
export class SessionLog {
  readonly id: string
  readonly #options: SessionLogOptions
  #state: SessionState
  #version: number
  #snapshotVersion: number
  #expiresAt: number
  /** Whether the store may hold more than we know: another was faster, or the answer to an append was lost. */
  #isBehind = false
  /** Appends of this process wait for one another, so that they need not conflict. */
  #tail: Promise<unknown> = Promise.resolve()

  private constructor(options: SessionLogOptions, loaded: Loaded) {
    this.id = options.id
    this.#options = options
    this.#state = loaded.state
    this.#version = loaded.version
    this.#snapshotVersion = loaded.snapshotVersion
    this.#expiresAt = loaded.expiresAt
  }

  /** Begins the log of a new session. */
  static async create(
    options: SessionLogOptions,
    session: { readonly agent: string; readonly workspace: string },
  ): Promise<SessionLog> {
    const { id, store, clock, bounds, expiryMs } = options
    const at = clock.date()
    const expiresAt = at + expiryMs
    const events: SessionEvent[] = [{ type: 'session-created', at, ...session }]
    const result = await store.append({ id, expectedVersion: 0, events, expiresAt })
    if (!result.ok) throw new StoreError('A session with this id exists already.')
    const state = fold(undefined, events, bounds)
    if (state === undefined) throw new Error('A created session has no state.')
    return new SessionLog(options, { state, version: result.version, snapshotVersion: 0, expiresAt })
  }

  /** The live copy of a session that is in the store, or undefined where there is none. */
  static async open(options: SessionLogOptions): Promise<SessionLog | undefined> {
    const loaded = await load(options)
    return loaded && new SessionLog(options, loaded)
  }

  get state(): SessionState {
    return this.#state
  }

  get version(): number {
    return this.#version
  }

  /** Milliseconds since 1970. */
  get expiresAt(): number {
    return this.#expiresAt
  }

  /**
   * Decides on the newest state and appends what was decided; decides again when another was faster.
   * `decide` must be pure. An empty decision appends nothing. With `owner` the lease must be held.
   * Throws what `decide` throws, `StoreError`, `LeaseLostError`, and `SESSION_NOT_FOUND` for a session that is gone.
   */
  commit(decide: (state: SessionState) => readonly NewEvent[], owner?: string): Promise<void> {
    const committed = this.#tail.then(() => this.#commit(decide, owner))
    this.#tail = committed.catch(() => {})
    return committed
  }

  /** Reads what the store may hold beyond this copy. False when the session is gone. */
  async refresh(): Promise<boolean> {
    const { store } = this.#options
    // Before it is this one's turn: a store that does not answer lets all who ask wait at once, not one after the other.
    const version = store.shared ? await store.version(this.id) : undefined
    const refreshed = this.#tail.then(() => {
      if (this.#isBehind) return this.#refresh()
      return version === undefined || version === this.#version ? true : this.#reload()
    })
    this.#tail = refreshed.catch(() => {})
    return refreshed
  }

  /** Counts as a use that appends nothing, such as an open stream. */
  async touch(): Promise<void> {
    const { store, clock, expiryMs } = this.#options
    const expiresAt = clock.date() + expiryMs
    await store.touch(this.id, expiresAt)
    this.#expiresAt = Math.max(this.#expiresAt, expiresAt)
  }

  /** The whole log from the store. */
  events(): Promise<readonly SessionEvent[]> {
    return this.#options.store.events(this.id)
  }

  async #commit(decide: (state: SessionState) => readonly NewEvent[], owner?: string): Promise<void> {
    for (let attempt = 0; attempt < conflictsMax; attempt++) {
      if (this.#isBehind && !(await this.#refresh())) throw sessionNotFound()
      const decided = decide(this.#state)
      if (decided.length === 0) return
      const result = await this.#append(decided, owner)
      if (result === 'appended') return
      if (result === 'lease-lost') throw new LeaseLostError('The lease of this turn has run out.')
    }
    throw new StoreError(`The log was changed by others ${conflictsMax} times in a row.`)
  }

  async #append(
    decided: readonly NewEvent[],
    owner: string | undefined,
  ): Promise<'appended' | 'conflict' | 'lease-lost'> {
    const { store, clock, bounds, expiryMs } = this.#options
    const at = clock.date()
    const events = decided.map((event) => ({ ...event, at }))
    const state = fold(this.#state, events, bounds) ?? this.#state
    const expiresAt = at + expiryMs
    this.#isBehind = true
    const result = await store.append({
      id: this.id,
      expectedVersion: this.#version,
      events,
      expiresAt,
      ...(owner !== undefined && { owner }),
    })
    if (!result.ok) return result.reason
    this.#isBehind = false
    this.#state = state
    this.#version = result.version
    this.#expiresAt = expiresAt
    await this.#snapshotIfDue()
    return 'appended'
  }

  async #snapshotIfDue(): Promise<void> {
    if (this.#version - this.#snapshotVersion < this.#options.bounds.eventsPerSnapshot) return
    this.#snapshotVersion = this.#version
    const snapshot = { version: this.#version, state: this.#state }
    // Only a help for loading: the append above stands whatever becomes of the snapshot.
    await this.#options.store.saveSnapshot(this.id, snapshot).catch(ignoreStoreError)
  }

  async #refresh(): Promise<boolean> {
    const version = await this.#options.store.version(this.id)
    if (version !== this.#version) return this.#reload()
    this.#isBehind = false
    return true
  }

  async #reload(): Promise<boolean> {
    const loaded = await load(this.#options)
    if (loaded === undefined) return false
    this.#state = loaded.state
    this.#version = loaded.version
    this.#snapshotVersion = loaded.snapshotVersion
    this.#expiresAt = loaded.expiresAt
    this.#isBehind = false
    return true
  }
}

interface Loaded {
  readonly state: SessionState
  readonly version: number
  readonly snapshotVersion: number
  readonly expiresAt: number
}

async function load({ id, store, bounds }: SessionLogOptions): Promise<Loaded | undefined> {
  const stored = await store.load(id)
  if (stored === undefined) return undefined
  const before = stored.snapshot && readSnapshot(stored.snapshot.state)
  const state = fold(before, stored.events, bounds)
  if (state === undefined) return undefined
  const { version, snapshot, expiresAt } = stored
  return { state, version, snapshotVersion: snapshot?.version ?? 0, expiresAt }
}
