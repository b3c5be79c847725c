import type { BarState, Confirmation } from '../bar/bar.ts'
import type { ErrorCode } from '../errors.ts'
import type { Usage } from '../llm/model.ts'
import type { TurnEnded } from '../log/events.ts'

/** What a reader of a turn gets to know, in order. */
export type TurnEvent =
  | { readonly type: 'session' }
  /** Why nothing is said yet. */
  | { readonly type: 'status'; readonly status: 'warming-up' }
  | { readonly type: 'text-chunk'; readonly content: string }
  | {
      readonly type: 'tool-call'
      readonly callId: string
      readonly name: string
      readonly arguments: unknown
    }
  | { readonly type: 'tool-result'; readonly callId: string; readonly name: string; readonly result: unknown }
  | { readonly type: 'state'; readonly bar: BarState }
  | { readonly type: 'confirmation'; readonly confirmation: Confirmation }
  | {
      readonly type: 'complete'
      readonly content: string
      readonly usage: Usage
      readonly finishReason: NonNullable<TurnEnded['finishReason']>
    }
  | {
      readonly type: 'error'
      readonly code: ErrorCode
      readonly message: string
      readonly retryable: boolean
    }

/** One event with its place in the turn. */
export interface NumberedEvent {
  readonly number: number
  /** Lower than `number` where several text chunks were merged into this one. */
  readonly firstNumber: number
  readonly event: TurnEvent
  /** About how many bytes it takes in memory and on the wire. */
  readonly bytes: number
  /** All bytes up to here, so that what lies behind a place is a subtraction. */
  readonly endsAt: number
  /** The event as the wire has it, made by the first reader that needs it and shared by all. */
  frame?: string
}

export interface TurnEventsOptions {
  readonly turnId: string
  /** The number before the first one: a turn that is taken up again begins above all that it gave out before. */
  readonly base: number
  /**
   * Set for a turn that is told from the log because its numbered events are gone: the last number that they had.
   * Whoever has that one has read the turn; all lower numbers mean nothing here.
   */
  readonly retoldUpTo?: number
  readonly bufferBytesMax: number
  readonly lagBytesMax: number
  readonly readersMax: number
}

/**
 * Every run of a turn numbers its events in a range of its own: the n-th attempt from `n x numbersPerAttempt` on.
 * The upper half of a range is for telling the turn again from its log, so that a number never means two things;
 * its very last number says that everything was told.
 */
export const numbersPerAttempt = 1_000_000
const numbersPerTelling = numbersPerAttempt / 2

/** The last number of the range that `number` is in. */
export function endOfRange(number: number): number {
  return (Math.floor(number / numbersPerAttempt) + 1) * numbersPerAttempt - 1
}

/** Roughly what an event costs beside its text: the object, its numbers, the frame around it. */
const bytesPerEvent = 160

/**
 * The numbered events of one turn, kept for readers that come late or come back.
 * Bound: beyond `bufferBytesMax` the text that no reader within `lagBytesMax` can still need one by one is merged.
 */
export class TurnEvents {
  readonly turnId: string
  readonly #options: TurnEventsOptions
  readonly #readers = new Set<TurnReader>()
  #records: NumberedEvent[] = []
  #bytes = 0
  #lastNumber: number
  #ended = false
  readonly #endedPromise = Promise.withResolvers<void>()

  constructor(options: TurnEventsOptions) {
    this.turnId = options.turnId
    this.#options = options
    this.#lastNumber = options.base
  }

  get bytes(): number {
    return this.#bytes
  }

  get lastNumber(): number {
    return this.#lastNumber
  }

  get isEnded(): boolean {
    return this.#ended
  }

  get readerCount(): number {
    return this.#readers.size
  }

  /** Resolves when the last event was emitted. */
  get whenEnded(): Promise<void> {
    return this.#endedPromise.promise
  }

  /** The last event, once there is one: `complete` or `error` when the turn has ended. */
  get last(): TurnEvent | undefined {
    return this.#records.at(-1)?.event
  }

