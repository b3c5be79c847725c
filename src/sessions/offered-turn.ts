import { every, type Clock } from '../clock.ts'
import type { Limits } from '../config/limits.ts'
import type { Turn } from '../conversation/turn.ts'
import type { ReadEvent, TurnReader } from '../conversation/turn-events.ts'
import type { Bus } from '../log/bus.ts'
import { ignoreStoreError, StoreError } from '../log/store.ts'
import { channelOf, readRequest, writeTold, type Told } from './relay-wire.ts'

export interface RelayParts {
  readonly bus: Bus
  readonly clock: Clock
  readonly limits: Pick<Limits, 'leaseMs' | 'leaseRenewMs' | 'relayEventsMax'>
}

/**
 * A turn of this container, as the others get at it: they can follow and stop it. Nothing is sent before one asks.
 * A follower is a reader like any other, so it gets the same events under the same numbers, and within the same bounds.
 */
export class OfferedTurn {
  readonly #parts: RelayParts
  readonly #turn: Turn
  #isOver = false
  #unsubscribe: (() => void) | undefined
  #cancelRetry = (): void => {}

  constructor(parts: RelayParts, sessionId: string, turn: Turn) {
    this.#parts = parts
    this.#turn = turn
    void this.#listen(channelOf(sessionId, turn.turnId))
    void turn.events.whenEnded.then(() => this.#end())
  }

  async #listen(channel: string): Promise<void> {
    const { bus, clock, limits } = this.#parts
    try {
      this.#unsubscribe = await bus.subscribe(channel, (message) => this.#onRequest(message))
      if (this.#isOver) this.#unsubscribe()
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      if (this.#isOver) return
      this.#cancelRetry = clock.after(limits.leaseRenewMs, () => void this.#listen(channel))
    }
  }

  #onRequest(message: string): void {
    const request = readRequest(message)
    if (request?.kind === 'stop') this.#turn.stop('stopped')
    if (request?.kind !== 'follow') return
    const { channel, after } = request
    const follower = new Follower(this.#parts, channel)
    follower.begin(this.#turn.events.attach(after, () => void follower.tell()))
  }

  /** Followers leave by themselves when they were told of the end. */
  #end(): void {
    this.#isOver = true
    this.#cancelRetry()
    this.#unsubscribe?.()
  }
}

/** One other container that follows the turn. One message is under way at a time: what comes meanwhile goes together. */
class Follower {
  readonly #parts: RelayParts
  readonly #channel: string
  #reader: TurnReader | undefined
  #count = 0
  #isTelling = false
  #stopBeating = (): void => {}

  constructor(parts: RelayParts, channel: string) {
    this.#parts = parts
    this.#channel = channel
  }

  /** `reader` is missing where too many read. */
  begin(reader: TurnReader | undefined): void {
    this.#reader = reader
    // Who hears nothing for a while believes that we are dead.
    this.#stopBeating = every(this.#parts.clock, this.#parts.limits.leaseRenewMs, () => this.tell(true))
    void this.tell(true)
  }

  /** Sends all that is new; with `isForced` also when nothing is. Never rejects. */
  async tell(isForced = false): Promise<void> {
    if (this.#isTelling) return
    this.#isTelling = true
    try {
      for (let next = this.#next(isForced); next !== undefined; next = this.#next(false)) {
        const listeners = await this.#parts.bus
          .publish(this.#channel, writeTold(next))
          .catch(ignoreStoreError)
        if (listeners === 0 || next.end !== undefined) return this.#leave()
        // It may be lost: the follower sees that by the count of the next one, at the latest when we beat.
        if (listeners === undefined) return
      }
    } finally {
      this.#isTelling = false
    }
  }

  #next(isForced: boolean): Told | undefined {
    const reader = this.#reader
    const events = reader === undefined ? [] : upTo(this.#parts.limits.relayEventsMax, reader)
    const end = reader === undefined || reader.isTooSlow ? 'lost' : reader.isAtEnd ? 'ended' : undefined
    if (events.length === 0 && end === undefined && !isForced) return undefined
    const count = this.#count++
    return {
      count,
      events,
      ...(count === 0 && reader?.isRestart && { isRestart: true }),
      ...(end && { end }),
    }
  }

  #leave(): void {
    this.#stopBeating()
    this.#reader?.close()
  }
}

function upTo(max: number, reader: TurnReader): readonly ReadEvent[] {
  const events: ReadEvent[] = []
  for (let event = reader.next(); event !== undefined; event = reader.next()) {
    events.push(event)
    if (events.length >= max) break
  }
  return events
}
