import { every, type Clock } from '../clock.ts'
import { figuresOf, type ContainerFigures } from './container-figures.ts'
import { NoAnswerError } from './no-answer.ts'
import { areOfDifferentContainers, ratesBetween } from './rates.ts'
import { scrapeServer, type Scrape, type ScrapeOptions } from './scrape.ts'

/** Of all containers together. */
export interface ServerFigures {
  readonly containers: number
  readonly sessions: number
  readonly turnsRunning: number
  readonly memoryBytes: number
  readonly loopDelaySeconds: number
}

export interface WatchResult {
  readonly before: ServerFigures
  /** The most of each that was seen. */
  readonly peak: ServerFigures
  readonly after: ServerFigures
  /** In the whole time; undefined where it is not known. */
  readonly cpuCores: number | undefined
  /** Refusals in the whole time, by the limit that refused. */
  readonly limited: Readonly<Record<string, number>>
}

/** Seldom enough that it is no load of its own. */
const watchMs = 5000

/** Reads the server's metrics before, during and after a load. */
export class ServerWatch {
  readonly #options: ScrapeOptions
  readonly #clock: Clock
  readonly #before: Scrape
  #peak: ServerFigures
  #latest: Scrape
  #stopLooking: () => void = () => {}

  private constructor(options: ScrapeOptions, clock: Clock, before: Scrape) {
    this.#options = options
    this.#clock = clock
    this.#before = before
    this.#latest = before
    this.#peak = sumOf(before)
  }

  /** Null where the metrics cannot be read, as without their token. */
  static async begin(options: ScrapeOptions, clock: Clock): Promise<ServerWatch | null> {
    const before = await scrapeOrNull(options)
    return before === null ? null : new ServerWatch(options, clock, before)
  }

  start(): void {
    this.#stopLooking = every(this.#clock, watchMs, () => this.#look())
  }

  stop(): void {
    this.#stopLooking()
  }

  /** Looks a last time. */
  async end(): Promise<WatchResult> {
    await this.#look()
    const [before, after] = [this.#before, this.#latest]
    const isSame = !areOfDifferentContainers(before, after)
    return {
      before: sumOf(before),
      peak: this.#peak,
      after: sumOf(after),
      cpuCores: isSame ? ratesBetween(before, after).cpuCores : undefined,
      limited: isSame ? limitedBetween(before, after) : {},
    }
  }

  async #look(): Promise<void> {
    const scrape = await scrapeOrNull(this.#options)
    if (scrape === null) return
    this.#latest = scrape
    this.#peak = most(this.#peak, sumOf(scrape))
  }
}

async function scrapeOrNull(options: ScrapeOptions): Promise<Scrape | null> {
  try {
    const result = await scrapeServer(options, new AbortController().signal)
    return result.ok ? result.scrape : null
  } catch (error) {
    if (error instanceof NoAnswerError) return null
    throw error
  }
}

function sumOf({ containers }: Scrape): ServerFigures {
  const all = [...containers].map(([name, samples]) => figuresOf(name, samples))
  const sum = (value: (figures: ContainerFigures) => number | undefined): number =>
    all.reduce((before, figures) => before + (value(figures) ?? 0), 0)
  return {
    containers: all.length,
    sessions: sum(({ sessions }) => sessions),
    turnsRunning: sum(({ turnsRunning }) => turnsRunning),
    memoryBytes: sum(({ memoryBytes }) => memoryBytes),
    loopDelaySeconds: Math.max(...all.map(({ loopDelaySeconds = 0 }) => loopDelaySeconds)),
  }
}

function most(one: ServerFigures, other: ServerFigures): ServerFigures {
  return {
    containers: Math.max(one.containers, other.containers),
    sessions: Math.max(one.sessions, other.sessions),
    turnsRunning: Math.max(one.turnsRunning, other.turnsRunning),
    memoryBytes: Math.max(one.memoryBytes, other.memoryBytes),
    loopDelaySeconds: Math.max(one.loopDelaySeconds, other.loopDelaySeconds),
  }
}

const limits = ['session', 'burst', 'workspace', 'address', 'app']

function limitedBetween(before: Scrape, after: Scrape): Readonly<Record<string, number>> {
  const counts = limits.map((limit) => [limit, limitedIn(after, limit) - limitedIn(before, limit)] as const)
  return Object.fromEntries(counts.filter(([, count]) => count > 0))
}

function limitedIn({ containers }: Scrape, limit: string): number {
  const counts = [...containers.values()].map(
    (samples) => samples.sum('maya_rate_limited_total', { limit }) ?? 0,
  )
  return counts.reduce((sum, count) => sum + count, 0)
}
