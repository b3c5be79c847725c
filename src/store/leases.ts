import type { Clock } from '../clock.ts'

interface Lease {
  readonly owner: string
  /** By the clock's `now`; from this moment on nobody holds it. */
  readonly endsAt: number
}

/** Leases sweeping starts at: fewer than this are not worth looking through. */
const sweepSizeMin = 64

/** Who may extend which session, kept by the one process that all owners live in. */
export class Leases {
  readonly #leases = new Map<string, Lease>()
  readonly #clock: Clock
  #sweepSize = sweepSizeMin

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Leases in memory: those that are held, and at most as many again that have run out. */
  get size(): number {
    return this.#leases.size
  }

  isHeldBy(id: string, owner: string): boolean {
    return this.#holder(id) === owner
  }

  acquire(id: string, owner: string, durationMs: number): boolean {
    const holder = this.#holder(id)
    if (holder !== undefined && holder !== owner) return false
    this.#leases.set(id, { owner, endsAt: this.#clock.now() + durationMs })
    if (this.#leases.size > this.#sweepSize) this.#dropEnded()
    return true
  }

  renew(id: string, owner: string, durationMs: number): boolean {
    return this.isHeldBy(id, owner) && this.acquire(id, owner, durationMs)
  }

  release(id: string, owner: string): void {
    if (this.isHeldBy(id, owner)) this.#leases.delete(id)
  }

  /** Frees the lease whoever holds it: its session is gone. */
  forget(id: string): void {
    this.#leases.delete(id)
  }

  #holder(id: string): string | undefined {
    const lease = this.#leases.get(id)
    return lease !== undefined && this.#clock.now() < lease.endsAt ? lease.owner : undefined
  }

  /** Runs only when the number has doubled since the last time, so that it costs next to nothing per lease. */
  #dropEnded(): void {
    const now = this.#clock.now()
    for (const [id, lease] of this.#leases) {
      if (lease.endsAt <= now) this.#leases.delete(id)
    }
    this.#sweepSize = Math.max(sweepSizeMin, 2 * this.#leases.size)
  }
}
