import type { Clock } from '../clock.ts'
import { ModelError, type Model, type ModelEvent } from './model.ts'

export interface WatchdogOptions {
  readonly clock: Clock
  /** How long a model may take to its first event, of whatever kind. */
  readonly firstMs: number
  /** How long it may be silent after that. */
  readonly silenceMs: number
  /** Whether its server holds requests back while it starts, so that a late first event says that it does. */
  readonly startsCold?: boolean
}

/** Given as the reason, because without one every abort makes an exception with its stack. */
const replyOver = 'The reply is over.'

const over = { done: true, value: undefined } as const

type Result = IteratorResult<ModelEvent>

/**
 * Ends a reply with `MODEL_TIMEOUT` when the model is silent for too long while it is waited for. The model gets a
 * signal of its own, aborted in every end, and is never waited for: one that ignores its abort holds nobody.
 */
export function withWatchdog(model: Model, options: WatchdogOptions): Model {
  const { name, isGeneral } = model
  return {
    name,
    isGeneral,
    stream: (request, signal) => ({
      [Symbol.asyncIterator]: () =>
        new GuardedStream((own) => model.stream(request, own), { ...options, signal }),
    }),
  }
}

/** Written by hand, because a generator can be left only between two events, and costs more for each. */
class GuardedStream implements AsyncIterator<ModelEvent> {
  readonly #start: (signal: AbortSignal) => AsyncIterable<ModelEvent>
  readonly #options: WatchdogOptions & { readonly signal: AbortSignal }
  readonly #request = new AbortController()
  #events: AsyncIterator<ModelEvent> | undefined
  #waiting: PromiseWithResolvers<Result> | undefined
  #askedAt = 0
  #patienceMs: number
  #cancelTimer = (): void => {}
  #isFirst = true
  #isOver = false

  constructor(
    start: (signal: AbortSignal) => AsyncIterable<ModelEvent>,
    options: WatchdogOptions & { readonly signal: AbortSignal },
  ) {
    this.#start = start
    this.#options = options
    this.#patienceMs = options.firstMs
  }

  next(): Promise<Result> {
    const { signal, clock } = this.#options
    if (signal.aborted) {
      this.#end()
      return Promise.reject(signal.reason)
    }
    if (this.#isOver) return Promise.resolve(over)
    const waiting = Promise.withResolvers<Result>()
    this.#waiting = waiting
    this.#askedAt = clock.now()
    try {
      this.#events ??= this.#begin()
      this.#events.next().then(this.#onResult, this.#onFailure)
    } catch (error) {
      this.#onFailure(error)
    }
    return waiting.promise
  }

  return(): Promise<Result> {
    this.#waiting?.resolve(over)
    this.#end()
    return Promise.resolve(over)
  }

  #begin(): AsyncIterator<ModelEvent> {
    this.#options.signal.addEventListener('abort', this.#onAbort, { once: true })
    this.#setTimer(this.#patienceMs)
    return this.#start(this.#request.signal)[Symbol.asyncIterator]()
  }

  readonly #onResult = (result: Result): void => {
    if (this.#isOver) return
    this.#waiting?.resolve(result)
    this.#waiting = undefined
    if (result.done === true) {
      this.#end()
    } else if (this.#isFirst) {
      this.#isFirst = false
      this.#patienceMs = this.#options.silenceMs
      this.#setTimer(this.#patienceMs)
    }
  }

  readonly #onFailure = (error: unknown): void => {
    if (this.#isOver) return
    this.#waiting?.reject(error)
    this.#end()
  }

  readonly #onAbort = (): void => this.#onFailure(this.#options.signal.reason)

  /** One timer for many events: where it goes off too early, it is set again for the rest. */
  readonly #onTimer = (): void => {
    const waitedMs = this.#waiting === undefined ? 0 : this.#options.clock.now() - this.#askedAt
    const restMs = this.#patienceMs - waitedMs
    if (restMs > 0) this.#setTimer(restMs)
    else this.#onFailure(timedOut(this.#isFirst && this.#options.startsCold === true))
  }

  #setTimer(delayMs: number): void {
    this.#cancelTimer()
    this.#cancelTimer = this.#options.clock.after(delayMs, this.#onTimer)
  }

  /** Leaves nothing behind: no timer, no listener, no request. What the model makes of it is its own affair. */
  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#waiting = undefined
    this.#cancelTimer()
    const { signal } = this.#options
    signal.removeEventListener('abort', this.#onAbort)
    this.#events?.return?.().catch(() => {})
    this.#request.abort(signal.aborted ? signal.reason : replyOver)
  }
}

function timedOut(isStarting: boolean): ModelError {
  const message = 'The model took too long to answer. Ask again.'
  return new ModelError('MODEL_TIMEOUT', message, { retryable: true, isStarting, isDown: true })
}
