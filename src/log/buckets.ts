/** A bucket of tokens. Full, it has `max`; what was taken comes back bit by bit, as much as it holds in `windowMs`. */
export interface Bucket {
  /** What it limits, such as messages of a session. */
  readonly limit: string
  /** Whose it is. */
  readonly key: string
  readonly max: number
  readonly windowMs: number
}

export interface Taken {
  readonly ok: boolean
  /** How long each takes until it is full again, in milliseconds, in the order in which they were asked for. */
  readonly missingMs: readonly number[]
}

/**
 * Buckets that are remembered until they are full again, by a clock of their own.
 * Every implementation passes tests/store/buckets.contract.ts. Rejects with a `StoreError` where they cannot be reached.
 */
export interface Buckets {
  /** Whether all of them have one. Takes nothing. */
  ask(buckets: readonly Bucket[]): Promise<Taken>
  /** Takes one from each, or, where one of them has none, from none. No sum is lost between many who take at once. */
  take(buckets: readonly Bucket[]): Promise<Taken>
  /** The container has let go of whoever these belong to. Where others share them they stay, and run full by time. */
  letGo(buckets: readonly Pick<Bucket, 'limit' | 'key'>[]): void
}

/** What sums of fractions may be wrong by, in milliseconds. */
export const roundingMs = 0.001

/** In what time one token comes back, in milliseconds. */
export function oneMsOf({ max, windowMs }: Pick<Bucket, 'max' | 'windowMs'>): number {
  return windowMs / max
}
