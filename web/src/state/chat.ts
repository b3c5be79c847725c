import { computed, signal } from '@preact/signals'
import type { Patience } from '../api/persist.ts'
import { isAbort, Problem } from '../api/problem.ts'
import { newKey, type Requests } from '../api/requests.ts'
import { followTurn, TurnFailure, type Question } from '../api/turn.ts'
import type { HistoryEntryWire, TurnEventWire } from '../api/wire.ts'
import type { Heard } from '../voice/speaker.ts'
import { afterEvent, cut, emptyAnswer, failed, merged, shownText, type Exchange } from './exchanges.ts'
import type { Notice } from './notice.ts'
import type { Outbox, OutgoingMessage } from './outbox.ts'
import type { Speech } from './speech.ts'
import { withoutMarks } from './without-marks.ts'

export interface ChatOptions {
  readonly requests: Requests
  readonly patience: Patience
  readonly notice: Notice
  readonly outbox: Outbox
  readonly speech: Speech
  /** Tells the server to stop a turn, as often as it takes; a refusal is the guest's to read, not an error here. */
  readonly stopTurn: (body: object) => Promise<void>
  /** What a screen reader says. */
  readonly announce: (text: string) => void
  /** Events of a turn that are about the tab and the payment. */
  readonly onEvent: (event: TurnEventWire) => void
  /** The bar never took these words: the guest may say them again. */
  readonly putBack: (words: string) => void
  /** A turn of this page has begun or ended, which other tabs want to know. */
  readonly onChange: () => void
  readonly onSessionGone: () => void
  /** Whether there is a session; until then messages wait. */
  readonly isOpen: () => boolean
  /** Something changed elsewhere while this page was busy with a turn, and can be looked at now. */
  readonly onMissed: () => void
  /** The guest's own key was refused. */
  readonly onKeyRejected: () => void
}

/** The turn that is being followed: the answer to a message of this page, or one that was running already. */
interface Following {
  readonly id: string
  readonly question: Question
  readonly abort: AbortController
  /** Whether this page asked for its sound since it was loaded. */
  readonly isSpoken: boolean
  turnId: string | null
  /** The server has refused the message so far, so that it can be taken back. */
  isRefused: boolean
  isStopWanted: boolean
}

