import { every, sleep } from '../clock.ts'
import { ModelError, type ToolCall } from '../llm/model.ts'
import type { NewEvent, TurnEnded, TurnOutcome } from '../log/events.ts'
import { LeaseLostError } from '../log/session-log.ts'
import type { SessionState, TurnRecord } from '../log/state.ts'
import { StoreError } from '../log/store.ts'
import { contentOf, messagesOf, separatorBefore } from './messages.ts'
import { readReply, type Reply } from './reply.ts'
import { tellEnd, tellLogged, usageOf } from './tell.ts'
import { runTool } from './tool-call.ts'
import { beginTurn, settlePayment } from './turn-begin.ts'
import type { TurnContext } from './turn-context.ts'
import { earlyEndOf, TurnStop, type EarlyEnd, type TurnStopKind } from './turn-stop.ts'

const noUsage = { inputTokens: 0, outputTokens: 0 }

/**
 * One message of the guest and everything until the agent has answered. What to do next is read from the log's
 * fold each time, so a turn that is taken up after a crash is run by the same code as a new one.
 */
export class Turn {
  readonly #context: TurnContext
  readonly #abort = new AbortController()
  #startedAt = 0
  #heardText = false
  /** What readers have seen of a reply that is not logged yet. */
  #partial = ''

  constructor(context: TurnContext) {
    this.#context = context
    context.events.emit({ type: 'session' })
  }

  get turnId(): string {
    return this.#context.turnId
  }

  get events(): TurnContext['events'] {
    return this.#context.events
  }

  get request(): TurnContext['request'] {
    return this.#context.request
  }

  /** Ends the turn early; its `run` resolves soon after. The first reason counts. */
  stop(kind: TurnStopKind): void {
    this.#abort.abort(new TurnStop(kind))
  }

