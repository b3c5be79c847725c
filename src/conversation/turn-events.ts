import type { BarState, Confirmation } from '../bar/bar.ts'
import type { ErrorCode } from '../errors.ts'
import type { Usage } from '../llm/model.ts'
import type { TurnEnded } from '../log/events.ts'
import type { VoiceErrorCode } from '../voice/text-to-speech.ts'
import { isSound, TurnSound, type SoundEvent } from './turn-sound.ts'

/** What a reader of a turn gets to know, in order. */
export type TurnEvent =
  | { readonly type: 'session' }
  /** Why nothing is said yet. */
  | { readonly type: 'status'; readonly status: 'warming-up' }
  | { readonly type: 'text-chunk'; readonly content: string }
  /** The voice speaks no more; the text is whole all the same. */
  | {
      readonly type: 'status'
      readonly status: 'voice-failed'
      readonly code: VoiceErrorCode
      readonly message: string
    }
  /** A sentence of a turn that is spoken. All of them joined are the text. */
  | { readonly type: 'sentence'; readonly index: number; readonly content: string }
  | SoundEvent
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

/** One event as a reader gets it. */
export interface ReadEvent {
  readonly number: number
  readonly event: TurnEvent
  /** As the wire has it, made by the first reader that needs it and shared by all. Never for sound: it is long. */
  frame?: string
}

/** One event with its place in the turn. */
export interface NumberedEvent extends ReadEvent {
  /** Lower than `number` where several text chunks were merged into this one, or where numbers were left out. */
  readonly firstNumber: number
  readonly event: TurnEvent
  /** About how many bytes it takes in memory and on the wire. */
  readonly bytes: number
  /** All bytes up to here, so that what lies behind a place is a subtraction. */
  readonly endsAt: number
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
  /** Bytes of sound that are kept; the oldest go first. */
  readonly soundBytesMax: number
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
  return startOfRange(number) + numbersPerAttempt - 1
}

/** The number before the first one of the range that `number` is in. */
export function startOfRange(number: number): number {
  return Math.floor(number / numbersPerAttempt) * numbersPerAttempt
}

/** Roughly what an event costs beside its text: the object, its numbers, the frame around it. */
const bytesPerEvent = 160
const bytesPerMark = 120

/**
 * The numbered events of one turn, kept for readers that come late or come back.
 * Bound: beyond `bufferBytesMax` the text that no reader within `lagBytesMax` can still need one by one is merged.
 * Sound has a bound of its own and can be missed: nobody is cut off or begins anew because of it.
 */
export class TurnEvents {
  readonly #options: TurnEventsOptions
  readonly #readers = new Set<TurnReader>()
  readonly #sound: TurnSound
  #turnId: string
  #retoldUpTo: number | undefined
  #records: NumberedEvent[] = []
  #bytes = 0
  #lastNumber: number
  /** The last number that an event has: lower than `#lastNumber` where the next ones are left out. */
  #givenNumber: number
  #ended = false
  readonly #endedPromise = Promise.withResolvers<void>()

  constructor(options: TurnEventsOptions) {
    this.#options = options
    this.#turnId = options.turnId
    this.#retoldUpTo = options.retoldUpTo
    this.#lastNumber = options.base
    this.#givenNumber = options.base
    this.#sound = new TurnSound(options.soundBytesMax)
  }

  get turnId(): string {
    return this.#turnId
  }