/** The conversation: what was said, what waits to be said, and the answer that is being made. */
export class Chat {
  readonly #options: ChatOptions
  readonly exchanges = signal<readonly Exchange[]>([])
  readonly #following = signal<Following | null>(null)
  readonly isAnswering = computed(() => this.#following.value !== null)
  /** Grows when a turn begins or ends here: a history that was asked for before is old then. */
  #revision = 0
  #isWorking = false
  #watched: string | null = null
  #hasMissed = false
  #stopping: Promise<unknown> = Promise.resolve()
  readonly #spokenKeys = new Set<string>()

  constructor(options: ChatOptions) {
    this.#options = options
  }

  get revision(): number {
    return this.#revision
  }

  /** The answer that is being made, if there is one. */
  get current(): Exchange | undefined {
    const id = this.#following.value?.id
    return this.exchanges.value.find((exchange) => exchange.id === id)
  }

  /** Says something to Maya. What she is saying meanwhile is interrupted. */
  send(text: string): void {
    const { outbox, speech } = this.#options
    const wish = speech.wish()
    const message = { key: newKey(), body: { user_input: text, ...wish }, turnId: null, failure: null }
    outbox.dropFailed()
    this.#withoutHelp()
    outbox.add(message)
    if (wish.voice === true) this.#spokenKeys.add(message.key)
    this.exchanges.value = [...this.exchanges.value, exchangeOf(message)]
    // A message that the server has not taken yet is no answer to be interrupted: this one comes after it.
    if (this.#following.value?.turnId === null) this.#silence()
    else this.interrupt()
    void this.#work()
  }

  /** The guest wants no more of this answer: neither its sound nor the rest of it. */
  stop(): void {
    const following = this.#following.value
    if (following?.isRefused === true) following.abort.abort()
    else this.interrupt()
  }

  /** Maya stops speaking, and the server is told how much of it was heard. */
  interrupt(): void {
    const heard = this.#silence()
    const following = this.#following.value
    if (following === null || following.isStopWanted) return
    following.isStopWanted = true
    if (following.turnId !== null && heard?.turnId !== following.turnId) {
      this.#sendStop({ turn_id: following.turnId })
    }
  }

  /** The guest begins to say something while Maya speaks. */
  bargeIn(): void {
    if (this.#options.speech.isSpeaking) this.interrupt()
  }

  /** Asks again for an answer that broke off. */
  retry(id: string): void {
    const { outbox } = this.#options
    if (!outbox.messages.some(({ key }) => key === id)) return
    outbox.change(id, { failure: null })
    this.#change(id, (exchange) => ({ ...exchange, answer: emptyAnswer }))
    void this.#work()
  }

  /** Shows what the server has, and goes on with what waits here or runs there. */
  show(history: readonly HistoryEntryWire[], runningTurnId: string | null): void {
    const { outbox } = this.#options
    const { messages } = outbox
    const known = new Set(this.exchanges.value.map(({ id }) => id))
    const restored = messages.filter(({ key }) => !known.has(key)).map(exchangeOf)
    const live = new Set([this.#following.value?.id, ...messages.map(({ key }) => key)])
    const shown = [...this.exchanges.value, ...restored]
    this.exchanges.value = merged(shown, history, ({ id }) => live.has(id))
    const isNew = runningTurnId !== null && !this.#isFollowed(runningTurnId)
    // The guest goes on in another browser tab, where Maya may speak too.
    if (isNew) this.#silence()
    if (isNew && outbox.next === undefined) this.#watched = runningTurnId
    this.#hasMissed = this.#isWorking
    void this.#work()
  }

  /** Another session: nothing of this one is shown or asked for any more. */
  clear(): void {
    this.#revision++
    this.#options.speech.stop()
    this.#putBackAll()
    this.#watched = null
    this.#following.value?.abort.abort()
    this.exchanges.value = []
  }

  #isFollowed(turnId: string): boolean {
    return this.#following.value?.turnId === turnId
  }

  /** One turn after the other, until none is left. */
  async #work(): Promise<void> {
    if (this.#isWorking) return
    this.#isWorking = true
    try {
      for (let next = this.#next(); next !== undefined; next = this.#next()) await this.#follow(next)
    } finally {
      this.#isWorking = false
    }
  }

  #next(): Following | undefined {
    const { outbox, isOpen } = this.#options
    const message = isOpen() ? outbox.next : undefined
    if (message !== undefined) {
      const { key, body, turnId } = message
      const isSpoken = this.#spokenKeys.has(key)
      return followingOf(key, { kind: 'message', key, body }, { turnId, isSpoken })
    }
    const turnId = this.#watched
    this.#watched = null
    if (turnId === null) return undefined
    const id = this.#watch(turnId)
    return followingOf(id, { kind: 'watched', turnId }, { turnId, isSpoken: false })
  }

  /** The exchange of a turn that somebody else asked for. */
  #watch(turnId: string): string {
    const known = this.exchanges.value.find((exchange) => exchange.turnId === turnId)
    if (known !== undefined) {
      this.#change(known.id, (exchange) => ({ ...exchange, answer: emptyAnswer }))
      return known.id
    }
    this.exchanges.value = [
      ...this.exchanges.value,
      { id: turnId, turnId, question: null, answer: emptyAnswer },
    ]
    return turnId
  }

  async #follow(turn: Following): Promise<void> {
    const { requests, patience, notice } = this.#options
    this.#revision++
    this.#following.value = turn
    const wait = notice.waiter()
    try {
      await this.#stopping
      await followTurn(turn.question, {
        ...patience,
        requests,
        signal: turn.abort.signal,
        onEvent: (event) => this.#take(turn, event),
        tell(problem, seconds) {
          turn.isRefused = problem !== null && !problem.isOffline && turn.turnId === null
          wait(problem, seconds)
        },
      })
      this.#settle(turn)
    } catch (problem) {
      this.#fail(turn, problem)
    } finally {
      this.#revision++
      if (this.#following.value === turn) this.#following.value = null
    }
    if (turn.question.kind === 'message') this.#options.onChange()
    if (this.#hasMissed) this.#options.onMissed()
    this.#hasMissed = false
  }

  #take(turn: Following, event: TurnEventWire): void {
    const { onEvent, onChange, outbox, speech } = this.#options
    this.#change(turn.id, (exchange) => afterEvent(exchange, event))
    if (event.type === 'session' && turn.turnId !== event.turn_id) this.#begin(turn, event.turn_id)
    if (turn.isSpoken && !turn.isStopWanted && turn.turnId !== null) speech.hear(turn.turnId, event)
    onEvent(event)
    if (event.type === 'session' && turn.question.kind === 'message') onChange()
    if (event.type === 'complete' && turn.question.kind === 'message') outbox.remove(turn.id)
    if (event.type === 'status') this.#announceWait(turn)
  }

  /** The server has taken the message. What was shown of the same turn before must not stand there twice. */
  #begin(turn: Following, turnId: string): void {
    turn.turnId = turnId
    if (turn.question.kind === 'message') this.#options.outbox.change(turn.id, { turnId })
    this.exchanges.value = this.exchanges.value.filter(
      (exchange) => exchange.id === turn.id || exchange.turnId !== turnId,
    )
    if (turn.isStopWanted) this.#sendStop({ turn_id: turnId })
  }

  /** The turn has been read to its end. */
  #settle(turn: Following): void {
    this.#forget(turn)
    this.#change(turn.id, (exchange) =>
      exchange.answer === null ? exchange : { ...exchange, answer: { ...exchange.answer, isMaking: false } },
    )
    const answer = this.exchanges.value.find(({ id }) => id === turn.id)?.answer
    if (answer) this.#options.announce(`Maya: ${withoutMarks(shownText(answer))} ${answer.note ?? ''}`.trim())
  }

