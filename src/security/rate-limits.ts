import type { Clock } from '../clock.ts'

/** What is counted: a guest's messages in five ways, checks of a guest's own key, and how often one is listened to. */
export type LimitName = 'session' | 'burst' | 'workspace' | 'address' | 'app' | 'keys' | 'listens'

/** So many at once, and again as many in every window, bit by bit. 0 is no limit. */
export interface Rate {
  readonly max: number
  readonly windowMs: number
}

/** From whose buckets each limit takes: a session's, an address's, both. Limits that are left out are not asked. */
export type RateKeys = Readonly<Partial<Record<LimitName, string | readonly string[]>>>

/** How it stands with one limit. */
export interface Standing {
  readonly limit: LimitName
  readonly max: number
  readonly remaining: number
  /** Until there is one more. */
  readonly waitMs: number
}

/** With the tightest of the limits; null where none is set. */
export type RateVerdict =
  | { readonly ok: true; readonly tightest: Standing | null }
  | { readonly ok: false; readonly tightest: Standing }

export interface RateLimitsOptions {
  readonly clock: Clock
  readonly rates: Readonly<Record<LimitName, Rate>>
  /** Buckets that each limit remembers. */
  readonly keysMax: number
}

/**
 * Token buckets: what passes takes one from every bucket that it is counted in, what is refused takes none.
 * Promises, although nothing is waited for yet: containers that count together will have to ask a store.
 */
export class RateLimits {
  readonly #clock: Clock
  readonly #buckets: ReadonlyMap<string, Buckets>

  constructor({ clock, rates, keysMax }: RateLimitsOptions) {
    this.#clock = clock
    const limited = Object.entries(rates).filter(([, { max }]) => max > 0)
    this.#buckets = new Map(limited.map(([name, rate]) => [name, new Buckets(rate, keysMax)]))
  }

  /** Whether one would pass now. Takes nothing. */
  async ask(keys: RateKeys): Promise<RateVerdict> {
    return verdictOf(this.#levels(keys, this.#clock.now()))
  }

  /** Takes one from every bucket, or, where one of them has none, from none. */
  async take(keys: RateKeys): Promise<RateVerdict> {
    const nowMs = this.#clock.now()
    const before = verdictOf(this.#levels(keys, nowMs))
    if (!before.ok) return before
    for (const { buckets, key } of this.#asked(keys)) buckets.take(key, nowMs)
    return { ok: true, tightest: tightestOf(this.#levels(keys, nowMs)) }
  }

  forget(keys: RateKeys): void {
    for (const { buckets, key } of this.#asked(keys)) buckets.forget(key)
  }

  /** Buckets that are remembered, of all limits together. */
  get size(): number {
    return [...this.#buckets.values()].reduce((sum, { size }) => sum + size, 0)
  }

  #levels(keys: RateKeys, nowMs: number): readonly Standing[] {
    return this.#asked(keys).map(({ limit, buckets, key }) => ({ limit, ...buckets.level(key, nowMs) }))
  }

  #asked(keys: RateKeys): readonly Asked[] {
    return limitNames.flatMap((limit) => {
      const buckets = this.#buckets.get(limit)
      if (buckets === undefined) return []
      return [keys[limit] ?? []].flat().map((key) => ({ limit, buckets, key }))
    })
  }
}

interface Asked {
  readonly limit: LimitName
  readonly buckets: Buckets
  readonly key: string
}

const limitNames = ['session', 'burst', 'workspace', 'address', 'app', 'keys', 'listens'] as const

/** Full buckets are cleared away so often, at the most. */
const sweepMs = 1000

/** What sums of fractions may be wrong by. */
const roundingMs = 0.001

/**
 * The buckets of one limit, one number each (GCRA): the moment at which it will be full again. A bucket that is full
 * needs no entry. When there are too many, the one that was taken from the longest ago is forgotten, that is, filled.
 */
class Buckets {
  readonly #max: number
  readonly #windowMs: number
  /** What one costs: it comes back in this time. */
  readonly #oneMs: number
  readonly #keysMax: number
  /** In the order in which they were taken from. */
  readonly #fullAtMs = new Map<string, number>()
  #sweptAtMs = -Infinity

  constructor({ max, windowMs }: Rate, keysMax: number) {
    this.#max = max
    this.#windowMs = windowMs
    this.#oneMs = windowMs / max
    this.#keysMax = keysMax
  }

  get size(): number {
    return this.#fullAtMs.size
  }

  level(key: string, nowMs: number): Omit<Standing, 'limit'> {
    const missingMs = Math.max(0, (this.#fullAtMs.get(key) ?? nowMs) - nowMs)
    const remaining = Math.floor((this.#windowMs - missingMs + roundingMs) / this.#oneMs)
    const waitMs = Math.max(0, missingMs - (this.#max - remaining - 1) * this.#oneMs)
    return { max: this.#max, remaining, waitMs: remaining === this.#max ? 0 : waitMs }
  }

  take(key: string, nowMs: number): void {
    const fullAtMs = Math.max(this.#fullAtMs.get(key) ?? nowMs, nowMs) + this.#oneMs
    this.#fullAtMs.delete(key)
    this.#makeRoom(nowMs)
    this.#fullAtMs.set(key, fullAtMs)
  }

  forget(key: string): void {
    this.#fullAtMs.delete(key)
  }

  #makeRoom(nowMs: number): void {
    if (nowMs - this.#sweptAtMs >= sweepMs) {
      this.#sweptAtMs = nowMs
      for (const [key, fullAtMs] of this.#fullAtMs) if (fullAtMs <= nowMs) this.#fullAtMs.delete(key)
    }
    const [oldest] = this.#fullAtMs.keys()
    if (oldest !== undefined && this.#fullAtMs.size >= this.#keysMax) this.#fullAtMs.delete(oldest)
  }
}

/** Refused by those that have none left; of these the one that takes longest, so that waiting for it is enough. */
function verdictOf(standings: readonly Standing[]): RateVerdict {
  const over = tightestOf(standings.filter(({ remaining }) => remaining < 1))
  return over === null ? { ok: true, tightest: tightestOf(standings) } : { ok: false, tightest: over }
}

function tightestOf(standings: readonly Standing[]): Standing | null {
  const [tightest = null] = standings.toSorted(
    (one, other) => one.remaining - other.remaining || other.waitMs - one.waitMs,
  )
  return tightest
}
