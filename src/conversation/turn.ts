import { every, sleep } from '../clock.ts'
import { ModelError, type ModelProgress, type ToolCall } from '../llm/model.ts'
import { noUsage, tokensOf } from '../llm/usage.ts'
import type { NewEvent, TurnEnded } from '../log/events.ts'
import { keyFound, type OwnKey } from '../log/keys.ts'
import { sessionNotFound } from '../log/session-log.ts'
import type { SessionState, TurnRecord } from '../log/state.ts'
import { ignoreStoreError } from '../log/store.ts'
import { compactedRequest } from './compaction.ts'
import { contentOf, separatorBefore } from './messages.ts'
import { ModelCalls } from './model-calls.ts'
import type { ConversationObserver, TurnEnd } from './observer.ts'
import type { Reply } from './reply.ts'
import { tellEnd, tellLogged, usageOf } from './tell.ts'
import { startTiming, type Timing } from './timing.ts'
import { runTools } from './tool-call.ts'
import { beginTurn, ownTurn, settlePayment } from './turn-begin.ts'
import { commitOnce, commitTurn, storeStep } from './turn-commit.ts'
import type { TurnContext } from './turn-context.ts'
import { endOfRange } from './turn-events.ts'
import { beginSpeech, type TurnSpeech } from './turn-speech.ts'
import { earlyEndOf, TurnStop, type EarlyEnd, type TurnStopKind } from './turn-stop.ts'

/** What a turn is made of: everything that its run uses, and who is told of it. */
export interface TurnOptions extends Omit<TurnContext, 'observer'> {
  readonly observer: Pick<ConversationObserver, 'turnBegan'>
  /** How long the turn may take in all. */
  readonly turnMs: number
}

/** One message of the guest and everything until the agent has answered. */
export class Turn {
  readonly #options: TurnOptions
  readonly #abort = new AbortController()

  constructor(options: TurnOptions) {
    this.#options = options
    options.events.emit({ type: 'session' })
  }

  get turnId(): string {
    return this.#options.turnId
  }

  get events(): TurnContext['events'] {
    return this.#options.events
  }

  get request(): TurnContext['request'] {
    return this.#options.request
  }

  /** Ends the turn early; its `run` resolves soon after. The first reason counts. */
  stop(kind: TurnStopKind): void {
    this.#abort.abort(new TurnStop(kind))
  }

