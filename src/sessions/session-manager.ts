import { LRUCache } from 'lru-cache'
import { every } from '../clock.ts'
import { ServiceError } from '../errors.ts'
import { SessionLog, sessionNotFound, type SessionLogOptions } from '../log/session-log.ts'
import { StoreError } from '../log/store.ts'
import { Session, type SessionParts } from './session.ts'

/** What the manager reports. Metrics implement it; tests record it. */
export interface SessionObserver {
  sessionCreated(): void
  sessionRejected(reason: RejectReason): void
  sessionHibernated(): void
  sessionWoken(): void
  sessionExpired(): void
}

export type RejectReason = 'SESSION_LIMIT' | 'MEMORY_PRESSURE' | 'OVERLOADED' | 'DRAINING'

/** What admission asks of the container's memory. */
export interface MemoryRoom {
  /** Bytes below the threshold that nothing uses now; Infinity without a limit, 0 under pressure. */
  readonly roomBytes: number
  /** Bytes that may be used in all before no session is admitted; null without a limit. */
  readonly admissionBytes: number | null
  readonly pressure: boolean
}

export interface SessionManagerOptions {
  readonly parts: SessionParts
  readonly memory: MemoryRoom
  /** While it is overloaded nobody new is admitted. */
  readonly loop: { readonly overloaded: boolean }
  readonly sessionsMax: number
  /** Bytes reserved for each live session. */
  readonly sessionBytes: number
  readonly expiryMs: number
  readonly idleMs: number
  readonly cleanupIntervalMs: number
  readonly createSessionId: () => string
  /** Called when a session has left memory, so that nothing is kept of it elsewhere either. */
  readonly onGone: (id: string) => void
  readonly observer: SessionObserver
}

/** Idle sessions leave memory when the container is past this part of one of its limits. */
const crowdedAt = 0.9

/**
 * Finds, wakes, admits and lets go of sessions.
 * Invariant: reservations = live sessions + sessions that are being made live, and never more than were admitted.
 */
export class SessionManager {
  readonly #options: SessionManagerOptions
  readonly #live: LRUCache<string, Session>
  /** Sessions that are being loaded or made, so that two requests at once make one live session. */
  readonly #arriving = new Map<string, Promise<Session | undefined>>()
  /** Sessions that are being removed for good: until they are, nothing may wake them. */
  readonly #ending = new Map<string, Promise<unknown>>()
  #isDraining = false
  #stopCleanup: (() => void) | undefined

  constructor(options: SessionManagerOptions) {
    this.#options = options
    // Admission keeps the number below `max`: the cache is here for its order and must never evict by itself.
    this.#live = new LRUCache({ max: options.sessionsMax + 1 })
  }

  get liveCount(): number {
    return this.#live.size
  }

  get sessionsMax(): number {
    return this.#options.sessionsMax
  }

  get isDraining(): boolean {
    return this.#isDraining
  }

