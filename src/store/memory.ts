import type { Clock } from '../clock.ts'
import type { SessionEvent } from '../log/events.ts'
import {
  StoreError,
  type Append,
  type AppendResult,
  type Snapshot,
  type Store,
  type StoredLog,
} from '../log/store.ts'
import { Counters } from './counters.ts'
import { ExpiryQueue } from './expiry-queue.ts'
import { Leases } from './leases.ts'

export interface MemoryStoreOptions {
  readonly clock: Clock
  /** True when several services use this one store, as several containers would; default false. */
  readonly shared?: boolean
}

/** Keeps the logs in this process, until it ends or the store is closed. */
export function createMemoryStore({ clock, shared = false }: MemoryStoreOptions): Store {
  return new MemoryStore(clock, shared)
}

interface Log {
  readonly id: string
  readonly events: SessionEvent[]
  snapshot: Snapshot | undefined
  expiresAt: number
  place: number
}

/** Every operation is done before it returns its promise, so that none can come between. */
class MemoryStore implements Store {
  readonly description = 'memory'
  readonly shared: boolean
  readonly #logs = new Map<string, Log>()
  readonly #byExpiry = new ExpiryQueue<Log>()
  readonly #leases: Leases
  readonly #counters: Counters
  #closed = false

  constructor(clock: Clock, shared: boolean) {
    this.shared = shared
    this.#leases = new Leases(clock)
    this.#counters = new Counters(clock)
  }

  async append({ id, expectedVersion, events, expiresAt, owner }: Append): Promise<AppendResult> {
    this.#assertOpen()
    if (owner !== undefined && !this.#leases.isHeldBy(id, owner)) return { ok: false, reason: 'lease-lost' }
    const present = this.#logs.get(id)
    if (expectedVersion !== (present?.events.length ?? 0)) return { ok: false, reason: 'conflict' }
    if (events.length === 0) return { ok: true, version: expectedVersion }
    const log = present ?? this.#begin(id, expiresAt)
    for (const event of events) log.events.push(event)
    this.#expireAt(log, expiresAt)
    return { ok: true, version: log.events.length }
  }

  async load(id: string): Promise<StoredLog | undefined> {
    this.#assertOpen()
    const log = this.#logs.get(id)
    if (log === undefined) return undefined
    const { snapshot, expiresAt } = log
    return { version: log.events.length, snapshot, events: log.events.slice(snapshot?.version), expiresAt }
  }

  async events(id: string): Promise<readonly SessionEvent[]> {
    this.#assertOpen()
    return this.#logs.get(id)?.events.slice() ?? []
  }

  async version(id: string): Promise<number> {
    this.#assertOpen()
    return this.#logs.get(id)?.events.length ?? 0
  }

  async saveSnapshot(id: string, snapshot: Snapshot): Promise<void> {
    this.#assertOpen()
    const log = this.#logs.get(id)
    if (log === undefined || snapshot.version > log.events.length) return
    if (log.snapshot === undefined || log.snapshot.version < snapshot.version) log.snapshot = snapshot
  }

  async touch(id: string, expiresAt: number): Promise<void> {
    this.#assertOpen()
    const log = this.#logs.get(id)
    if (log !== undefined) this.#expireAt(log, expiresAt)
  }

  async expired(now: number, max: number): Promise<readonly string[]> {
    this.#assertOpen()
    return this.#byExpiry.expired(now, max).map((log) => log.id)
  }

  async ids(after: string | undefined, max: number): Promise<readonly string[]> {
    this.#assertOpen()
    const later = [...this.#logs.keys()].filter((id) => after === undefined || id > after)
    return later.toSorted().slice(0, max)
  }

  async remove(id: string, expiredBefore = Infinity): Promise<boolean> {
    this.#assertOpen()
    const log = this.#logs.get(id)
    if (log === undefined || log.expiresAt > expiredBefore) return false
    this.#logs.delete(id)
    this.#byExpiry.remove(log)
    this.#leases.forget(id)
    return true
  }

  async acquireLease(id: string, owner: string, durationMs: number): Promise<boolean> {
    this.#assertOpen()
    return this.#leases.acquire(id, owner, durationMs)
  }

  async renewLease(id: string, owner: string, durationMs: number): Promise<boolean> {
    this.#assertOpen()
    return this.#leases.renew(id, owner, durationMs)
  }

  async releaseLease(id: string, owner: string): Promise<void> {
    this.#assertOpen()
    this.#leases.release(id, owner)
  }

  async count(name: string, amount: number, expiresAt: number): Promise<number> {
    this.#assertOpen()
    return this.#counters.count(name, amount, expiresAt)
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #begin(id: string, expiresAt: number): Log {
    const log: Log = { id, events: [], snapshot: undefined, expiresAt, place: 0 }
    this.#logs.set(id, log)
    this.#byExpiry.add(log)
    return log
  }

  #expireAt(log: Log, expiresAt: number): void {
    log.expiresAt = expiresAt
    this.#byExpiry.reorder(log)
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError('The store is closed.')
  }
}
