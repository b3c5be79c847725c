import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { Clock } from './clock.ts'
import type { Limits } from './config/limits.ts'
import type { Board } from './log/board.ts'
import { StoreError } from './log/store.ts'
import { containerName, Fleet } from './metrics/fleet.ts'
import type { Metrics } from './metrics/metrics.ts'

export interface FleetParts {
  readonly board: Board
  readonly facts: { readonly containerName?: string | undefined }
  readonly clock: Clock
  readonly limits: Limits
  readonly metrics: Metrics
  readonly reportDefect: (error: unknown) => void
}

/** The metrics of all containers. */
export function createFleet({ board, facts, clock, limits, metrics, reportDefect }: FleetParts): Fleet {
  return new Fleet({
    board,
    container: containerName(facts.containerName ?? hostname(), randomBytes(4).toString('hex')),
    metrics,
    clock,
    publishMs: limits.fleetPublishMs,
    lifeMs: limits.fleetLifeMs,
    observer: metrics,
    reportError(error) {
      // A store that is away is met again at the next time, and counted.
      if (!(error instanceof StoreError)) reportDefect(error)
    },
  })
}
