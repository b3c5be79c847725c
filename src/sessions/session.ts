import { openConfirmation } from '../bar/paying.ts'
import type { Clock } from '../clock.ts'
import type { Limits } from '../config/limits.ts'
import type { Agent } from '../conversation/agent.ts'
import { payerOf, type Budgets, type Payer } from '../conversation/budgets.ts'
import type { ConversationObserver } from '../conversation/observer.ts'
import type { PaymentsOptions } from '../conversation/payments.ts'
import type { OutputMask } from '../conversation/reply.ts'
import { retellTurn } from '../conversation/tell.ts'
import { Turn } from '../conversation/turn.ts'
import type { TurnContext } from '../conversation/turn-context.ts'
import { deadTurnEnd, openTurnOf } from '../conversation/turn-begin.ts'
import { numbersPerAttempt, TurnEvents } from '../conversation/turn-events.ts'
import type { TurnStopKind } from '../conversation/turn-stop.ts'
import { ServiceError } from '../errors.ts'
import type { RequestKey } from '../log/events.ts'
import { assertSameQuestion, findRequest } from '../log/requests.ts'
import { LeaseLostError, sessionNotFound, type SessionLog } from '../log/session-log.ts'
import { bytesOfState } from '../log/size.ts'
import type { TurnRecord } from '../log/state.ts'
import type { Store } from '../log/store.ts'
import { turnRecordsOf } from '../log/turn-records.ts'
import { Cashier, type Answer, type Present } from './cashier.ts'
import { GuestKeys, type KeyParts, type SessionModels } from './guest-keys.ts'
import { assertLogRoom } from './log-room.ts'

/** What happens to a message that comes while a turn runs. */
export type TurnOverlap = 'queue' | 'reject' | 'interrupt'

/** What all sessions of a process share. */
export interface SessionParts {
  readonly store: Store
  readonly clock: Clock
  readonly limits: Limits
  readonly agents: ReadonlyMap<string, Agent>
  readonly models: SessionModels
  readonly keys: KeyParts
  readonly budgets: Budgets
  readonly promptTokensMax: number
  readonly createMask: (secrets: readonly string[]) => OutputMask
  readonly payments: PaymentsOptions
  readonly present: Present
  readonly overlap: TurnOverlap
  readonly turnsQueuedMax: number
  readonly turnMs: number
  readonly createId: () => string
  readonly observer: ConversationObserver
  readonly reportDefect: (error: unknown) => void
}

export interface Message {
  readonly userInput: string
  /** What the guard noticed about it. */
  readonly marks?: readonly string[]
  readonly request: RequestKey | undefined
  /** The confirmation that was open when it arrived; where that is not said, it arrives now. */
  readonly confirmationId?: string | null
}

/**
 * One live session: the live copy of its log, its turns one after the other, and the events its readers still need.
 * Everything it owns ends with `dispose`.
 */
export class Session {
  readonly id: string
  readonly log: SessionLog
  readonly cashier: Cashier
  readonly keys: GuestKeys
  readonly #parts: SessionParts
  readonly #agent: Agent
  readonly #waiting: Turn[] = []
  /** Events of the newest turns that have ended, oldest first. */
  readonly #told: TurnEvents[] = []
  #running: Turn | undefined
  #holds = 0
  /** Resets that are under way: messages that come meanwhile wait for them. */
  #resets = 0
  #usedAt: number
  #isDraining = false
  #isDisposed = false

  constructor(log: SessionLog, parts: SessionParts) {
    const agent = parts.agents.get(log.state.agent)
    if (agent === undefined) throw new ServiceError('SESSION_NOT_FOUND', 'The agent of this session is gone.')
    this.id = log.id
    this.log = log
    this.cashier = new Cashier({ ...parts, log })
    this.keys = new GuestKeys({ ...parts, ...parts.keys, log, cashier: this.cashier })
    this.#parts = parts
    this.#agent = agent
    this.#usedAt = parts.clock.now()
  }

