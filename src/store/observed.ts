import type { Clock } from '../clock.ts'
import type { Store } from '../log/store.ts'

/** The operations that are timed: everything a store does between opening and closing. */
export type StoreOperation = Exclude<keyof Store, 'description' | 'shared' | 'close'>

/** What a store reports. Metrics implement it; tests record it. */
export interface StoreObserver {
  /** An operation ended, well or not, after this time. */
  operation(name: StoreOperation, seconds: number): void
  /** It failed. */
  failed(name: StoreOperation): void
  /** An append found another version than it expected. */
  conflict(): void
}

/** The same store, every operation of which is reported. */
export function observeStore(store: Store, observer: StoreObserver, clock: Clock): Store {
  async function timed<Result>(name: StoreOperation, run: () => Promise<Result>): Promise<Result> {
    const startedMs = clock.now()
    try {
      return await run()
    } catch (error) {
      observer.failed(name)
      throw error
    } finally {
      observer.operation(name, (clock.now() - startedMs) / 1000)
    }
  }
  return {
    description: store.description,
    shared: store.shared,
    async append(append) {
      const result = await timed('append', () => store.append(append))
      if (!result.ok && result.reason === 'conflict') observer.conflict()
      return result
    },
    load: (id) => timed('load', () => store.load(id)),
    events: (id) => timed('events', () => store.events(id)),
    version: (id) => timed('version', () => store.version(id)),
    saveSnapshot: (id, snapshot) => timed('saveSnapshot', () => store.saveSnapshot(id, snapshot)),
    touch: (id, expiresAt) => timed('touch', () => store.touch(id, expiresAt)),
    expired: (now, max) => timed('expired', () => store.expired(now, max)),
    ids: (after, max) => timed('ids', () => store.ids(after, max)),
    remove: (id, expiredBefore) => timed('remove', () => store.remove(id, expiredBefore)),
    acquireLease: (id, owner, durationMs) =>
      timed('acquireLease', () => store.acquireLease(id, owner, durationMs)),
    renewLease: (id, owner, durationMs) => timed('renewLease', () => store.renewLease(id, owner, durationMs)),
    releaseLease: (id, owner) => timed('releaseLease', () => store.releaseLease(id, owner)),
    count: (name, amount, expiresAt) => timed('count', () => store.count(name, amount, expiresAt)),
    close: () => store.close(),
  }
}