  /** Runs to the end. Never rejects: every failure is told to the readers. The caller ends the events after it. */
  async run(): Promise<void> {
    const { clock, log, agent, turnId, attempt, origin, turnMs, reportDefect } = this.#options
    const timing = startTiming(clock)
    const { startedAtMs } = timing
    const begun = { turnId, sessionId: log.id, agent: agent.name, attempt, origin, trace: null, startedAtMs }
    const observer = this.#options.observer.turnBegan(begun)
    const cancelTimeout = clock.after(turnMs, () => this.stop('time'))
    const run = new TurnRun({ ...this.#options, observer }, this.#abort, timing)
    let end: HowItEnded = { outcome: 'interrupted', code: 'INTERRUPTED' }
    try {
      end = await run.toEnd()
    } finally {
      cancelTimeout()
      await run.close().catch(reportDefect)
      observer.ended({ ...end, seconds: timing.seconds() })
    }
  }
}

type HowItEnded = Pick<TurnEnd, 'outcome' | 'code'>

const asComplete: HowItEnded = { outcome: 'complete', code: null }

/**
 * One run of a turn. What to do next is read from the log's fold each time, so a turn that is taken up after a crash is
 * run by the same code as a new one.
 */
class TurnRun {
  readonly #context: TurnContext
  readonly #abort: AbortController
  readonly #timing: Timing
  #heardText = false
  /** Whether the log says that this run is the open turn. */
  #hasBegun = false
  /** The guest's own key, as long as it is what the newest reply is asked for with. */
  #askedKey: OwnKey | null = null
  #calls: ModelCalls | undefined
  #speech: TurnSpeech | undefined
  /** What readers have seen of a reply that is not logged yet. */
  #partial = ''
  /** From the moment that the lease is asked for: the answer may be lost. */
  #mayHoldLease = false
  #stopRenewing = (): void => {}

  constructor(context: TurnContext, abort: AbortController, timing: Timing) {
    this.#context = context
    this.#abort = abort
    this.#timing = timing
  }

  async toEnd(): Promise<HowItEnded> {
    return this.#runToEnd().catch((error: unknown) => this.#endEarly(error))
  }

  /** Lets go of what the run still has, so that nothing of it is reported later. */
  async close(): Promise<void> {
    await this.#speech?.whenOver
    await this.#giveLeaseBack()
  }

  async #runToEnd(): Promise<HowItEnded> {
    await this.#takeLease()
    const answered = await beginTurn(this.#context)
    if (answered !== undefined) return this.#tellAnswered(answered)
    this.#hasBegun = true
    this.#speech = beginSpeech(this.#context, {
      signal: this.#abort.signal,
      onFirstAudio: () => this.#context.observer.firstAudio(this.#timing.seconds()),
    })
    this.#tellWhatWasBefore()
    await settlePayment(this.#context)
    const chosen = this.#context.chooseModel()
    const calls = new ModelCalls(this.#context, chosen)
    this.#calls = calls
    for (;;) {
      this.#abort.signal.throwIfAborted()
      const turn = ownTurn(this.#context.log.state, this.#context)
      const waiting = callsWaiting(turn)
      if (waiting.length > 0) await runTools(this.#context, waiting, this.#abort.signal)
      else if (await this.#askModel(turn, calls)) return asComplete
    }
  }

  async #takeLease(): Promise<void> {
    const { store, log, owner, clock, limits } = this.#context
    this.#abort.signal.throwIfAborted()
    this.#mayHoldLease = true
    let hasWaited = false
    const acquire = (): Promise<boolean> => store.acquireLease(log.id, owner, limits.leaseMs)
    while (!(await storeStep(this.#context, 'acquireLease', acquire))) {
      hasWaited = true
      await sleep(clock, limits.leasePollMs, this.#abort.signal)
    }
    this.#stopRenewing = this.#keepLease()
    this.#abort.signal.throwIfAborted()
    // Whoever held it has written. Else the log was read when the message came, and an append says what came since.
    if (hasWaited && !(await log.refresh())) throw sessionNotFound()
  }

  #keepLease(): () => void {
    const { store, log, owner, clock, limits } = this.#context
    return every(clock, limits.leaseRenewMs, async () => {
      // While the store cannot be asked there is nothing to conclude.
      const isHeld = await store.renewLease(log.id, owner, limits.leaseMs).catch(() => undefined)
      if (isHeld === false && this.#mayHoldLease) this.#abort.abort(new TurnStop('lease-lost'))
    })
  }

  async #giveLeaseBack(): Promise<void> {
    const { store, log, owner } = this.#context
    this.#stopRenewing()
    if (!this.#mayHoldLease) return
    this.#mayHoldLease = false
    const release = (): Promise<void> => store.releaseLease(log.id, owner)
    await storeStep(this.#context, 'releaseLease', release).catch(ignoreStoreError)
  }

  /** Another process was asked the same and has answered; its words are ours. */
  #tellAnswered(turn: TurnRecord): HowItEnded {
    const { log, events } = this.#context
    if (turn.turnId === events.turnId) events.beginRetelling()
    else events.becomeTurn(turn.turnId)
    tellLogged(turn, log.state.bar, events)
    tellEnd(turn, events)
    const { outcome, code } = turn
    return outcome === 'running' ? { outcome: 'interrupted', code } : { outcome, code }
  }

  #tellWhatWasBefore(): void {
    const { log, events } = this.#context
    const turn = ownTurn(log.state, this.#context)
    if (turn.attempt === 0) return
    tellLogged(turn, log.state.bar, events)
    this.#speech?.say(contentOf(turn))
    this.#speech?.pause()
  }

  /** Asks for the next reply and logs it before any of its tools runs. True when it was the last one of the turn. */
  async #askModel(turn: TurnRecord, calls: ModelCalls): Promise<boolean> {
    const { log, turnId, events } = this.#context
    const reply = await this.#readReply(turn, calls)
    // Whether more follows or a tool has to work first: what was said is heard now.
    this.#speech?.pause()
    const { text, toolCalls, usage, finishReason, signature } = reply
    const isLast = toolCalls.length === 0
    await commitTurn(this.#context, (state) => {
      if (ownTurn(state, this.#context).replies.length > turn.replies.length) return []
      const said = { turnId, text, toolCalls, usage, ...(signature && { signature }) }
      const replied: NewEvent = { type: 'model-replied', ...said }
      const ending = isLast ? [this.#completeEnding(finishReason)] : []
      return [...keyFound(state, this.#askedKey, 'valid'), replied, ...ending]
    })
    calls.markLogged()
    this.#partial = ''
    if (isLast) {
      // All text is said and stored: whatever becomes of the speech, and of the session meanwhile, it is complete.
      const ended = log.state.turns.findLast((candidate) => candidate.turnId === turnId)
      if (ended === undefined) throw new Error('A turn that has ended is not in its log.')
      if (this.#speech !== undefined) await this.#speakToEnd(this.#speech)
      this.#tellComplete(ended, finishReason)
      return true
    }
    for (const { callId, name, arguments: args } of toolCalls) {
      events.emit({ type: 'tool-call', callId, name, arguments: args })
    }
    return false
  }

  /** Nothing of the turn is to be written any more: in another process the next one need not wait for the voice. */
  async #speakToEnd(speech: TurnSpeech): Promise<void> {
    const spoken = speech.end()
    await this.#giveLeaseBack()
    await spoken
  }

  async #readReply(turn: TurnRecord, modelCalls: ModelCalls): Promise<Reply> {
    const { limits, log, budgets } = this.#context
    if (turn.replies.length >= limits.modelCallsPerTurnMax) throw new TurnStop('model-calls')
    const said = contentOf(turn)
    const calls = turn.replies.flatMap(({ toolCalls }) => toolCalls)
    this.#askedKey = modelCalls.ownKey
    const reply = await modelCalls.read({
      purpose: 'reply',
      request: await compactedRequest(this.#context, modelCalls, this.#abort.signal),
      callIdsTaken: new Set([...calls, ...turn.effects].map(({ callId }) => callId)),
      charactersLeft: limits.turnCharactersMax - said.length,
      toolCallsMax: limits.toolCallsPerTurnMax - calls.length,
      signal: this.#abort.signal,
      onText: (text) => this.#tellText(said, text),
      onProgress: this.#progressTeller(),
    })
    budgets.assertToolCalls(log.state, reply.toolCalls.length)
    if (said === '' && reply.text === '' && reply.toolCalls.length === 0) {
      if (reply.finishReason === 'blocked') {
        throw new ModelError('MODEL_BLOCKED', 'This cannot be answered.', { retryable: false })
      }
      throw new ModelError('MODEL_TRUNCATED', 'The answer was empty. Ask again.', { retryable: true })
    }
    return reply
  }

  /** For one reply: however often its model says that it is warming up, readers are told once. */
  #progressTeller(): (progress: ModelProgress) => void {
    let wasTold = false
    return ({ what }) => {
      // Then this reply says nothing about the guest's key.
      if (what === 'fell-back') this.#askedKey = null
      if (what !== 'warming-up' || wasTold) return
      wasTold = true
      this.#context.events.emit({ type: 'status', status: 'warming-up' })
    }
  }

  #tellText(said: string, text: string): void {
    const { events, observer } = this.#context
    const content = this.#partial === '' ? separatorBefore(said, text) + text : text
    this.#partial += text
    events.emit({ type: 'text-chunk', content })
    this.#speech?.say(content)
    if (this.#heardText) return
    this.#heardText = true
    observer.firstText(this.#timing.seconds())
  }

  #tellComplete(turn: TurnRecord, finishReason: NonNullable<TurnEnded['finishReason']>): void {
    const { events } = this.#context
    const complete = {
      type: 'complete',
      content: contentOf(turn),
      usage: usageOf(turn),
      finishReason,
    } as const
    events.emit(complete, turn.lastNumber)
  }

  async #endEarly(error: unknown): Promise<HowItEnded> {
    // Before the last number is logged.
    this.#speech?.cancel()
    const end = this.#judge(error)
    try {
      await this.#logEarlyEnd(end)
    } catch (failure) {
      // Nobody can close the turn now; whoever touches the session next does.
      return this.#tellEarlyEnd(this.#judge(failure))
    }
    return this.#tellEarlyEnd(end)
  }

  #judge(error: unknown): EarlyEnd {
    const end = earlyEndOf(error)
    if (end.code === 'INTERNAL') this.#context.reportDefect(error)
    return end
  }

  async #logEarlyEnd({ outcome, code, keepsText }: EarlyEnd): Promise<void> {
    const { turnId } = this.#context
    const text = this.#partial
    const unreportedUsage = this.#calls?.unlogged ?? noUsage
    const unreported = tokensOf(unreportedUsage) > 0 && { unreportedUsage }
    const ending = (state: SessionState): readonly NewEvent[] => {
      if (state.openTurnId !== turnId) return []
      ownTurn(state, this.#context)
      const said: NewEvent = { type: 'model-replied', turnId, text, toolCalls: [], usage: noUsage }
      const end = outcome === 'stopped' ? ({ outcome, finishReason: 'stopped' } as const) : { outcome, code }
      const found = code === 'KEY_REJECTED' ? keyFound(state, this.#askedKey, 'rejected') : []
      return [...found, ...(keepsText && text !== '' ? [said] : []), this.#ending({ ...end, ...unreported })]
    }
    // An interrupted turn is closed by whoever comes next, so a store that is away is not waited for.
    const commit = outcome === 'interrupted' ? commitOnce : commitTurn
    await commit(this.#context, ending)
  }

  #tellEarlyEnd({ outcome, code, message }: EarlyEnd): HowItEnded {
    const { log, turnId, owner, events } = this.#context
    // Only what the log says is an answer: a turn that was stopped before it began has none.
    const logged = log.state.turns.find((turn) => turn.turnId === turnId)
    if (logged?.outcome === 'complete' && logged.owner === owner) {
      // Only the answer to the last append was lost: everything was said and is in the store.
      this.#tellComplete(logged, logged.finishReason ?? 'stop')
      return asComplete
    }
    if (outcome === 'stopped' && logged?.outcome === 'stopped') {
      this.#tellComplete(logged, 'stopped')
      return { outcome, code: null }
    }
    // A run that never began has not earned its numbers: a later one may get the same.
    if (!this.#hasBegun) events.beginRetelling()
    events.emit({ type: 'error', code, message, retryable: outcome === 'interrupted' })
    return { outcome, code: outcome === 'stopped' ? null : code }
  }

  #ending(end: Omit<TurnEnded, 'type' | 'turnId' | 'lastNumber'>): TurnEnded {
    const { turnId, events } = this.#context
    return { type: 'turn-ended', turnId, ...end, lastNumber: events.lastNumber + 1 }
  }

  /** Speech goes on when the text has ended, under numbers that nobody knows yet: its end gets the last one there is. */
  #completeEnding(finishReason: NonNullable<TurnEnded['finishReason']>): NewEvent {
    const ending = this.#ending({ outcome: 'complete', finishReason })
    if (this.#speech === undefined) return ending
    return { ...ending, lastNumber: endOfRange(this.#context.events.lastNumber) }
  }
}

/** The calls of the last reply that have no result yet. */
function callsWaiting(turn: TurnRecord): readonly ToolCall[] {
  const done = new Set(turn.effects.map(({ callId }) => callId))
  return turn.replies.at(-1)?.toolCalls.filter(({ callId }) => !done.has(callId)) ?? []
}