  /** The turn that is being answered now, if there is one. */
  get runningTurnId(): string | null {
    return this.#running?.turnId ?? null
  }

  /** A session in use is neither hibernated nor expired. */
  get isInUse(): boolean {
    return this.#holds > 0 || this.#running !== undefined
  }

  /** The confirmation that a message of this moment can grant. */
  get openConfirmationId(): string | null {
    return openConfirmation(this.log.state.bar, this.#parts.clock.date())?.confirmationId ?? null
  }

  /** Milliseconds since anything used it. */
  get idleMs(): number {
    return this.#parts.clock.now() - this.#usedAt
  }

  /** About how many bytes of memory it holds. */
  get bytes(): number {
    const turns = [...this.#waiting, ...(this.#running === undefined ? [] : [this.#running])]
    const events = [...this.#told, ...turns.map((turn) => turn.events)]
    return bytesOfState(this.log.state) + events.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Keeps the session live until the returned function is called. */
  hold(): () => void {
    let isHeld = true
    this.#holds++
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#holds--
      this.#usedAt = this.#parts.clock.now()
    }
  }

  /**
   * Brings the live copy up to date and closes a turn whose process died. Call it before anything is decided.
   * False when the session is gone from the store.
   */
  async refresh(): Promise<boolean> {
    if (!(await this.log.refresh())) return false
    const { openTurnId } = this.log.state
    if (openTurnId !== null && openTurnId !== this.runningTurnId) await this.#closeDeadTurn()
    return true
  }

  /**
   * Takes a message in and gives the events of its turn. The same request again gives the turn it has already:
   * running, finished, or interrupted, and then it goes on.
   */
  async send(message: Message): Promise<TurnEvents> {
    const { request, confirmationId = this.openConfirmationId } = message
    const asked = this.takeUp(request)
    if (asked !== undefined) return asked
    await this.#parts.budgets.admit(this.log.state, this.#payer)
    // The same request may have come once more meanwhile.
    return this.takeUp(request) ?? this.#enqueue(this.#newTurn({ ...message, confirmationId })).events
  }

  /** The events of the turn that was asked under this key, where there is one. An unfinished one goes on here. */
  takeUp(request: RequestKey | undefined): TurnEvents | Promise<TurnEvents> | undefined {
    const found = this.findAsked(request)
    if (found !== undefined || request === undefined) return found
    const known = findRequest(this.log.state, request)
    const record = known?.kind === 'turn' ? this.#recordOf(known.turnId) : undefined
    return record && this.#enqueue(this.#resumedTurn(record, request)).events
  }

  /** The events of the turn that was asked under this key, where it runs or waits here or has its answer. */
  findAsked(request: RequestKey | undefined): TurnEvents | Promise<TurnEvents> | undefined {
    if (request === undefined) return undefined
    const local = this.#localTurns().find((turn) => turn.request?.key === request.key)
    if (local?.request !== undefined) {
      assertSameQuestion(local.request, request)
      return local.events
    }
    const known = findRequest(this.log.state, request)
    if (known?.kind !== 'turn') return undefined
    const record = this.#recordOf(known.turnId)
    if (record === undefined) return this.findTurn(known.turnId)
    return isUnfinished(record) ? undefined : this.#toldOrRetold(record)
  }

  /** The events of a turn: running, waiting, kept, or told again from the log. */
  async findTurn(turnId: string): Promise<TurnEvents> {
    const local = this.#localTurns().find((turn) => turn.turnId === turnId)
    if (local !== undefined) return local.events
    const record = this.#recordOf(turnId) ?? (await this.#olderRecord(turnId))
    if (record === undefined) {
      throw new ServiceError('TURN_NOT_FOUND', 'There is no such turn in this session.')
    }
    return this.#toldOrRetold(record)
  }

  /** Stops the running turn and waits for its end. The same request again stops nothing more. */
  async stop(request: RequestKey | undefined, present: (stopped: boolean) => Answer): Promise<Answer> {
    const before = this.cashier.answeredBefore(request)
    if (before !== undefined) return before
    const running = this.#running
    running?.stop('stopped')
    await running?.events.whenEnded
    return this.cashier.act(request, () => ({ events: [], answer: present(running !== undefined) }))
  }

  /** History, order, tab and opening balance start again. The same request again resets nothing more. */
  async reset(request: RequestKey | undefined, answer: Answer): Promise<Answer> {
    const before = this.cashier.answeredBefore(request)
    if (before !== undefined) return before
    this.#resets++
    try {
      await this.#endTurns('stopped')
      return await this.cashier.act(request, ({ bar }) => {
        if (bar.payment === null) return { events: [{ type: 'session-reset' }], answer }
        const message = 'A payment is being processed. Pay again to learn its outcome, then reset.'
        throw new ServiceError('PAYMENT_FAILED', message, { retryAfterSeconds: 5 })
      })
    } finally {
      this.#resets--
      this.#runNext()
    }
  }

  /** Takes no more messages and lets its turns come to their end; ends them as interrupted when told to. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#isDraining = true
    const interrupt = (): void => {
      void this.#endTurns('shutdown')
    }
    if (signal.aborted) interrupt()
    signal.addEventListener('abort', interrupt, { once: true })
    await Promise.all(this.#localTurns().map((turn) => turn.events.whenEnded))
    signal.removeEventListener('abort', interrupt)
  }

  /** Gives back everything the session owns. The log stays in the store. */
  async dispose(): Promise<void> {
    this.#isDisposed = true
    await this.#endTurns('stopped')
    this.#told.length = 0
    this.keys.dispose()
  }

  #localTurns(): readonly Turn[] {
    return this.#running === undefined ? [...this.#waiting] : [this.#running, ...this.#waiting]
  }

  async #endTurns(kind: TurnStopKind): Promise<void> {
    const turns = this.#localTurns()
    const waiting = this.#waiting.splice(0)
    for (const turn of turns) turn.stop(kind)
    // They never began, so they end at once and only tell their readers.
    for (const turn of waiting) void turn.run().finally(() => turn.events.end())
    await Promise.all(turns.map((turn) => turn.events.whenEnded))
  }

  /** Who pays for the next turn, as far as is known before it begins. */
  get #payer(): Payer {
    const hasKey = (this.log.state.keys?.gemini ?? null) !== null
    return payerOf(this.#parts.models.own, hasKey)
  }

  #newTurn({ userInput, marks = [], request, confirmationId = null }: Message): Turn {
    const { limits, createId } = this.#parts
    assertLogRoom(this.log, limits.logEventsMax)
    return this.#createTurn({ turnId: createId(), userInput, marks, request, confirmationId, attempt: 0 })
  }