  get bytes(): number {
    return this.#bytes + this.#sound.bytes
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

  /** Adds the next event and wakes the readers. `number` is given where some are left out. */
  emit(event: TurnEvent, number = this.#lastNumber + 1): void {
    if (this.#ended) return
    const bytes = bytesPerEvent + payloadBytes(event)
    const firstNumber = this.#givenNumber + 1
    this.#lastNumber = number
    this.#givenNumber = number
    if (isSound(event)) this.#sound.add({ number, event, bytes })
    else {
      this.#bytes += bytes
      this.#records.push({ number, firstNumber, event, bytes, endsAt: this.#bytes })
      if (this.#bytes > this.#options.bufferBytesMax) this.#merge()
    }
    for (const reader of this.#readers) reader.wake()
  }

  /** No more events. Readers that have them all are told to leave. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#endedPromise.resolve()
    for (const reader of this.#readers) reader.wake()
  }

  /** Lets go of all sound: it is not for readers that come so late. */
  dropSound(): void {
    this.#sound.clear()
  }

  /** From here on the turn is told again from its log: no number of it may be taken for one of the first telling. */
  beginRetelling(): void {
    const first = endOfRange(this.#lastNumber) - numbersPerTelling
    this.#lastNumber = Math.max(this.#lastNumber, first)
  }

  /** Nothing was told yet, and another turn is told again in its place: the one that had the same question before. */
  becomeTurn(turnId: string): void {
    this.#turnId = turnId
    this.#retoldUpTo = Infinity
    this.#records = []
    this.#bytes = 0
    for (const reader of this.#readers) reader.startAgain()
    this.beginRetelling()
    this.emit({ type: 'session' })
  }

  /** Whether a reader that got everything up to `number` has read this turn to its end. */
  isReadToEnd(number: number): boolean {
    const last = this.#retoldUpTo ?? this.#lastNumber
    return this.#ended && (number === last || number === endOfRange(this.#lastNumber))
  }

  /**
   * Lets a reader in after the event `after` (null: from the beginning), or undefined where there are too many.
   * When the events after that one are no longer there one by one, the reader starts again with `isRestart`.
   */
  attach(
    after: number | null,
    wake: () => void,
    { isListening = true }: { readonly isListening?: boolean } = {},
  ): TurnReader | undefined {
    if (this.#readers.size >= this.#options.readersMax) return undefined
    const known = after === null ? undefined : this.#indexAfter(after)
    const reader = new TurnReader({
      events: this,
      index: known ?? 0,
      isRestart: after !== null && known === undefined,
      sound: isListening ? { after: known === undefined ? 0 : (after ?? 0), from: this.#sound } : null,
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

  /**
   * Where to go on after the event of that number; undefined where it was never given out, or where only a part of
   * what is one record now was read.
   */
  #indexAfter(number: number): number | undefined {
    const isRetold = this.#retoldUpTo !== undefined
    if (isRetold || number <= this.#options.base || number > this.#givenNumber) return undefined
    const index = this.#records.findIndex((record) => record.number > number)
    if (index === -1) return this.#records.length
    const next = this.#records[index]
    return next !== undefined && next.firstNumber > number ? index : undefined
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
  readonly wake: () => void
  readonly #events: TurnEvents
  readonly #leave: () => void
  readonly #sound: TurnSound | null
  #index: number
  #isRestart: boolean
  /** The number of the last event that it has; of interest only for the sound. */
  #lastNumber: number
  #isLost = false

  constructor(options: {
    events: TurnEvents
    index: number
    isRestart: boolean
    sound: { readonly from: TurnSound; readonly after: number } | null
    wake: () => void
    leave: () => void
  }) {
    this.#events = options.events
    this.#index = options.index
    this.#sound = options.sound?.from ?? null
    this.#lastNumber = options.sound?.after ?? 0
    this.#isRestart = options.isRestart
    this.wake = options.wake
    this.#leave = options.leave
  }

  /** Whether what it had of this turn before is of no use to it. */
  get isRestart(): boolean {
    return this.#isRestart
  }

  /** The next event, or undefined while there is none. Sound that is gone or lies within merged text is left out. */
  next(): ReadEvent | undefined {
    if (this.#isLost) return undefined
    const record = this.#events.at(this.#index)
    const sound = this.#sound?.after(this.#lastNumber)
    const isSoundNext = sound !== undefined && sound.number < (record?.firstNumber ?? Infinity)
    if (!isSoundNext && record !== undefined) this.#index++
    const next = isSoundNext ? sound : record
    if (next !== undefined) this.#lastNumber = next.number
    return next
  }

  get isAtEnd(): boolean {
    if (this.#isLost || !this.#events.isEnded) return false
    return this.#events.at(this.#index) === undefined && this.#sound?.after(this.#lastNumber) === undefined
  }

  /** It left too much waiting: it has to go and may come back with the number that it has. */
  get isTooSlow(): boolean {
    return this.#isLost || this.#events.isTooFarBehind(this.#index)
  }

  close(): void {
    this.#leave()
  }

  /** Another turn takes the place of this one. */
  startAgain(): void {
    this.#index = 0
    this.#isRestart = true
  }

  /** The records before the place `kept` became fewer. Only a reader that is too slow can have been among them. */
  shift(by: number, kept: number): void {
    if (by === 0) return
    if (this.#index < kept) this.#isLost = true
    else this.#index -= by
  }
}

/** One text for all that stands together. Sentences do not keep it apart: they say the same text once more. */
function mergeText(records: readonly NumberedEvent[]): NumberedEvent[] {
  const merged: NumberedEvent[] = []
  for (const record of records) {
    if (record.event.type === 'sentence') continue
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
      bytes: bytesPerEvent + payloadBytes(event),
      endsAt: 0,
    }
  }
  return merged
}

function payloadBytes(event: TurnEvent): number {
  switch (event.type) {
    case 'text-chunk':
    case 'sentence':
    case 'complete':
      return event.content.length * 2
    case 'audio-chunk':
      return event.audio.byteLength
    case 'speech-marks':
      return (event.words.length + event.phonemes.length) * bytesPerMark
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
