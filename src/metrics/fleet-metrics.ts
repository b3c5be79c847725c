import type { Registry } from 'prom-client'
import type { FleetFailure, FleetObserver } from './fleet.ts'
import { counterIn } from './series.ts'

const failures = {
  'too-large': true,
  'too-many': true,
  unreachable: true,
} as const satisfies Record<FleetFailure, true>

export function observeFleet(registry: Registry): FleetObserver {
  const failed = counterIn(registry)(
    'maya_fleet_failures_total',
    'Times that this container could not show its metrics to the fleet or read those of the fleet, by why.',
    { reason: Object.keys(failures) },
  )
  return { fleetFailed: (reason) => failed.inc({ reason }) }
}
