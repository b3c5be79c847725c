import type { Limits } from '../config/limits.ts'
import { retellTurn } from '../conversation/tell.ts'
import { endOfRange, type TurnEvents, type TurnEventsOptions } from '../conversation/turn-events.ts'
import { ServiceError } from '../errors.ts'
import type { SessionLog } from '../log/session-log.ts'
import type { TurnRecord } from '../log/state.ts'
import { turnRecordsOf } from '../log/turn-records.ts'

/** How much of a turn is kept for its readers. */
export function eventBounds(limits: Limits): Omit<TurnEventsOptions, 'turnId' | 'base' | 'retoldUpTo'> {
  return {
    bufferBytesMax: limits.turnEventBytesMax,
    lagBytesMax: limits.readerLagBytesMax,
    soundBytesMax: limits.turnAudioBytesMax,
    readersMax: limits.readersPerSessionMax,
  }
}

/** The turns of one session that are over, for readers that come late: the newest as they were told, all from the log. */
export class ToldTurns {
  readonly #log: SessionLog
  readonly #limits: Limits
  /** Oldest first. */
  readonly #kept: TurnEvents[] = []

  constructor(log: SessionLog, limits: Limits) {
    this.#log = log
    this.#limits = limits
  }

  get bytes(): number {
    return this.#kept.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Only the newest keeps its sound: somebody may still be listening. */
  keep(events: TurnEvents): void {
    this.#kept.at(-1)?.dropSound()
    this.#kept.push(events)
    if (this.#kept.length > this.#limits.turnEventsKeptMax) this.#kept.shift()
  }

  clear(): void {
    this.#kept.length = 0
  }

  recordOf(turnId: string): TurnRecord | undefined {
    return this.#log.state.turns.findLast((turn) => turn.turnId === turnId)
  }

  /** Throws `TURN_NOT_FOUND`. */
  async find(turnId: string): Promise<TurnEvents> {
    const record = this.recordOf(turnId) ?? (await this.#olderRecord(turnId))
    if (record === undefined) throw turnNotFound()
    return this.eventsOf(record)
  }

  eventsOf(record: TurnRecord): TurnEvents {
    return this.#keptOf(record) ?? retellTurn(record, this.#log.state.bar, eventBounds(this.#limits))
  }

  /** Whether another container may be telling it: it runs there, or has its answer and is still being spoken. */
  mayGoOnElsewhere(record: TurnRecord | undefined): boolean {
    if (record === undefined || record.outcome === 'running') return true
    const { outcome, lastNumber, heardCharacters } = record
    const wasSpoken = outcome === 'complete' && lastNumber === endOfRange(lastNumber)
    return wasSpoken && heardCharacters === undefined && this.#keptOf(record) === undefined
  }

  #keptOf({ turnId, lastNumber, heardCharacters }: TurnRecord): TurnEvents | undefined {
    // It is not told in full again when its guest broke in.
    if (heardCharacters !== undefined) return undefined
    // Another process may have gone on with a turn that was interrupted here: then these are not its last events.
    return this.#kept.findLast((events) => events.turnId === turnId && events.lastNumber === lastNumber)
  }

  /** A turn that the state has dropped is still in the log. */
  async #olderRecord(turnId: string): Promise<TurnRecord | undefined> {
    const events = await this.#log.events()
    const own = events.filter((event) => 'turnId' in event && event.turnId === turnId)
    const [record] = turnRecordsOf(events[0], own)
    if (record === undefined || !isUnfinished(record)) return record
    // Only a turn that is still kept can be taken up again, or one that another process has begun since.
    await this.#log.refresh()
    return this.recordOf(turnId) ?? { ...record, outcome: 'failed', code: 'INTERRUPTED' }
  }
}

export function isUnfinished({ outcome }: TurnRecord): boolean {
  return outcome === 'interrupted' || outcome === 'running'
}

export function turnNotFound(): ServiceError {
  return new ServiceError('TURN_NOT_FOUND', 'There is no such turn in this session.')
}
