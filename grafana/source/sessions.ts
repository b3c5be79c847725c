import { dashboard, uids } from './dashboard.ts'
import { badAbove, badAtAll, badBelow, containerTable, quiet, series, stat } from './panels.ts'
import { of, perMinute, share } from './promql.ts'
import { memoryUsed, refusedSessions, sessionsUsed } from './shared-panels.ts'

const sessionBytes = 50 * 1024 * 1024

const admissible = stat({
  title: 'Room for',
  description:
    'New sessions that all containers together could admit now. Normal: above 0. 0: the house is full, or closing, or short of memory.',
  unit: 'short',
  steps: badBelow(1, 1),
  queries: [{ expression: `sum(${of('maya_sessions_admissible')})`, legend: 'sessions' }],
})

const pressure = stat({
  title: 'Under memory pressure',
  description:
    'Containers that admit nobody for lack of memory. Normal: 0. It ends when usage falls five points below the threshold.',
  unit: 'short',
  steps: badAtAll,
  queries: [{ expression: `sum(${of('maya_container_memory_pressure')})`, legend: 'containers' }],
})

const bytesPerSession = stat({
  title: 'Memory of a session',
  description:
    'Mean of all live sessions. Normal: far below MAYA_DEFAULT_SESSION_MEMORY_MB (50 by default); much less means that a smaller reservation would admit more guests.',
  unit: 'bytes',
  steps: badAbove(sessionBytes / 2, sessionBytes),
  otherwise: quiet('No sessions'),
  queries: [
    {
      expression: share(`sum(${of('maya_session_memory_bytes')})`, `sum(${of('maya_active_sessions')})`),
      legend: 'mean',
    },
  ],
})

const memoryByContainer = series({
  title: 'Memory of each container',
  description:
    'Use of the limit. Normal: below the first line. Above the second (MAYA_CONTAINER_MEMORY_THRESHOLD, 80 by default) it admits nobody. 0 where there is no limit.',
  unit: 'percent',
  steps: badAbove(70, 80),
  queries: [{ expression: `${of('maya_container_memory_utilization')} * 100`, legend: '{{container}}' }],
})

const sessionsByContainer = series({
  title: 'Sessions of each container',
  description:
    'Live sessions of those allowed. Normal: about the same in all, below the first line. At 100 a container refuses new sessions and those who want to wake theirs.',
  unit: 'percent',
  steps: badAbove(80, 95),
  queries: [{ expression: `${of('maya_session_utilization')} * 100`, legend: '{{container}}' }],
})

const fleet = series({
  title: 'Sessions of all containers',
  description:
    'Live, allowed, and how many more could be admitted now. Normal: there is room. Where live and room together stay below allowed, memory is what limits.',
  unit: 'short',
  colors: { live: 'blue', allowed: 'gray', 'room for': 'green' },
  queries: [
    { expression: `sum(${of('maya_active_sessions')})`, legend: 'live' },
    { expression: `sum(${of('maya_max_sessions')})`, legend: 'allowed' },
    { expression: `sum(${of('maya_sessions_admissible')})`, legend: 'room for' },
  ],
})

const refused = series({
  title: 'Refused, by reason',
  description:
    'Sessions a minute that were not admitted. Normal: none. SESSION_LIMIT: every place is taken. MEMORY_PRESSURE: no memory. OVERLOADED: its event loop is too slow. DRAINING: it is closing, for seconds.',
  unit: 'suffix:/min',
  stacked: true,
  colors: { SESSION_LIMIT: 'orange', MEMORY_PRESSURE: 'red', OVERLOADED: 'purple', DRAINING: 'blue' },
  queries: [{ expression: perMinute('maya_sessions_rejected_total', ['reason']), legend: '{{reason}}' }],
})

const comingAndGoing = series({
  title: 'Coming and going',
  description:
    'Sessions a minute. Hibernated sessions left memory and are kept in the store; woken ones came back. Normal: as many expire as are made, an expiry time later. Waking as fast as hibernating: idle time is too short, or guests go from container to container.',
  unit: 'suffix:/min',
  queries: [
    { expression: perMinute('maya_sessions_created_total'), legend: 'made' },
    { expression: perMinute('maya_sessions_expired_total'), legend: 'expired' },
    { expression: perMinute('maya_sessions_hibernated_total'), legend: 'hibernated' },
    { expression: perMinute('maya_sessions_woken_total'), legend: 'woken' },
  ],
})

const bytesByContainer = series({
  title: 'Memory of a session, by container',
  description: 'Mean in each container. Normal: flat. One that grows without more guests has a leak.',
  unit: 'bytes',
  queries: [
    {
      expression: share(of('maya_session_memory_bytes'), of('maya_active_sessions')),
      legend: '{{container}}',
    },
  ],
})

const table = containerTable({
  title: 'Containers now',
  description:
    'A line for each container. Normal: all alike. One with far more memory than its neighbours at the same number of sessions is worth a restart.',
  columns: [
    { title: 'Up for', expression: byContainer('maya_process_uptime_seconds'), unit: 's' },
    { title: 'Sessions', expression: byContainer('maya_active_sessions'), unit: 'short' },
    { title: 'Allowed', expression: byContainer('maya_max_sessions'), unit: 'short' },
    { title: 'Room for', expression: byContainer('maya_sessions_admissible'), unit: 'short' },
    {
      title: 'Sessions used',
      expression: `${byContainer('maya_session_utilization')} * 100`,
      unit: 'percent',
      steps: badAbove(80, 95),
    },
    { title: 'Memory', expression: byContainer('maya_container_memory_usage_bytes'), unit: 'bytes' },
    { title: 'Limit', expression: byContainer('maya_container_memory_limit_bytes'), unit: 'bytes' },
    {
      title: 'Memory used',
      expression: `${byContainer('maya_container_memory_utilization')} * 100`,
      unit: 'percent',
      steps: badAbove(70, 80),
    },
    { title: 'Memory of sessions', expression: byContainer('maya_session_memory_bytes'), unit: 'bytes' },
    {
      title: 'Refused a minute',
      expression: perMinute('maya_sessions_rejected_total', ['container']),
      unit: 'short',
      steps: badAbove(0.1, 5),
    },
  ],
})

function byContainer(metric: string): string {
  return `sum by (container) (${of(metric)})`
}

/** Is there room, and what takes it? */
export const sessions = dashboard({
  uid: uids.sessions,
  title: 'Maya: sessions and memory',
  description: 'Is there room for guests, and what takes it? docs/memory.md explains who is admitted.',
  rows: [
    {
      height: 5,
      panels: [sessionsUsed(), memoryUsed(), refusedSessions(), admissible, pressure, bytesPerSession],
    },
    { height: 8, panels: [memoryByContainer, sessionsByContainer] },
    { height: 8, panels: [fleet, refused] },
    { height: 8, panels: [comingAndGoing, bytesByContainer] },
    { height: 8, panels: [table] },
  ],
})
