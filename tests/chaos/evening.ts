import { sleep, systemClock } from '../../src/clock.ts'
import type { Store } from '../../src/log/store.ts'
import { openRedisStore } from '../../src/store/redis.ts'
import { Random } from '../simulation/random.ts'
import { checkStore, describe, idOf, type LogCounts, type Memory } from './checks.ts'
import { faultKinds, planFaults, strikeAll, type FaultKind } from './faults.ts'
import { Fleet } from './fleet.ts'
import { Guest, nothingDone, type Tally } from './guest.ts'

export interface EveningOptions {
  readonly seed: number
  readonly rounds: number
  /** Guests at the same time. */
  readonly guests: number
}

/** What was survived. */
export interface EveningReport {
  readonly faults: Readonly<Record<FaultKind, { readonly times: number; readonly turnsStruck: number }>>
  readonly guests: Tally
  readonly logs: LogCounts
}

/** Guests are here before anything goes wrong, and have so long to get their answers when all is well again. */
const quietMs = 2500
const lastOrdersMs = 40_000

/** One evening of guests over three servers and a Redis that all fail. Rejects with what was not as it was told. */
export async function spendEvening(options: EveningOptions): Promise<EveningReport> {
  const fleet = await Fleet.open({ places: 3, environment: crowdedBar(options.guests) })
  try {
    return await new Evening(options, fleet).run()
  } finally {
    await fleet.destroy()
  }
}

/** Fewer places than guests, so that sessions leave memory and come back all the time; words that take a while. */
function crowdedBar(guests: number): Readonly<Record<string, string>> {
  return {
    MAYA_HOUSE_PACE_MS: '40',
    MAYA_SESSIONS_PER_CONTAINER: String(Math.ceil(guests * 0.9)),
    MAYA_DEFAULT_SESSION_MEMORY_MB: '1',
    MAYA_SESSION_IDLE_SECONDS: '1',
    MAYA_CLEANUP_INTERVAL_SECONDS: '2',
  }
}

class Evening {
  readonly #options: EveningOptions
  readonly #fleet: Fleet
  readonly #tally = { ...nothingDone }
  readonly #guests: Guest[] = []
  readonly #deadline = new AbortController()
  #isOver = false
  #isExplained = false

  constructor(options: EveningOptions, fleet: Fleet) {
    this.#options = options
    this.#fleet = fleet
  }

  async run(): Promise<EveningReport> {
    const { signal } = this.#deadline
    try {
      const seats = Array.from({ length: this.#options.guests }, (_, seat) => this.#fill(seat))
      // What one guest is told wrongly ends the evening at once.
      const [faults] = await Promise.all([this.#failAndHeal(signal), ...seats])
      await Promise.all(
        this.#guests.map((guest) => guest.settle().catch((error: unknown) => this.#explain(guest, error))),
      )
      const logs = await this.#withStore((store) => checkStore(store, this.#guests.map(memoryOf)))
      await this.#fleet.close()
      return { faults, guests: this.#tally, logs }
    } finally {
      this.#deadline.abort(new Error('The evening is over.'))
    }
  }

  /** One guest after the other. */
  async #fill(seat: number): Promise<void> {
    for (let visit = 0; !this.#isOver; visit++) {
      const random = new Random(this.#options.seed * 1_000_003 + seat * 1009 + visit)
      const { signal: deadline } = this.#deadline
      const guest = new Guest({ fleet: this.#fleet, random, tally: this.#tally, deadline })
      this.#guests.push(guest)
      await guest.stay(() => this.#isOver).catch((error: unknown) => this.#explain(guest, error))
    }
  }

  /** Says what the session was, because the fleet is gone when the error is read. */
  async #explain(guest: Guest, error: unknown): Promise<never> {
    // What others say when the evening has ended because of one of them explains nothing.
    if (this.#isExplained) throw error
    this.#isExplained = true
    const id = idOf(guest.token)
    const events = await this.#withStore((store) => store.events(id)).catch(() => [])
    const session = describe({ id, events, memory: memoryOf(guest) })
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${session}`, { cause: error })
  }

  /** From then on guests only wait for what they have asked. */
  async #failAndHeal(signal: AbortSignal): Promise<EveningReport['faults']> {
    const { seed, rounds } = this.#options
    await sleep(systemClock, quietMs, signal)
    const struck = await strikeAll(planFaults(new Random(seed), rounds), this.#fleet, signal)
    this.#isOver = true
    systemClock.after(lastOrdersMs, () =>
      this.#deadline.abort(new Error('Guests still have no answer, long after everything was well again.')),
    )
    const entries = faultKinds.map((kind) => {
      const same = struck.filter((fault) => fault.kind === kind)
      return [kind, { times: same.length, turnsStruck: same.reduce((sum, { turns }) => sum + turns, 0) }]
    })
    return Object.fromEntries(entries)
  }

  async #withStore<Result>(use: (store: Store) => Promise<Result>): Promise<Result> {
    const { address } = this.#fleet.redis
    const store = await openRedisStore({ address, clock: systemClock, random: Math.random })
    try {
      return await use(store)
    } finally {
      await store.close()
    }
  }
}

function memoryOf({ token, hearings, payments }: Guest): Memory {
  return { token, hearings, receipts: payments.flatMap(({ receipt }) => receipt ?? []) }
}
