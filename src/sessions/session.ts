import { openConfirmation } from '../bar/paying.ts'
import type { Clock } from '../clock.ts'
import type { Limits } from '../config/limits.ts'
import type { Agent } from '../conversation/agent.ts'
import { payerOf, type Budgets, type Payer } from '../conversation/budgets.ts'
import type { ConversationObserver, TurnOrigin } from '../conversation/observer.ts'
import type { PaymentsOptions } from '../conversation/payments.ts'
import type { OutputMask } from '../conversation/reply.ts'
import { Turn } from '../conversation/turn.ts'
import type { TurnContext, TurnSpeechWish } from '../conversation/turn-context.ts'
import { deadTurnEnd, openTurnOf } from '../conversation/turn-begin.ts'
import { numbersPerAttempt, TurnEvents } from '../conversation/turn-events.ts'
import { ServiceError } from '../errors.ts'
import type { RequestKey } from '../log/events.ts'
import { assertSameQuestion, findRequest } from '../log/requests.ts'
import { LeaseLostError, sessionNotFound, type SessionLog } from '../log/session-log.ts'
import { bytesOfState } from '../log/size.ts'
import type { TurnRecord } from '../log/state.ts'
import type { Bus } from '../log/bus.ts'
import { ignoreStoreError, type Store } from '../log/store.ts'
import { Cashier, type Answer, type Present } from './cashier.ts'
import { GuestKeys, type KeyParts, type SessionModels } from './guest-keys.ts'
import { heardEvents, type Stopping } from './heard.ts'
import { assertLogRoom } from './log-room.ts'
import { FollowedTurns } from './followed-turns.ts'
import { OfferedTurn } from './offered-turn.ts'
import { eventBounds, isUnfinished, ToldTurns } from './told-turns.ts'
import { TurnQueue, type TurnOverlap } from './turn-queue.ts'

/** What all sessions of a process share. */
export interface SessionParts {
  readonly store: Store
  readonly bus: Bus
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
  /** How its answer is to be spoken; null and missing where nobody asked for it. */
  readonly speech?: TurnSpeechWish | null
  /** The HTTP request that it came with; null and missing for none. */
  readonly origin?: TurnOrigin | null
}

/** What makes one turn another than the next. */
type Asked = Pick<
  TurnContext,
  'turnId' | 'attempt' | 'userInput' | 'marks' | 'request' | 'confirmationId' | 'speech' | 'origin'
>

