import type { Samples } from './samples.ts'

/** How it stands with one container at a moment. Undefined is what it does not tell. */
export interface ContainerFigures {
  /** Empty where only one is known. */
  readonly name: string
  /** Since 1970. */
  readonly startedSeconds: number | undefined
  readonly uptimeSeconds: number | undefined
  readonly sessions: number | undefined
  readonly sessionsMax: number | undefined
  readonly admissible: number | undefined
  readonly turnsRunning: number | undefined
  readonly memoryBytes: number | undefined
  /** Undefined where the kernel sets none and none is configured. */
  readonly memoryLimitBytes: number | undefined
  readonly hasMemoryPressure: boolean
  readonly isOverloaded: boolean
  /** 99 of 100 callbacks waited shorter for the event loop. */
  readonly loopDelaySeconds: number | undefined
  readonly cpuSeconds: number | undefined
}

export function figuresOf(name: string, samples: Samples): ContainerFigures {
  const limit = samples.sum('maya_container_memory_limit_bytes')
  return {
    name,
    startedSeconds: samples.sum('process_start_time_seconds'),
    uptimeSeconds: samples.sum('maya_process_uptime_seconds'),
    sessions: samples.sum('maya_active_sessions'),
    sessionsMax: samples.sum('maya_max_sessions'),
    admissible: samples.sum('maya_sessions_admissible'),
    turnsRunning: samples.sum('maya_turns_running'),
    memoryBytes: samples.sum('maya_container_memory_usage_bytes'),
    memoryLimitBytes: limit === 0 ? undefined : limit,
    hasMemoryPressure: samples.sum('maya_container_memory_pressure') === 1,
    isOverloaded: samples.sum('maya_event_loop_overloaded') === 1,
    loopDelaySeconds: samples.sum('maya_event_loop_delay_seconds', { quantile: '0.99' }),
    cpuSeconds: samples.sum('maya_container_cpu_usage_seconds_total'),
  }
}