  /** Runs to the end. Never rejects: every failure is told to the readers. */
  async run(): Promise<void> {
    const { clock, store, log, owner, events, observer, turnMs } = this.#context
    this.#startedAt = clock.now()
    const cancelTimeout = clock.after(turnMs, () => this.stop('time'))
    const stopRenewing = this.#keepLease()
    let outcome: TurnOutcome = 'interrupted'
    try {
      outcome = await this.#runToEnd().catch((error: unknown) => this.#endEarly(error))
    } finally {
      cancelTimeout()
      stopRenewing()
      await store.releaseLease(log.id, owner).catch(ignoreStoreError)
      events.end()
      observer.turnEnded(outcome, (clock.now() - this.#startedAt) / 1000)
    }
  }

  async #runToEnd(): Promise<TurnOutcome> {
    await this.#takeLease()
    const answered = await beginTurn(this.#context)
    if (answered !== undefined) return this.#tellAnswered(answered)
    await settlePayment(this.#context)
    this.#tellWhatWasBefore()
    for (;;) {
      this.#abort.signal.throwIfAborted()
      const turn = this.#openTurn(this.#context.log.state)
      const waiting = callsWaiting(turn)
      if (waiting.length > 0) await this.#runTools(waiting)
      else if (await this.#askModel(turn)) return 'complete'
    }
  }

  async #takeLease(): Promise<void> {
    const { store, log, owner, clock, limits } = this.#context
    this.#abort.signal.throwIfAborted()
    while (!(await store.acquireLease(log.id, owner, limits.leaseMs))) {
      await sleep(clock, limits.leasePollMs, this.#abort.signal)
    }
    this.#abort.signal.throwIfAborted()
    if (store.shared && !(await log.refresh())) throw new StoreError('The session is gone.')
  }

  #keepLease(): () => void {
    const { store, log, owner, clock, limits } = this.#context
    let wasHeld = false
    return every(clock, limits.leaseRenewMs, async () => {
      // Before the lease is ours, and while the store cannot be asked, there is nothing to conclude.
      const isHeld = await store.renewLease(log.id, owner, limits.leaseMs).catch(() => undefined)
      if (wasHeld && isHeld === false) this.stop('lease-lost')
      wasHeld ||= isHeld === true
    })
  }

  /** Another process was asked the same and has answered; its words are ours. */
  #tellAnswered(turn: TurnRecord): TurnOutcome {
    const { log, events } = this.#context
    tellLogged(turn, log.state.bar, events)
    tellEnd(turn, events)
    return turn.outcome === 'running' ? 'interrupted' : turn.outcome
  }

  #tellWhatWasBefore(): void {
    const { log, events } = this.#context
    const turn = this.#openTurn(log.state)
    if (turn.attempt > 0) tellLogged(turn, log.state.bar, events)
  }

  /** Asks for the next reply and logs it before any of its tools runs. True when it was the last one of the turn. */
  async #askModel(turn: TurnRecord): Promise<boolean> {
    const { log, owner, turnId, events } = this.#context
    const reply = await this.#readReply(turn)
    const { text, toolCalls, usage, finishReason } = reply
    const isLast = toolCalls.length === 0
    await log.commit((state) => {
      if (this.#openTurn(state).replies.length > turn.replies.length) return []
      const replied: NewEvent = { type: 'model-replied', turnId, text, toolCalls, usage }
      return isLast ? [replied, this.#ending({ outcome: 'complete', finishReason })] : [replied]
    }, owner)
    this.#partial = ''
    if (isLast) this.#tellComplete(finishReason)
    for (const { callId, name, arguments: args } of toolCalls) {
      events.emit({ type: 'tool-call', callId, name, arguments: args })
    }
    return isLast
  }

  async #readReply(turn: TurnRecord): Promise<Reply> {
    const { model, agent, limits, log, observer, turnId } = this.#context
    if (turn.replies.length >= limits.modelCallsPerTurnMax) throw new TurnStop('model-calls')
    const before = log.state.turns.filter((other) => other !== turn).slice(1 - limits.turnsShownToModelMax)
    const said = contentOf(turn)
    const calls = turn.replies.flatMap(({ toolCalls }) => toolCalls)
    const reply = await readReply({
      model,
      request: {
        instructions: agent.instructions,
        messages: messagesOf([...before, turn]),
        tools: agent.tools,
        seed: `${turnId}:${turn.replies.length}`,
      },
      callIdsTaken: new Set([...calls, ...turn.effects].map(({ callId }) => callId)),
      charactersLeft: limits.turnCharactersMax - said.length,
      toolCallsMax: limits.toolCallsPerTurnMax - calls.length,
      observer,
      signal: this.#abort.signal,
      onText: (text) => this.#tellText(said, text),
    })
    if (said === '' && reply.text === '' && reply.toolCalls.length === 0) {
      throw new ModelError('MODEL_TRUNCATED', 'The answer was empty. Ask again.', { retryable: true })
    }
    return reply
  }

  #tellText(said: string, text: string): void {
    const { clock, events, observer } = this.#context
    const content = this.#partial === '' ? separatorBefore(said, text) + text : text
    this.#partial += text
    events.emit({ type: 'text-chunk', content })
    if (this.#heardText) return
    this.#heardText = true
    observer.firstText((clock.now() - this.#startedAt) / 1000)
  }

  /** Runs the calls side by side; what they decide is appended in their order. Waits for all, also when one fails. */
  async #runTools(calls: readonly ToolCall[]): Promise<void> {
    const results = await Promise.allSettled(
      calls.map((call) => runTool(this.#context, call, this.#abort.signal)),
    )
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  /** The turn as this run may extend it: whoever closed it or took it over meanwhile has won. */
  #openTurn(state: SessionState): TurnRecord {
    const { turnId, owner } = this.#context
    const turn = state.turns.findLast((candidate) => candidate.turnId === turnId)
    if (turn === undefined || state.openTurnId !== turnId || turn.owner !== owner) {
      throw new LeaseLostError('This turn was closed or taken over.')
    }
    return turn
  }

  #tellComplete(finishReason: NonNullable<TurnEnded['finishReason']>): void {
    const { log, events, turnId } = this.#context
    const turn = log.state.turns.findLast((candidate) => candidate.turnId === turnId)
    if (turn === undefined) throw new Error('A turn that has ended is not in its log.')
    events.emit({ type: 'complete', content: contentOf(turn), usage: usageOf(turn), finishReason })
  }

  async #endEarly(error: unknown): Promise<TurnOutcome> {
    const end = earlyEndOf(error)
    if (end.code === 'INTERNAL') this.#context.reportDefect(error)
    try {
      await this.#logEarlyEnd(end)
    } catch (failure) {
      // Nobody can close the turn now; whoever touches the session next does.
      return this.#tellEarlyEnd(earlyEndOf(failure))
    }
    return this.#tellEarlyEnd(end)
  }

  async #logEarlyEnd({ outcome, code, keepsText }: EarlyEnd): Promise<void> {
    const { log, owner, turnId } = this.#context
    const text = this.#partial
    await log.commit((state) => {
      if (state.openTurnId !== turnId) return []
      this.#openTurn(state)
      const said: NewEvent = { type: 'model-replied', turnId, text, toolCalls: [], usage: noUsage }
      const end = outcome === 'stopped' ? ({ outcome, finishReason: 'stopped' } as const) : { outcome, code }
      return [...(keepsText && text !== '' ? [said] : []), this.#ending(end)]
    }, owner)
  }

  #tellEarlyEnd({ outcome, code, message }: EarlyEnd): TurnOutcome {
    const { log, turnId, events } = this.#context
    const isLogged = log.state.turns.some((turn) => turn.turnId === turnId)
    if (outcome === 'stopped' && isLogged) this.#tellComplete('stopped')
    else events.emit({ type: 'error', code, message, retryable: outcome === 'interrupted' })
    return outcome
  }

  #ending(end: Omit<TurnEnded, 'type' | 'turnId' | 'lastNumber'>): NewEvent {
    const { turnId, events } = this.#context
    return { type: 'turn-ended', turnId, ...end, lastNumber: events.lastNumber + 1 }
  }
}

/** The calls of the last reply that have no result yet. */
function callsWaiting(turn: TurnRecord): readonly ToolCall[] {
  const done = new Set(turn.effects.map(({ callId }) => callId))
  return turn.replies.at(-1)?.toolCalls.filter(({ callId }) => !done.has(callId)) ?? []
}

function ignoreStoreError(error: unknown): void {
  if (!(error instanceof StoreError)) throw error
}