  #resumedTurn({ turnId, userInput, marks = [], attempt }: TurnRecord, request: RequestKey): Turn {
    assertLogRoom(this.log, this.#parts.limits.logEventsToFinishMax)
    return this.#createTurn({ turnId, userInput, marks, request, confirmationId: null, attempt: attempt + 1 })
  }

  #createTurn(
    turn: Pick<TurnContext, 'turnId' | 'userInput' | 'marks' | 'request' | 'confirmationId' | 'attempt'>,
  ): Turn {
    const { turnId, attempt } = turn
    const events = new TurnEvents({ turnId, base: attempt * numbersPerAttempt, ...this.#eventBounds() })
    return new Turn({
      ...this.#parts,
      ...turn,
      owner: this.#parts.createId(),
      log: this.log,
      agent: this.#agent,
      chooseModel: () => this.keys.lend(),
      createMasks: () => {
        // Opened once: a reply may have thousands of texts.
        const { secrets } = this.keys
        return () => this.#parts.createMask(secrets)
      },
      events,
    })
  }

  #eventBounds() {
    const { turnEventBytesMax, readerLagBytesMax, readersPerSessionMax } = this.#parts.limits
    return {
      bufferBytesMax: turnEventBytesMax,
      lagBytesMax: readerLagBytesMax,
      readersMax: readersPerSessionMax,
    }
  }

  #enqueue(turn: Turn): Turn {
    const { overlap, turnsQueuedMax, limits } = this.#parts
    const { retryAfterSeconds } = limits
    // First, because a session that is let go of by a closing server is not gone: its guest has to come back.
    if (this.#isDraining) {
      const message = 'This server is closing. Please try again in a moment.'
      throw new ServiceError('DRAINING', message, { retryAfterSeconds })
    }
    if (this.#isDisposed) throw sessionNotFound()
    if (overlap === 'reject' && this.#isAnswering(turn)) {
      throw new ServiceError('TURN_RUNNING', 'Maya is still answering.')
    }
    // Who interrupts takes the place of all that waited.
    if (overlap === 'interrupt') void this.#endTurns('stopped')
    else if (this.#waiting.length >= turnsQueuedMax && this.#hasToWait) {
      const message = `Up to ${turnsQueuedMax} messages can wait for their answer. Try again in a moment.`
      throw new ServiceError('TURN_QUEUE_FULL', message, { retryAfterSeconds })
    }
    this.#waiting.push(turn)
    this.#runNext()
    return turn
  }

  get #hasToWait(): boolean {
    return this.#running !== undefined || this.#resets > 0
  }

  /** Whether another turn runs, here or in another process. */
  #isAnswering({ turnId }: Turn): boolean {
    const { openTurnId } = this.log.state
    return this.#running !== undefined || (openTurnId !== null && openTurnId !== turnId)
  }

  #runNext(): void {
    if (this.#hasToWait) return
    const turn = this.#waiting.shift()
    if (turn === undefined) return
    this.#running = turn
    void turn.run().finally(() => {
      this.#running = undefined
      this.keys.takeBack()
      this.#usedAt = this.#parts.clock.now()
      this.#keep(turn.events)
      // Only now: whoever waited for the end finds the session free.
      turn.events.end()
      this.#runNext()
    })
  }

  #keep(events: TurnEvents): void {
    if (this.#isDisposed) return
    this.#told.push(events)
    if (this.#told.length > this.#parts.limits.turnEventsKeptMax) this.#told.shift()
  }

  #recordOf(turnId: string): TurnRecord | undefined {
    return this.log.state.turns.findLast((turn) => turn.turnId === turnId)
  }

  /** A turn that the state has dropped is still in the log. */
  async #olderRecord(turnId: string): Promise<TurnRecord | undefined> {
    const events = await this.log.events()
    const own = events.filter((event) => 'turnId' in event && event.turnId === turnId)
    const [record] = turnRecordsOf(events[0], own)
    if (record === undefined || !isUnfinished(record)) return record
    // Only a turn that is still kept can be taken up again.
    return { ...record, outcome: 'failed', code: 'INTERRUPTED' }
  }

  #toldOrRetold(record: TurnRecord): TurnEvents {
    const { turnId, lastNumber } = record
    // Another process may have gone on with a turn that was interrupted here: then these are not its last events.
    const told = this.#told.findLast((events) => events.turnId === turnId && events.lastNumber === lastNumber)
    if (told !== undefined) return told
    return retellTurn(record, this.log.state.bar, this.#eventBounds())
  }

  async #closeDeadTurn(): Promise<void> {
    const { store, limits, createId } = this.#parts
    const owner = createId()
    if (!(await store.acquireLease(this.id, owner, limits.leaseMs))) return
    try {
      await this.log.commit((state) => {
        const open = openTurnOf(state)
        return open === undefined || open.turnId === this.runningTurnId ? [] : [deadTurnEnd(open)]
      }, owner)
    } catch (error) {
      // Slower than a lease lasts: whoever holds it now does the same.
      if (!(error instanceof LeaseLostError)) throw error
    } finally {
      await store.releaseLease(this.id, owner)
    }
  }
}

function isUnfinished({ outcome }: TurnRecord): boolean {
  return outcome === 'interrupted' || outcome === 'running'
}
