import type { Turn } from '../conversation/turn.ts'
import type { TurnStopKind } from '../conversation/turn-stop.ts'
import { ServiceError } from '../errors.ts'

/** What happens to a message that comes while a turn runs. */
export type TurnOverlap = 'queue' | 'reject' | 'interrupt'

export interface TurnQueueOptions {
  readonly overlap: TurnOverlap
  /** Turns that may wait; the next one is refused. */
  readonly waitingMax: number
  readonly retryAfterSeconds: number
  /** Whether this turn would run beside one of another container. */
  readonly isAnsweredElsewhere: (turn: Turn) => boolean
  /** Called at the end of a turn that ran, before its readers are told of the end. */
  readonly onEnd: (turn: Turn) => void
}

/** The turns of one live session: one runs, the others wait for it. */
export class TurnQueue {
  readonly #options: TurnQueueOptions
  readonly #waiting: Turn[] = []
  #running: Turn | undefined
  /** Those who let nothing begin meanwhile. */
  #holds = 0

  constructor(options: TurnQueueOptions) {
    this.#options = options
  }

  get running(): Turn | undefined {
    return this.#running
  }

  /** The one that runs first. */
  get turns(): readonly Turn[] {
    return this.#running === undefined ? [...this.#waiting] : [this.#running, ...this.#waiting]
  }

  /** Takes a turn in as the overlap says. Throws `TURN_RUNNING` or `TURN_QUEUE_FULL`. */
  add(turn: Turn): Turn {
    const { overlap, waitingMax, isAnsweredElsewhere, retryAfterSeconds } = this.#options
    if (overlap === 'reject' && (this.#running !== undefined || isAnsweredElsewhere(turn))) {
      throw new ServiceError('TURN_RUNNING', 'Maya is still answering.')
    }
    // Who interrupts takes the place of all that waited.
    if (overlap === 'interrupt') void this.end('stopped')
    else if (this.#waiting.length >= waitingMax && this.#hasToWait) {
      const message = `Up to ${waitingMax} messages can wait for their answer. Try again in a moment.`
      throw new ServiceError('TURN_QUEUE_FULL', message, { retryAfterSeconds })
    }
    this.#waiting.push(turn)
    this.#runNext()
    return turn
  }

  /** Ends all turns and lets none begin until `act` is done. */
  async holdDuring<Result>(act: () => Promise<Result>): Promise<Result> {
    this.#holds++
    try {
      await this.end('stopped')
      return await act()
    } finally {
      this.#holds--
      this.#runNext()
    }
  }

  /** Ends the running turn and all that wait. */
  async end(kind: TurnStopKind): Promise<void> {
    const { turns } = this
    const waiting = this.#waiting.splice(0)
    for (const turn of turns) turn.stop(kind)
    // They never began, so they end at once and only tell their readers.
    for (const turn of waiting) void turn.run().finally(() => turn.events.end())
    await Promise.all(turns.map((turn) => turn.events.whenEnded))
  }

  /** Waits until all turns have come to their end; ends them as interrupted when told to. */
  async drain(signal: AbortSignal): Promise<void> {
    const interrupt = (): void => {
      void this.end('shutdown')
    }
    if (signal.aborted) interrupt()
    signal.addEventListener('abort', interrupt, { once: true })
    await Promise.all(this.turns.map((turn) => turn.events.whenEnded))
    signal.removeEventListener('abort', interrupt)
  }

  get #hasToWait(): boolean {
    return this.#running !== undefined || this.#holds > 0
  }

  #runNext(): void {
    if (this.#hasToWait) return
    const turn = this.#waiting.shift()
    if (turn === undefined) return
    this.#running = turn
    void turn.run().finally(() => {
      this.#running = undefined
      this.#options.onEnd(turn)
      // Only now: whoever waited for the end finds the session free.
      turn.events.end()
      this.#runNext()
    })
  }
}