/** What belongs to one request, also where it takes up what another one asked. */
type Wish = Pick<Message, 'speech' | 'origin'>

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
  readonly #turns: TurnQueue
  readonly #told: ToldTurns
  readonly #followed: FollowedTurns
  #holds = 0
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
    this.#told = new ToldTurns(log, parts.limits)
    this.#followed = new FollowedTurns({
      ...parts,
      sessionId: log.id,
      onEnd: (events) => this.#keepFollowed(events),
    })
    this.#turns = new TurnQueue({
      overlap: parts.overlap,
      waitingMax: parts.turnsQueuedMax,
      retryAfterSeconds: parts.limits.retryAfterSeconds,
      isAnsweredElsewhere: (turn) => this.#isAnsweredElsewhere(turn),
      onEnd: ({ events }) => this.#onTurnEnd(events),
    })
    this.#usedAt = parts.clock.now()
  }

  /** The turn that is being answered here, if there is one. */
  get runningTurnId(): string | null {
    return this.#turns.running?.turnId ?? null
  }

  /** The turn that is being answered, here or in another container. */
  get openTurnId(): string | null {
    // Not the one that waits here for the end of another container's.
    return this.log.state.openTurnId ?? this.runningTurnId
  }

  /** A session in use is neither hibernated nor expired. */
  get isInUse(): boolean {
    return this.#holds > 0 || this.#turns.running !== undefined
  }

  /** Whether it was let go of: whoever still has it finds nothing in it that lasts. */
  get isDisposed(): boolean {
    return this.#isDisposed
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
    const told = this.#turns.turns.reduce((sum, { events }) => sum + events.bytes, this.#told.bytes)
    return bytesOfState(this.log.state) + told + this.#followed.bytes
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
    const asked = await this.takeUp(request, message)
    if (asked !== undefined) return asked
    await this.#parts.budgets.admit(this.log.state, this.#payer)
    // The same request may have come once more meanwhile.
    return this.#takeUpHere(request, message) ?? this.#enqueue(this.#newTurn({ ...message, confirmationId }))
  }

  /** The events of the turn that was asked under this key, where there is one. An unfinished one goes on here. */
  async takeUp(request: RequestKey | undefined, wish: Wish = {}): Promise<TurnEvents | undefined> {
    return (await this.findAsked(request)) ?? this.#takeUpHere(request, wish)
  }

  /** The events of the turn that was asked under this key, where it runs or waits anywhere or has its answer. */
  async findAsked(request: RequestKey | undefined): Promise<TurnEvents | undefined> {
    const here = this.#askedHere(request)
    if (here !== undefined) return here
    const known = findRequest(this.log.state, request)
    if (known?.kind !== 'turn') return undefined
    const record = this.#told.recordOf(known.turnId)
    if (record === undefined) return this.#told.find(known.turnId)
    const followed = this.#told.mayGoOnElsewhere(record)
      ? await this.#followed.find(record.turnId)
      : undefined
    return isUnfinished(record) ? followed : (followed ?? this.#told.eventsOf(record))
  }

  /** The events of a turn: running, waiting, kept, or told again from the log. */
  async findTurn(turnId: string): Promise<TurnEvents> {
    const here = this.#turns.turns.find((turn) => turn.turnId === turnId)
    if (here !== undefined) return here.events
    if (this.#told.mayGoOnElsewhere(this.#told.recordOf(turnId))) {
      const followed = await this.#followed.find(turnId)
      if (followed !== undefined) return followed
      await this.log.refresh()
    }
    return this.#told.find(turnId)
  }

  /**
   * Stops the running turn, or only the one that is named, and waits for its end; then logs how much of it was heard.
   * The same request again stops nothing more. Throws `TURN_NOT_FOUND` where an unknown one is said to be heard.
   */
  async stop(
    request: RequestKey | undefined,
    present: (stopped: boolean) => Answer,
    stopping: Stopping = {},
  ): Promise<Answer> {
    const before = this.cashier.answeredBefore(request)
    if (before !== undefined) return before
    const turnId = stopping.turnId ?? this.openTurnId
    const local = this.#turns.turns.map((turn) => turn.turnId)
    const wasStopped = turnId !== null && (await this.#stopTurn(turnId))
    return this.cashier.act(request, (state) => ({
      events: heardEvents(state, { ...stopping, turnId: turnId ?? undefined }, local),
      answer: present(wasStopped),
    }))
  }

  /** History, order, tab and opening balance start again. The same request again resets nothing more. */
  async reset(request: RequestKey | undefined, answer: Answer): Promise<Answer> {
    const before = this.cashier.answeredBefore(request)
    if (before !== undefined) return before
    return this.#turns.holdDuring(async () => {
      await this.#interruptElsewhere()
      return this.cashier.act(request, ({ bar }) => {
        if (bar.payment === null) return { events: [{ type: 'session-reset' }], answer }
        const message = 'A payment is being processed. Pay again to learn its outcome, then reset.'
        throw new ServiceError('PAYMENT_FAILED', message, { retryAfterSeconds: 5 })
      })
    })
  }

  /** Takes no more messages and lets its turns come to their end; ends them as interrupted when told to. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#isDraining = true
    await this.#turns.drain(signal)
  }

  /** Gives back everything the session owns. The log stays in the store. */
  async dispose(): Promise<void> {
    this.#isDisposed = true
    await this.#turns.end('stopped')
    this.#followed.dispose()
    this.#told.clear()
    this.keys.dispose()
  }

  /** Waits for the end of the turn. False where it does not run. */
  async #stopTurn(turnId: string): Promise<boolean> {
    const { running } = this.#turns
    if (running?.turnId !== turnId) return turnId === this.log.state.openTurnId && this.#followed.stop(turnId)
    running.stop('stopped')
    await running.events.whenEnded
    return true
  }

  /** As `findAsked`, but only what can be said without asking another container. */
  #askedHere(request: RequestKey | undefined): TurnEvents | undefined {
    if (request === undefined) return undefined
    const turn = this.#turns.turns.find((candidate) => candidate.request?.key === request.key)
    if (turn?.request !== undefined) assertSameQuestion(turn.request, request)
    return turn?.events
  }

  /** Decides at once, so that the same request is never taken up twice here. */
  #takeUpHere(request: RequestKey | undefined, wish: Wish): TurnEvents | undefined {
    const here = this.#askedHere(request)
    if (here !== undefined || request === undefined) return here
    const known = findRequest(this.log.state, request)
    const record = known?.kind === 'turn' ? this.#told.recordOf(known.turnId) : undefined
    if (record === undefined) return undefined
    return isUnfinished(record)
      ? this.#enqueue(this.#resumedTurn(record, request, wish))
      : this.#told.eventsOf(record)
  }

  /** Who pays for the next turn, as far as is known before it begins. */
  get #payer(): Payer {
    const hasKey = (this.log.state.keys?.gemini ?? null) !== null
    return payerOf(this.#parts.models.own, hasKey)
  }

  #newTurn({ userInput, marks = [], request, confirmationId = null, ...wish }: Message): Turn {
    const { limits, createId } = this.#parts
    const { speech = null, origin = null } = wish
    assertLogRoom(this.log, limits.logEventsMax)
    const asked = { userInput, marks, request, confirmationId, speech, origin }
    return this.#createTurn({ turnId: createId(), attempt: 0, ...asked })
  }

  #resumedTurn(record: TurnRecord, request: RequestKey, { speech = null, origin = null }: Wish): Turn {
    assertLogRoom(this.log, this.#parts.limits.logEventsToFinishMax)
    const { turnId, userInput, marks = [], attempt } = record
    const asked = { userInput, marks, request, confirmationId: null, speech, origin }
    return this.#createTurn({ turnId, attempt: attempt + 1, ...asked })
  }

  #createTurn(turn: Asked): Turn {
    const { turnId, attempt } = turn
    const base = attempt * numbersPerAttempt
    const events = new TurnEvents({ turnId, base, ...eventBounds(this.#parts.limits) })
    return new Turn({
      ...this.#parts,
      ...turn,
      owner: this.#parts.createId(),
      log: this.log,
      agent: this.#agent,
      chooseModel: () => this.keys.lend(),
      chooseVoice: () => this.keys.lendVoice(),
      createMasks: () => {
        // Opened once: a reply may have thousands of texts.
        const { secrets } = this.keys
        return () => this.#parts.createMask(secrets)
      },
      events,
    })
  }

  #enqueue(turn: Turn): TurnEvents {
    // First, because a session that is let go of by a closing server is not gone: its guest has to come back.
    if (this.#isDraining) {
      const { retryAfterSeconds } = this.#parts.limits
      const message = 'This server is closing. Please try again in a moment.'
      throw new ServiceError('DRAINING', message, { retryAfterSeconds })
    }
    if (this.#isDisposed) throw sessionNotFound()
    this.#turns.add(turn)
    if (this.#parts.overlap === 'interrupt' && this.#isAnsweredElsewhere(turn))
      void this.#interruptElsewhere()
    void new OfferedTurn(this.#parts, this.id, turn)
    return turn.events
  }

  /** Whether another turn is open than this one and those that run here. */
  #isAnsweredElsewhere({ turnId }: Turn): boolean {
    const { openTurnId } = this.log.state
    return ![null, turnId, this.runningTurnId].includes(openTurnId)
  }

  async #interruptElsewhere(): Promise<void> {
    const { openTurnId } = this.log.state
    // Where it cannot be reached, its end or that of its lease is waited for.
    if (openTurnId !== null) await this.#followed.stop(openTurnId).catch(ignoreStoreError)
  }

  #onTurnEnd(events: TurnEvents): void {
    this.keys.takeBack()
    this.#usedAt = this.#parts.clock.now()
    if (!this.#isDisposed) this.#told.keep(events)
  }

  async #keepFollowed(events: TurnEvents): Promise<void> {
    // Whoever waited for the end finds it in the log. If that cannot be read now, the next use will.
    await this.log.refresh().catch(ignoreStoreError)
    if (!this.#isDisposed) this.#told.keep(events)
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
