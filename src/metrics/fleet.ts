import { every, type Clock } from '../clock.ts'
import type { Board, PostResult } from '../log/board.ts'
import { gaugeText, mergeTexts, withLabel } from './exposition.ts'

/** What the metrics of the fleet report. The metrics of the container implement it; tests record it. */
export interface FleetObserver {
  /** This container's samples were refused by the board, or the board could not be written or read. */
  fleetFailed(reason: FleetFailure): void
}

export type FleetFailure = Extract<PostResult, { ok: false }>['reason'] | 'unreachable'

export interface FleetOptions {
  readonly board: Board
  /** How this container is called in the fleet: no other has this name, now or later. */
  readonly container: string
  readonly metrics: { text(): Promise<string> }
  readonly clock: Clock
  readonly publishMs: number
  /** How long samples are shown that nobody renews. */
  readonly lifeMs: number
  readonly observer: FleetObserver
  /** Gets everything that was thrown. */
  readonly reportError: (error: unknown) => void
}

/**
 * Shows this container's samples to the fleet, and those of the fleet to whoever asks.
 *
 * An answer holds what the board holds and nothing newer, this container's own samples included: a counter that was
 * seen fresh here and is then seen on the board of a moment ago, through another container, would go back, which
 * Prometheus takes for a restart. So while the board is away, no series are shown; a gap harms no rate.
 */
export class Fleet {
  readonly #options: FleetOptions
  #stopPublishing: (() => void) | undefined
  #publication = Promise.resolve()
  #reading: Promise<string> = Promise.resolve('')
  #nextReading: Promise<string> | undefined

  constructor(options: FleetOptions) {
    this.#options = options
  }

  /** Publishes at once, so that counters are seen at their beginning, and from then on. Never rejects. */
  async start(): Promise<void> {
    const { clock, publishMs } = this.#options
    this.#stopPublishing ??= every(clock, publishMs, () => this.#publish())
    await this.#publish()
  }

  /** Takes this container's series out of the fleet. Never rejects: what stays on the board ends by itself. */
  async stop(): Promise<void> {
    const { board, container } = this.#options
    this.#stopPublishing?.()
    // What is under way would be shown after the removal.
    await this.#publication
    await this.#attempt(() => board.remove(container), undefined)
  }

  /**
   * The Prometheus text of the whole fleet. Never rejects. One reading runs at a time, and all who ask meanwhile share
   * the one after it: the running one began before they asked.
   */
  text(): Promise<string> {
    this.#nextReading ??= this.#reading.then(() => {
      this.#nextReading = undefined
      this.#reading = this.#read()
      return this.#reading
    })
    return this.#nextReading
  }

  #publish(): Promise<void> {
    this.#publication = this.#attempt(() => this.#post(), undefined)
    return this.#publication
  }

  async #post(): Promise<void> {
    const { board, container, metrics, lifeMs, observer } = this.#options
    const text = withLabel(await metrics.text(), 'container', container)
    const result = await board.post(container, text, lifeMs)
    if (!result.ok) observer.fleetFailed(result.reason)
  }

  #read(): Promise<string> {
    return this.#attempt(() => this.#readFleet(), boardUp(0))
  }

  async #readFleet(): Promise<string> {
    const texts = await this.#options.board.all()
    const containers = gaugeText('maya_fleet_containers', 'Containers whose series are here.', texts.size)
    // In the same order whoever answers, so that of different descriptions of a family the same one counts.
    const inOrder = [...texts].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, text]) => text)
    return mergeTexts([boardUp(1), containers, ...inOrder])
  }

  async #attempt<Result>(work: () => Promise<Result>, otherwise: Result): Promise<Result> {
    try {
      return await work()
    } catch (error) {
      this.#options.observer.fleetFailed('unreachable')
      this.#options.reportError(error)
      return otherwise
    }
  }
}

function boardUp(value: 0 | 1): string {
  const help = '1 when what the containers publish could be read; else nothing more is here.'
  return gaugeText('maya_fleet_board_up', help, value)
}

const placeCharactersMax = 48

/**
 * A container's name in the fleet: what its platform calls it, for the reader, and what makes it unique. Many platforms
 * give all their containers the same host name and process id, and two that shared a name would show counters that jump.
 */
export function containerName(place: string, unique: string): string {
  return `${place.replaceAll(/[^\w.-]+/g, '-').slice(0, placeCharactersMax)}-${unique}`
}
