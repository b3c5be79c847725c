import type { Store } from '../../src/log/store.ts'

type Operation = Exclude<keyof Store, 'description' | 'shared'>

/** What goes wrong. Whatever a fault throws or waits for, the caller of the store gets. */
export interface Faults {
  /** Before the store is asked: what throws here never reaches it. */
  before?: (operation: Operation, argument: unknown) => Promise<void> | void
  /** After the store has done it: what throws here loses the answer. */
  after?: (operation: Operation) => Promise<void> | void
}

/** A store over a network that can break at any moment. */
export function unreliable(inner: Store): { readonly store: Store; readonly faults: Faults } {
  const faults: Faults = {}
  async function through<Result>(
    operation: Operation,
    argument: unknown,
    run: () => Promise<Result>,
  ): Promise<Result> {
    await faults.before?.(operation, argument)
    const result = await run()
    await faults.after?.(operation)
    return result
  }
  const store: Store = {
    description: inner.description,
    shared: inner.shared,
    append: (append) => through('append', append, () => inner.append(append)),
    load: (id) => through('load', id, () => inner.load(id)),
    events: (id) => through('events', id, () => inner.events(id)),
    version: (id) => through('version', id, () => inner.version(id)),
    saveSnapshot: (id, snapshot) => through('saveSnapshot', snapshot, () => inner.saveSnapshot(id, snapshot)),
    touch: (id, expiresAt) => through('touch', id, () => inner.touch(id, expiresAt)),
    expired: (now, max) => through('expired', now, () => inner.expired(now, max)),
    ids: (after, max) => through('ids', after, () => inner.ids(after, max)),
    remove: (id, expiredBefore) => through('remove', id, () => inner.remove(id, expiredBefore)),
    acquireLease: (id, owner, ms) => through('acquireLease', owner, () => inner.acquireLease(id, owner, ms)),
    renewLease: (id, owner, ms) => through('renewLease', owner, () => inner.renewLease(id, owner, ms)),
    releaseLease: (id, owner) => through('releaseLease', owner, () => inner.releaseLease(id, owner)),
    count: (name, amount, expiresAt) => through('count', name, () => inner.count(name, amount, expiresAt)),
    close: () => inner.close(),
  }
  return { store, faults }
}

/** A fault that happens to the first of these operations and then never again. */
export function once(
  operation: Operation,
  fault: () => Promise<void> | void,
): (asked: Operation) => Promise<void> {
  let isDone = false
  return async (asked) => {
    if (isDone || asked !== operation) return
    isDone = true
    await fault()
  }
}