  #fail(turn: Following, problem: unknown): void {
    const { announce, speech, outbox } = this.#options
    if (turn.turnId !== null) speech.end(turn.turnId)
    const isGone = problem instanceof Problem && problem.isSessionGone
    if (turn.turnId !== null && problem instanceof Problem && !isGone) {
      const isRetryable = problem instanceof TurnFailure && problem.retryable
      const canRetry = isRetryable && turn.question.kind === 'message'
      if (canRetry) outbox.change(turn.id, { failure: problem.message })
      else this.#forget(turn)
      const help = helpFor(problem, canRetry)
      this.#change(turn.id, (exchange) => failed(exchange, problem.message, help))
      announce(problem.message)
      if (problem.code === 'KEY_REJECTED') this.#options.onKeyRejected()
      return
    }
    this.exchanges.value = this.exchanges.value.filter(({ id }) => id !== turn.id)
    if (isGone) {
      this.#putBackAll()
      this.#options.onSessionGone()
    } else this.#takeBack(turn, problem)
  }

  /** The bar never took the message: it goes back to where it came from. */
  #takeBack(turn: Following, problem: unknown): void {
    const { outbox, putBack, notice } = this.#options
    const message = outbox.messages.find(({ key }) => key === turn.id)
    this.#forget(turn)
    if (message !== undefined) putBack(message.body.user_input)
    if (problem instanceof Problem) notice.say(problem.message)
    else if (!isAbort(problem)) throw problem
  }

  #putBackAll(): void {
    const words = this.#options.outbox.empty().map(({ body }) => body.user_input)
    if (words.length > 0) this.#options.putBack(words.join('\n'))
  }

  #forget(turn: Following): void {
    this.#spokenKeys.delete(turn.id)
    if (turn.question.kind === 'message') this.#options.outbox.remove(turn.id)
  }

  /** Ends the sound. What was heard of it is all that Maya has said, for the page and for the server. */
  #silence(): Heard | null {
    const heard = this.#options.speech.stop()
    if (heard === null) return null
    const { turnId, heardCharacters } = heard
    const exchange = this.exchanges.value.find((each) => each.turnId === turnId)
    if (exchange !== undefined) this.#change(exchange.id, () => cut(exchange, heardCharacters))
    if (this.#isFollowed(turnId) && this.#following.value !== null) this.#following.value.isStopWanted = true
    this.#sendStop({ turn_id: turnId, heard_characters: heardCharacters })
    return heard
  }

  #sendStop(body: { readonly turn_id: string; readonly heard_characters?: number }): void {
    const { stopTurn, onChange } = this.#options
    this.#stopping = Promise.all([this.#stopping, stopTurn(body).then(onChange)])
  }

  #announceWait(turn: Following): void {
    const wait = this.exchanges.value.find(({ id }) => id === turn.id)?.answer?.wait
    if (wait) this.#options.announce(wait)
  }

  /** An older answer cannot be asked for again when the guest has gone on. */
  #withoutHelp(): void {
    this.exchanges.value = this.exchanges.value.map((exchange) =>
      exchange.answer?.help === 'retry'
        ? { ...exchange, answer: { ...exchange.answer, help: null } }
        : exchange,
    )
  }

  #change(id: string, change: (exchange: Exchange) => Exchange): void {
    this.exchanges.value = this.exchanges.value.map((exchange) =>
      exchange.id === id ? change(exchange) : exchange,
    )
  }
}

function followingOf(
  id: string,
  question: Question,
  { turnId, isSpoken }: Pick<Following, 'turnId' | 'isSpoken'>,
): Following {
  const abort = new AbortController()
  return { id, question, abort, isSpoken, turnId, isRefused: false, isStopWanted: false }
}

function exchangeOf({ key, body, turnId, failure }: OutgoingMessage): Exchange {
  const exchange = { id: key, turnId, question: body.user_input, answer: emptyAnswer }
  return failure === null ? exchange : failed(exchange, failure, 'retry')
}

function helpFor({ code }: Problem, canRetry: boolean): 'retry' | 'keys' | null {
  if (code === 'KEY_REJECTED' || code === 'KEY_QUOTA') return 'keys'
  return canRetry ? 'retry' : null
}
