import type { Clock } from './clock.ts'
import type { Settings } from './config/settings.ts'
import { watchEventLoop, type LoopDelays } from './event-loop/delays.ts'
import { EventLoopMonitor } from './event-loop/monitor.ts'
import type { Store } from './log/store.ts'
import { createLog, type LineWriter } from './logs/log.ts'
import { MemoryMonitor } from './memory/monitor.ts'
import { createMemoryReader, type MemoryReading } from './memory/readers.ts'
import type { Guard } from './security/guard.ts'

export interface HealthOptions {
  readonly settings: Settings
  readonly facts: {
    readonly residentBytes: () => number
    readonly constrainedMemory: () => number | undefined
  }
  readonly logger?: LineWriter
  /** What a test has in the place of the container's memory, and of this process' event loop. */
  readonly readMemory?: () => MemoryReading
  readonly watchLoop?: () => LoopDelays
}

export function createMemoryMonitor(options: HealthOptions, clock: Clock): MemoryMonitor {
  const { settings, facts, readMemory } = options
  const { constrainedMemory, residentBytes } = facts
  const read =
    readMemory ??
    createMemoryReader({ configuredBytes: settings.memoryLimitBytes, constrainedMemory, residentBytes })
  return new MemoryMonitor({ read, clock, threshold: settings.memoryThreshold })
}

export function createLoopMonitor(options: HealthOptions, clock: Clock): EventLoopMonitor {
  const { settings, logger, watchLoop = watchEventLoop } = options
  const log = createLog(logger)
  return new EventLoopMonitor({
    watch: watchLoop,
    clock,
    boundSeconds: settings.eventLoopDelayMs / 1000,
    onOverload: (active) => log(active ? 'event loop overloaded' : 'event loop recovered'),
  })
}

export interface Checked {
  readonly memory: { readonly pressure: boolean }
  readonly loop: { readonly overloaded: boolean }
  readonly store: Pick<Store, 'version'>
  readonly guard: Pick<Guard, 'isFailing' | 'policy'>
}

/** What `/healthz` says is wrong. */
export async function failedChecks({ memory, loop, store, guard }: Checked): Promise<readonly string[]> {
  const isStoreThere = await store.version('health').then(
    () => true,
    () => false,
  )
  return [
    ...(memory.pressure ? ['Container memory pressure detected'] : []),
    ...(loop.overloaded ? ['Event loop overload detected'] : []),
    ...(isStoreThere ? [] : ['The store cannot be reached']),
    ...(guard.isFailing ? [`The guard fails (policy: ${guard.policy})`] : []),
  ]
}