  /** About how many bytes the live sessions hold. */
  get liveBytes(): number {
    return [...this.#live.values()].reduce((sum, session) => sum + session.bytes, 0)
  }

  get turnsRunning(): number {
    return [...this.#live.values()].filter(({ runningTurnId }) => runningTurnId !== null).length
  }

  /** Whether the event loop has no time for anybody new. */
  get isOverloaded(): boolean {
    return this.#options.loop.overloaded
  }

  /** How many sessions could be admitted now, those counted in whose place idle ones would leave. */
  get admissible(): number {
    const { sessionsMax, sessionBytes, memory } = this.#options
    if (this.#isDraining || this.isOverloaded || memory.pressure) return 0
    const leaving = this.#hibernatable()
    const places = sessionsMax - this.#reserved + leaving.length
    const outstanding =
      this.#outstandingBytes() - leaving.reduce((sum, one) => sum + this.#unusedBytes(one), 0)
    return Math.max(0, Math.min(places, Math.floor((memory.roomBytes - outstanding) / sessionBytes)))
  }

  /** Starts the regular sweeps. */
  start(): void {
    const { clock, reportDefect } = this.#options.parts
    this.#stopCleanup ??= every(clock, this.#options.cleanupIntervalMs, () =>
      this.sweep().catch((error: unknown) => {
        // A store that is away for a moment is met again at the next sweep.
        if (!(error instanceof StoreError)) reportDefect(error)
      }),
    )
  }

  /** Admits and makes a new session. Throws `SESSION_LIMIT`, `MEMORY_PRESSURE`, `OVERLOADED` or `DRAINING`. */
  async create(session: { readonly agent: string; readonly workspace: string }): Promise<Session> {
    // Who has a session is let in: to be sent away would make them ask again, and again.
    const refusal = this.isOverloaded && !this.#isDraining ? 'OVERLOADED' : this.#refusal()
    if (refusal !== undefined) throw this.#rejection(refusal)
    const id = this.#options.createSessionId()
    const created = await this.#arrive(id, () => SessionLog.create(this.#logOptions(id), session))
    if (created === undefined) throw new Error('A new session has no log.')
    this.#options.observer.sessionCreated()
    return created
  }

  /**
   * Lends the session to `use` and keeps it live meanwhile; a hibernated one is woken, if it is admitted.
   * Throws `SESSION_NOT_FOUND` for a session that does not exist in this workspace; null is any workspace.
   */
  async use<Result>(
    id: string,
    workspace: string | null,
    use: (session: Session) => Result | Promise<Result>,
  ): Promise<Result> {
    const borrowed = await this.#borrow(id)
    if (borrowed === undefined) throw sessionNotFound()
    const { session, release } = borrowed
    try {
      if (workspace !== null && session.log.state.workspace !== workspace) throw sessionNotFound()
      if (!(await session.refresh())) {
        await this.#letGo(session)
        throw sessionNotFound()
      }
      return await use(session)
    } finally {
      release()
    }
  }

  /** Ends the session for good. */
  async end(session: Session): Promise<void> {
    const { id } = session
    const ending = this.#letGo(session).then(() => this.#options.parts.store.remove(id))
    this.#ending.set(id, ending)
    try {
      await ending
    } finally {
      this.#ending.delete(id)
    }
  }

  /** Removes expired sessions in small steps, and hibernates idle ones when the container is crowded. */
  async sweep(): Promise<void> {
    this.#hibernateUntil((outstandingBytes) => !this.#isCrowded(outstandingBytes))
    const { store, clock, limits } = this.#options.parts
    // Also those that another process has removed from the store, which will not name them as expired.
    const expired = [...this.#live.values()].filter((session) => this.#isExpired(session))
    for (let from = 0; from < expired.length; from += limits.sweepStepMax) {
      const step = expired.slice(from, from + limits.sweepStepMax)
      await Promise.all(step.map((session) => this.#letGo(session)))
      await letOthersRun()
    }
    if (store.shared) await this.#letGoOfForeign()
    for (;;) {
      const now = clock.date()
      const due = await store.expired(now, limits.sweepStepMax)
      const removed = await Promise.all(due.map((id) => this.#expire(id, now)))
      // Those that are in use elsewhere would only be found again.
      if (due.length < limits.sweepStepMax || !removed.includes(true)) return
      await letOthersRun()
    }
  }

  /** Lets go of the copies of sessions that were used in another container since: they live there now. */
  async #letGoOfForeign(): Promise<void> {
    const { store, limits } = this.#options.parts
    const unused = [...this.#live.values()].filter((session) => !session.isInUse)
    for (let from = 0; from < unused.length; from += limits.sweepStepMax) {
      await Promise.all(
        unused.slice(from, from + limits.sweepStepMax).map(async (session) => {
          const version = await store.version(session.id)
          if (version === session.log.version || session.isInUse || session.isDisposed) return
          void this.#letGo(session)
          this.#options.observer.sessionHibernated()
        }),
      )
    }
  }

  /** Admits nothing more, lets running turns end until `deadline` is aborted, then lets go of every session. */
  async drain(deadline: AbortSignal): Promise<void> {
    this.#isDraining = true
    this.#stopCleanup?.()
    await Promise.allSettled(this.#arriving.values())
    const sessions = [...this.#live.values()]
    await Promise.all(sessions.map((session) => session.drain(deadline)))
    await Promise.all(sessions.map((session) => this.#letGo(session)))
  }

  /** Holds the live session from the very moment at which it is seen to be live, so that nothing can come between. */
  async #borrow(id: string): Promise<{ session: Session; release: () => void } | undefined> {
    for (;;) {
      const session = this.#live.get(id)
      if (session === undefined) {
        if ((await this.#wake(id)) === undefined) return undefined
      } else if (!this.#isExpired(session)) {
        return { session, release: session.hold() }
      } else if (await this.#expire(id, this.#options.parts.clock.date())) {
        return undefined
      } // Else it was used in another process since this copy was made.
    }
  }

  async #wake(id: string): Promise<Session | undefined> {
    await this.#ending.get(id)?.catch(() => {}) // Whoever ends it is told why that failed.
    const arriving = this.#arriving.get(id)
    if (arriving !== undefined) return arriving
    const refusal = this.#refusal()
    if (refusal === undefined) {
      const woken = await this.#arrive(id, () => this.#openUnexpired(id))
      if (woken !== undefined) this.#options.observer.sessionWoken()
      return woken
    }
    // Whoever has a session is told to come back; whoever has none any more is told that.
    if ((await this.#options.parts.store.version(id)) === 0) return undefined
    throw this.#rejection(refusal)
  }

  /** A session that has expired is not woken any more; the sweep removes it. */
  async #openUnexpired(id: string): Promise<SessionLog | undefined> {
    const log = await SessionLog.open(this.#logOptions(id))
    return log !== undefined && log.expiresAt > this.#options.parts.clock.date() ? log : undefined
  }

  /** Takes a place at once, before anything is awaited; it is free again when nobody came. */
  #arrive(id: string, open: () => Promise<SessionLog | undefined>): Promise<Session | undefined> {
    const arriving = this.#enter(id, open)
    this.#arriving.set(id, arriving)
    return arriving
  }

  /** One step from arriving to live: nobody is ever counted twice or not at all. */
  async #enter(id: string, open: () => Promise<SessionLog | undefined>): Promise<Session | undefined> {
    try {
      const log = await open()
      if (log === undefined) return undefined
      const session = new Session(log, this.#options.parts)
      this.#live.set(id, session)
      return session
    } finally {
      this.#arriving.delete(id)
    }
  }

  /** Why nobody can be admitted now, after idle sessions have made room where they could. */
  #refusal(): RejectReason | undefined {
    if (this.#isDraining) return 'DRAINING'
    const isAdmitted = this.#hibernateUntil((outstanding) => this.#hasPlace() && this.#hasRoom(outstanding))
    if (isAdmitted) return undefined
    return this.#hasPlace() ? 'MEMORY_PRESSURE' : 'SESSION_LIMIT'
  }

  #rejection(reason: RejectReason): ServiceError {
    this.#options.observer.sessionRejected(reason)
    const { retryAfterSeconds } = this.#options.parts.limits
    return new ServiceError(reason, rejections[reason], { retryAfterSeconds })
  }

  get #reserved(): number {
    return this.#live.size + this.#arriving.size
  }

  #hasPlace(): boolean {
    return this.#reserved < this.#options.sessionsMax
  }

  #hasRoom(outstandingBytes: number): boolean {
    const { memory, sessionBytes } = this.#options
    return !memory.pressure && outstandingBytes + sessionBytes <= memory.roomBytes
  }

  #isCrowded(outstandingBytes: number): boolean {
    const { memory, sessionsMax } = this.#options
    if (this.#reserved > sessionsMax * crowdedAt) return true
    const { admissionBytes, roomBytes } = memory
    return admissionBytes !== null && roomBytes - outstandingBytes < admissionBytes * (1 - crowdedAt)
  }

  /** What live sessions have reserved and do not use yet. */
  #outstandingBytes(): number {
    const live = [...this.#live.values()].reduce((sum, session) => sum + this.#unusedBytes(session), 0)
    return live + this.#arriving.size * this.#options.sessionBytes
  }

  #unusedBytes(session: Session): number {
    return Math.max(0, this.#options.sessionBytes - session.bytes)
  }

  /** The sessions that may leave memory, the longest unused first. */
  #hibernatable(): readonly Session[] {
    const { idleMs } = this.#options
    return [...this.#live.values()]
      .filter((session) => !session.isInUse && (session.idleMs > idleMs || this.#isExpired(session)))
      .toSorted((one, other) => other.idleMs - one.idleMs)
  }

  /** Adds up once what is reserved, and then takes off what each session that leaves gives back. */
  #hibernateUntil(isEnough: (outstandingBytes: number) => boolean): boolean {
    // Where there is room even if nobody used anything of what they reserved, nothing has to be added up.
    if (isEnough(this.#reserved * this.#options.sessionBytes)) return true
    let outstandingBytes = this.#outstandingBytes()
    if (isEnough(outstandingBytes)) return true
    for (const session of this.#hibernatable()) {
      outstandingBytes -= this.#unusedBytes(session)
      // All that it knows is in its log: letting go of the live copy is enough.
      void this.#letGo(session)
      this.#options.observer.sessionHibernated()
      if (isEnough(outstandingBytes)) return true
    }
    return false
  }

  #isExpired(session: Session): boolean {
    return !session.isInUse && session.log.expiresAt <= this.#options.parts.clock.date()
  }

  /** Removes the session, if it still expires at `now` or earlier and is not in use anywhere, which is a use. */
  async #expire(id: string, now: number): Promise<boolean> {
    const { store, limits, createId } = this.#options.parts
    const session = this.#live.peek(id)
    if (session?.isInUse === true) {
      await session.log.touch()
      return false
    }
    if (session !== undefined) await this.#letGo(session)
    const owner = createId()
    // A turn of another process is running, or another sweeps: whatever is done now would be in its way.
    if (store.shared && !(await store.acquireLease(id, owner, limits.leaseMs))) return false
    const isRemoved = await store.remove(id, now)
    if (isRemoved) this.#options.observer.sessionExpired()
    else if (store.shared) await store.releaseLease(id, owner)
    return isRemoved
  }

  /** Out of the list first, so that nothing finds a session that is going. */
  async #letGo(session: Session): Promise<void> {
    if (this.#live.peek(session.id) === session) this.#live.delete(session.id)
    await session.dispose()
    this.#options.onGone(session.id)
  }

  #logOptions(id: string): SessionLogOptions {
    const { store, clock, limits } = this.#options.parts
    return { id, store, clock, bounds: limits, expiryMs: this.#options.expiryMs }
  }
}

const rejections = {
  SESSION_LIMIT: 'The bar is full. Please try again in a moment.',
  MEMORY_PRESSURE: 'The bar has no room at this moment. Please try again shortly.',
  OVERLOADED: 'The bar is very busy at this moment. Please try again shortly.',
  DRAINING: 'This server is closing. Please try again in a moment.',
} as const

function letOthersRun(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