  /** Adds the next event and wakes the readers. `number` is given only for a turn told again from its log. */
  emit(event: TurnEvent, number = this.#lastNumber + 1): void {
    if (this.#ended) return
    const bytes = bytesPerEvent + textBytes(event)
    this.#bytes += bytes
    this.#records.push({ number, firstNumber: this.#lastNumber + 1, event, bytes, endsAt: this.#bytes })
    this.#lastNumber = number
    if (this.#bytes > this.#options.bufferBytesMax) this.#merge()
    for (const reader of this.#readers) reader.wake()
  }

  /** No more events. Readers that have them all are told to leave. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#endedPromise.resolve()
    for (const reader of this.#readers) reader.wake()
  }

  /** From here on the turn is told again from its log: no number of it may be taken for one of the first telling. */
  beginRetelling(): void {
    const first = endOfRange(this.#lastNumber) - numbersPerTelling
    this.#lastNumber = Math.max(this.#lastNumber, first)
  }

  /** Whether a reader that got everything up to `number` has read this turn to its end. */
  isReadToEnd(number: number): boolean {
    const last = this.#options.retoldUpTo ?? this.#lastNumber
    return this.#ended && (number === last || number === endOfRange(this.#lastNumber))
  }

  /**
   * Lets a reader in after the event `after` (null: from the beginning), or undefined where there are too many.
   * When the events after that one are no longer there one by one, the reader starts again with `isRestart`.
   */
  attach(after: number | null, wake: () => void): TurnReader | undefined {
    if (this.#readers.size >= this.#options.readersMax) return undefined
    const known = after === null ? undefined : this.#indexAfter(after)
    const reader = new TurnReader({
      events: this,
      index: known ?? 0,
      isRestart: after !== null && known === undefined,
      wake,
      leave: () => this.#readers.delete(reader),
    })
    this.#readers.add(reader)
    return reader
  }

  /** For readers: the record at this place, if it is there yet. */
  at(index: number): NumberedEvent | undefined {
    return this.#records[index]
  }

  /** For readers: whether the unread rest from this place on is more than a reader may leave waiting. */
  isTooFarBehind(index: number): boolean {
    const read = index === 0 ? 0 : (this.#records[index - 1]?.endsAt ?? 0)
    return this.#bytes - read > this.#options.lagBytesMax
  }

  /** Where to go on after the event of that number; undefined where no event has that number (any more). */
  #indexAfter(number: number): number | undefined {
    if (this.#options.retoldUpTo !== undefined) return undefined
    const index = this.#records.findLastIndex((record) => record.number === number)
    return index === -1 ? undefined : index + 1
  }

  #merge(): void {
    const near = this.#records.findIndex((_record, index) => !this.isTooFarBehind(index))
    const kept = near === -1 ? this.#records.length : near
    const merged = mergeText(this.#records.slice(0, kept))
    const records = [...merged, ...this.#records.slice(kept)]
    this.#bytes = 0
    this.#records = records.map((record) => ({ ...record, endsAt: (this.#bytes += record.bytes) }))
    for (const reader of this.#readers) reader.shift(kept - merged.length, kept)
  }
}

/** One place in a turn's events. It holds no events itself, so a slow reader costs nothing. */
export class TurnReader {
  readonly isRestart: boolean
  readonly wake: () => void
  readonly #events: TurnEvents
  readonly #leave: () => void
  #index: number
  #isLost = false

  constructor(options: {
    events: TurnEvents
    index: number
    isRestart: boolean
    wake: () => void
    leave: () => void
  }) {
    this.#events = options.events
    this.#index = options.index
    this.isRestart = options.isRestart
    this.wake = options.wake
    this.#leave = options.leave
  }

  /** The next event, or undefined while there is none. */
  next(): NumberedEvent | undefined {
    if (this.#isLost) return undefined
    const record = this.#events.at(this.#index)
    if (record !== undefined) this.#index++
    return record
  }

  get isAtEnd(): boolean {
    return !this.#isLost && this.#events.isEnded && this.#events.at(this.#index) === undefined
  }

  /** It left too much waiting: it has to go and may come back with the number that it has. */
  get isTooSlow(): boolean {
    return this.#isLost || this.#events.isTooFarBehind(this.#index)
  }

  close(): void {
    this.#leave()
  }

  /** The records before the place `kept` became fewer. Only a reader that is too slow can have been among them. */
  shift(by: number, kept: number): void {
    if (by === 0) return
    if (this.#index < kept) this.#isLost = true
    else this.#index -= by
  }
}

function mergeText(records: readonly NumberedEvent[]): NumberedEvent[] {
  const merged: NumberedEvent[] = []
  for (const record of records) {
    const before = merged.at(-1)
    if (before?.event.type !== 'text-chunk' || record.event.type !== 'text-chunk') {
      merged.push(record)
      continue
    }
    const content = before.event.content + record.event.content
    const event = { type: 'text-chunk', content } as const
    const { firstNumber } = before
    merged[merged.length - 1] = {
      number: record.number,
      firstNumber,
      event,
      bytes: bytesPerEvent + textBytes(event),
      endsAt: 0,
    }
  }
  return merged
}

function textBytes(event: TurnEvent): number {
  switch (event.type) {
    case 'text-chunk':
      return event.content.length * 2
    case 'complete':
      return event.content.length * 2
    case 'tool-call':
      return JSON.stringify(event.arguments)?.length ?? 0
    case 'tool-result':
      return JSON.stringify(event.result)?.length ?? 0
    case 'state':
      return 300 + event.bar.lines.length * 120
    case 'session':
    case 'status':
    case 'confirmation':
    case 'error':
      return 200
  }
}
