import { LRUCache } from 'lru-cache'
import { every } from '../clock.ts'
import { ServiceError } from '../errors.ts'
import { SessionLog, type SessionLogOptions } from '../log/session-log.ts'
import { Session, type SessionParts } from './session.ts'

/** What the manager reports. Metrics implement it; tests record it. */
export interface SessionObserver {
  sessionCreated(): void
  sessionRejected(reason: RejectReason): void
  sessionHibernated(): void
  sessionWoken(): void
  sessionExpired(): void
}

export type RejectReason = 'SESSION_LIMIT' | 'MEMORY_PRESSURE' | 'DRAINING'

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
  readonly sessionsMax: number
  /** Bytes reserved for each live session. */
  readonly sessionBytes: number
  readonly expiryMs: number
  readonly idleMs: number
  readonly cleanupIntervalMs: number
  readonly createSessionId: () => string
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

  /** How many sessions could be admitted now, those counted in whose place idle ones would leave. */
  get admissible(): number {
    const { sessionsMax, sessionBytes, memory } = this.#options
    if (this.#isDraining || memory.pressure) return 0
    const leaving = this.#hibernatable()
    const places = sessionsMax - this.#reserved + leaving.length
    const outstanding =
      this.#outstandingBytes() - leaving.reduce((sum, one) => sum + this.#unusedBytes(one), 0)
    return Math.max(0, Math.min(places, Math.floor((memory.roomBytes - outstanding) / sessionBytes)))
  }

  /** Starts the regular sweeps. */
  start(): void {
    const { clock } = this.#options.parts
    this.#stopCleanup ??= every(clock, this.#options.cleanupIntervalMs, () => this.sweep())
  }

  /** Admits and makes a new session. Throws `SESSION_LIMIT`, `MEMORY_PRESSURE` or `DRAINING`. */
  async create(session: { readonly agent: string; readonly workspace: string }): Promise<Session> {
    const refusal = this.#refusal()
    if (refusal !== undefined) throw this.#rejection(refusal)
    const id = this.#options.createSessionId()
    const created = await this.#arrive(id, () => SessionLog.create(this.#logOptions(id), session))
    if (created === undefined) throw new Error('A new session has no log.')
    this.#options.observer.sessionCreated()
    return created
  }

  /**
   * Lends the session to `use` and keeps it live meanwhile; a hibernated one is woken, if it is admitted.
   * Throws `SESSION_NOT_FOUND` for a session that does not exist in this workspace.
   */
  async use<Result>(
    id: string,
    workspace: string,
    use: (session: Session) => Result | Promise<Result>,
  ): Promise<Result> {
    const session = this.#live.get(id) ?? (await this.#wake(id))
    if (session === undefined || session.log.state.workspace !== workspace) throw sessionNotFound()
    if (this.#isExpired(session)) {
      await this.#expire(id, this.#options.parts.clock.date())
      throw sessionNotFound()
    }
    // Nothing was awaited since it was seen to be live, so it is still.
    const release = session.hold()
    try {
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
    await this.#letGo(session)
    await this.#options.parts.store.remove(session.id)
  }

  /** Removes expired sessions in small steps, and hibernates idle ones when the container is crowded. */
  async sweep(): Promise<void> {
    this.#hibernateUntil(() => !this.#isCrowded())
    const { store, clock, limits } = this.#options.parts
    for (;;) {
      const now = clock.date()
      const due = await store.expired(now, limits.sweepStepMax)
      await Promise.all(due.map((id) => this.#expire(id, now)))
      if (due.length < limits.sweepStepMax) return
      await new Promise((resolve) => setImmediate(resolve))
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

  async #wake(id: string): Promise<Session | undefined> {
    const arriving = this.#arriving.get(id)
    if (arriving !== undefined) return arriving
    const refusal = this.#refusal()
    if (refusal === undefined) {
      const woken = await this.#arrive(id, () => SessionLog.open(this.#logOptions(id)))
      if (woken !== undefined) this.#options.observer.sessionWoken()
      return woken
    }
    // Whoever has a session is told to come back; whoever has none any more is told that.
    if ((await this.#options.parts.store.version(id)) === 0) return undefined
    throw this.#rejection(refusal)
  }

  /** Takes a place at once, before anything is awaited; it is free again when nobody came. */
  #arrive(id: string, open: () => Promise<SessionLog | undefined>): Promise<Session | undefined> {
    const arriving = open()
      .then((log) => {
        if (log === undefined) return undefined
        const session = new Session(log, this.#options.parts)
        this.#live.set(id, session)
        return session
      })
      .finally(() => this.#arriving.delete(id))
    this.#arriving.set(id, arriving)
    return arriving
  }

  /** Why nobody can be admitted now, after idle sessions have made room where they could. */
  #refusal(): RejectReason | undefined {
    if (this.#isDraining) return 'DRAINING'
    this.#hibernateUntil(() => this.#hasPlace() && this.#hasRoom())
    if (!this.#hasPlace()) return 'SESSION_LIMIT'
    return this.#hasRoom() ? undefined : 'MEMORY_PRESSURE'
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

  #hasRoom(): boolean {
    const { memory, sessionBytes } = this.#options
    return !memory.pressure && this.#outstandingBytes() + sessionBytes <= memory.roomBytes
  }

  #isCrowded(): boolean {
    const { memory, sessionsMax } = this.#options
    if (this.#reserved > sessionsMax * crowdedAt) return true
    const { admissionBytes, roomBytes } = memory
    return admissionBytes !== null && roomBytes - this.#outstandingBytes() < admissionBytes * (1 - crowdedAt)
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
    return [...this.#live.rvalues()].flatMap((session) =>
      session === undefined || session.isInUse || session.idleMs <= idleMs ? [] : [session],
    )
  }

  #hibernateUntil(isEnough: () => boolean): void {
    if (isEnough()) return
    for (const session of this.#hibernatable()) {
      // All that it knows is in its log: letting go of the live copy is enough.
      void this.#letGo(session)
      this.#options.observer.sessionHibernated()
      if (isEnough()) return
    }
  }

  #isExpired(session: Session): boolean {
    return !session.isInUse && session.log.expiresAt <= this.#options.parts.clock.date()
  }

  /** Removes the session if it was not used since `now`. Being in use is a use. */
  async #expire(id: string, now: number): Promise<void> {
    const session = this.#live.peek(id)
    if (session?.isInUse === true) return session.log.touch()
    if (session !== undefined) await this.#letGo(session)
    if (await this.#options.parts.store.remove(id, now)) this.#options.observer.sessionExpired()
  }

  /** Out of the list first, so that nothing finds a session that is going. */
  async #letGo(session: Session): Promise<void> {
    if (this.#live.peek(session.id) === session) this.#live.delete(session.id)
    await session.dispose()
  }

  #logOptions(id: string): SessionLogOptions {
    const { store, clock, limits } = this.#options.parts
    return { id, store, clock, bounds: limits, expiryMs: this.#options.expiryMs }
  }
}

const rejections = {
  SESSION_LIMIT: 'The bar is full. Please try again in a moment.',
  MEMORY_PRESSURE: 'The bar has no room at this moment. Please try again shortly.',
  DRAINING: 'This server is closing. Please try again in a moment.',
} as const

function sessionNotFound(): ServiceError {
  return new ServiceError('SESSION_NOT_FOUND', 'There is no such session. It may have expired.')
}
