import { Histogram, type Registry } from 'prom-client'
import type { StoreObserver, StoreOperation } from '../store/observed.ts'
import { counterIn } from './series.ts'

const storeSeconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 2]

/** Every operation, so that each has its series from the start; the compiler tells when one is missing. */
const storeOperations = {
  append: true,
  load: true,
  events: true,
  version: true,
  saveSnapshot: true,
  touch: true,
  expired: true,
  ids: true,
  remove: true,
  acquireLease: true,
  renewLease: true,
  releaseLease: true,
  count: true,
} as const satisfies Record<StoreOperation, true>

export function observeStore(registry: Registry): StoreObserver {
  const counter = counterIn(registry)
  const names = Object.keys(storeOperations)
  const failures = counter('maya_store_failures_total', 'Operations of the store that failed, by name.', {
    operation: names,
  })
  const conflicts = counter(
    'maya_store_conflicts_total',
    'Appends that found another version than they expected.',
  )
  const operations = new Histogram({
    name: 'maya_store_operation_seconds',
    help: 'Operations of the store, failed ones included, by name.',
    labelNames: ['operation'],
    buckets: storeSeconds,
    registers: [registry],
  })
  for (const operation of names) operations.zero({ operation })
  return {
    operation: (operation, seconds) => operations.observe({ operation }, seconds),
    failed: (operation) => failures.inc({ operation }),
    conflict: () => conflicts.inc(),
  }
}
