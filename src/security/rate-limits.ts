import { oneMsOf, roundingMs, type Bucket, type Buckets, type Taken } from '../log/buckets.ts'

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
  readonly buckets: Buckets
  readonly rates: Readonly<Record<LimitName, Rate>>
}

/** Token buckets: what passes takes one from every bucket that it is counted in, what is refused takes none. */
export class RateLimits {
  readonly #options: RateLimitsOptions

  constructor(options: RateLimitsOptions) {
    this.#options = options
  }

  /** Whether one would pass now. Takes nothing. */
  async ask(keys: RateKeys): Promise<RateVerdict> {
    const buckets = this.#bucketsOf(keys)
    return buckets.length === 0 ? unlimited : verdictOf(buckets, await this.#options.buckets.ask(buckets))
  }

  /** Takes one from every bucket, or, where one of them has none, from none. */
  async take(keys: RateKeys): Promise<RateVerdict> {
    const buckets = this.#bucketsOf(keys)
    return buckets.length === 0 ? unlimited : verdictOf(buckets, await this.#options.buckets.take(buckets))
  }

  letGo(keys: RateKeys): void {
    this.#options.buckets.letGo(this.#bucketsOf(keys))
  }

  #bucketsOf(keys: RateKeys): readonly LimitBucket[] {
    return limitNames.flatMap((limit) => {
      const rate = this.#options.rates[limit]
      return rate.max > 0 ? [keys[limit] ?? []].flat().map((key) => ({ limit, key, ...rate })) : []
    })
  }
}

interface LimitBucket extends Bucket {
  readonly limit: LimitName
}

const limitNames = ['session', 'burst', 'workspace', 'address', 'app', 'keys', 'listens'] as const
const unlimited: RateVerdict = { ok: true, tightest: null }

/**
 * With the limit that has the fewest left; of several the one that takes longest, so that waiting for it is enough.
 * Whether there was one is for the buckets to say: what is missing was rounded on its way from them.
 */
function verdictOf(buckets: readonly LimitBucket[], { ok, missingMs }: Taken): RateVerdict {
  const [tightest] = buckets
    .map((bucket, index) => standingOf(bucket, missingMs[index] ?? 0))
    .toSorted((one, other) => one.remaining - other.remaining || other.waitMs - one.waitMs)
  return tightest === undefined ? unlimited : { ok, tightest }
}

function standingOf(bucket: LimitBucket, missingMs: number): Standing {
  const { limit, max, windowMs } = bucket
  const oneMs = oneMsOf(bucket)
  const remaining = Math.floor((windowMs - missingMs + roundingMs) / oneMs)
  const waitMs = Math.max(0, missingMs - (max - remaining - 1) * oneMs)
  return { limit, max, remaining, waitMs: remaining === max ? 0 : waitMs }
}
