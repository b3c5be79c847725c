import { eventBounds } from './told-turns.ts'
import { every } from '../clock.ts'
import type { Limits } from '../config/limits.ts'
import { startOfRange, TurnEvents } from '../conversation/turn-events.ts'
import { ignoreStoreError, StoreError } from '../log/store.ts'
import type { RelayParts } from './offered-turn.ts'
import { channelOf, readTold, writeRequest, type Told } from './relay-wire.ts'

export interface FollowedTurnsOptions extends RelayParts {
  readonly limits: Limits
  readonly sessionId: string
  readonly createId: () => string
  /** Called when a turn has told its last event, before its readers here are told of the end. */
  readonly onEnd: (events: TurnEvents) => Promise<void>
}

/** The turns of one session that run in other containers, as far as somebody reads them here. */
export class FollowedTurns {
  readonly #options: FollowedTurnsOptions
  readonly #turns = new Map<string, FollowedTurn>()

  constructor(options: FollowedTurnsOptions) {
    this.#options = options
  }

  /** About how many bytes their copies hold. */
  get bytes(): number {
    return [...this.#turns.values()].reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** The events of a turn, or undefined where no container that can be reached runs it. */
  async find(turnId: string): Promise<TurnEvents | undefined> {
    const known = this.#turns.get(turnId)
    if (known !== undefined) return known.begun
    const turn = new FollowedTurn(this.#options, turnId)
    this.#turns.set(turnId, turn)
    void turn.whenOver.then(() => this.#turns.delete(turnId))
    return turn.begun
  }

  /** Stops a turn and waits for its end; false where no container that can be reached runs it. */
  async stop(turnId: string): Promise<boolean> {
    // Followed, so that its end is noticed.
    const events = await this.find(turnId)
    if (events === undefined) return false
    const { bus, clock, limits, sessionId } = this.#options
    const ask = (): Promise<number> =>
      bus.publish(channelOf(sessionId, turnId), writeRequest({ kind: 'stop' }))
    if ((await ask()) === 0) return false
    // It may be lost on its way.
    const stopAsking = every(
      clock,
      limits.leaseRenewMs,
      async () => void (await ask().catch(ignoreStoreError)),
    )
    await events.whenEnded
    stopAsking()
    return true
  }

  dispose(): void {
    for (const turn of this.#turns.values()) turn.giveUp()
  }
}

/** How often in a row it is asked for the rest of a turn without anything new. */
const asksMax = 3

/** The copy of the events of one turn that runs elsewhere, under the same numbers. */
class FollowedTurn {
  /** The copy as soon as there is one, or undefined where nobody answers. */
  readonly begun: Promise<TurnEvents | undefined>
  readonly #options: FollowedTurnsOptions
  readonly #turnId: string
  readonly #begun = Promise.withResolvers<TurnEvents | undefined>()
  readonly #over = Promise.withResolvers<void>()
  #events: TurnEvents | undefined
  #isOver = false
  /** Where this is told, and the count of the next message there. */
  #channel = ''
  #count = 0
  #asked = 0
  #unsubscribe = (): void => {}
  #cancelSilence = (): void => {}

  constructor(options: FollowedTurnsOptions, turnId: string) {
    this.#options = options
    this.#turnId = turnId
    this.begun = this.#begun.promise
    void this.#ask()
  }

  get bytes(): number {
    return this.#events?.bytes ?? 0
  }

  /** Resolves when nothing more comes and nothing is held any more. */
  get whenOver(): Promise<void> {
    return this.#over.promise
  }

  /** What was not told yet is not told here any more: readers may come back and find what there is then. */
  giveUp(): void {
    if (this.#isOver) return
    const events = this.#events
    if (events !== undefined) {
      // A number that the turn itself may still give out must not be one of this.
      events.beginRetelling()
      const message = 'This answer goes on elsewhere. Ask again to go on with it.'
      events.emit({ type: 'error', code: 'INTERRUPTED', message, retryable: true })
    }
    this.#close()
    events?.end()
  }

  /** Asks for everything that is not here yet. */
  async #ask(): Promise<void> {
    const { bus, createId, sessionId, limits } = this.#options
    this.#stopListening()
    if (this.#isOver || ++this.#asked > asksMax) return this.giveUp()
    const channel = `told:${createId()}`
    this.#channel = channel
    this.#count = 0
    const after = this.#events?.lastNumber ?? null
    try {
      this.#unsubscribe = await bus.subscribe(channel, (message) => {
        if (this.#channel === channel) this.#onTold(message)
      })
      this.#expectSign(limits.leaseRenewMs)
      const request = writeRequest({ kind: 'follow', channel, after })
      if ((await bus.publish(channelOf(sessionId, this.#turnId), request)) === 0) this.giveUp()
    } catch (error) {
      this.giveUp()
      if (!(error instanceof StoreError)) throw error
    }
    if (this.#isOver) this.#stopListening()
  }

  #onTold(message: string): void {
    const told = readTold(message)
    if (this.#isOver) return
    if (told === undefined || told.count !== this.#count || told.end === 'lost') return void this.#ask()
    if (told.isRestart === true) return this.giveUp()
    this.#count++
    this.#expectSign(this.#options.limits.leaseMs)
    this.#take(told)
    if (told.end === 'ended' && !this.#isOver) void this.#end()
  }

  #take({ events }: Told): void {
    for (const { number, event } of events) {
      // It is another turn from here on, which has a name of its own.
      if (event.type === 'session' && this.#events !== undefined) return this.giveUp()
      this.#asked = 0
      this.#events ??= this.#begin(number)
      this.#events.emit(event, number)
    }
  }

  #begin(number: number): TurnEvents {
    const { limits } = this.#options
    const base = startOfRange(number)
    const events = new TurnEvents({ turnId: this.#turnId, base, ...eventBounds(limits) })
    this.#begun.resolve(events)
    return events
  }

  #expectSign(withinMs: number): void {
    this.#cancelSilence()
    this.#cancelSilence = this.#options.clock.after(withinMs, () => this.giveUp())
  }

  async #end(): Promise<void> {
    const events = this.#events
    this.#close()
    if (events === undefined) return
    await this.#options.onEnd(events)
    events.end()
  }

  #close(): void {
    this.#isOver = true
    this.#stopListening()
    this.#begun.resolve(undefined)
    this.#over.resolve()
  }

  #stopListening(): void {
    this.#cancelSilence()
    this.#unsubscribe()
    this.#unsubscribe = () => {}
  }
}
