import { dashboard, uids } from './dashboard.ts'
import { badAbove, badAtAll, quiet, series, stat, timeline } from './panels.ts'
import { of, perMinute, perSecond, quantile } from './promql.ts'

const delay = 'maya_event_loop_delay_seconds'

const slowestLoop = stat({
  title: 'Event loop, slowest container',
  description:
    'How long a callback waits, 99 of 100. Normal: below 100 ms. Above: everything in that container is late by that much; see CPU and garbage collection.',
  unit: 's',
  steps: badAbove(0.1, 0.2),
  queries: [{ expression: `max(${of(delay, 'quantile="0.99"')})`, legend: 'p99' }],
})

const busiest = stat({
  title: 'CPU, busiest server',
  description:
    'Cores that the server itself uses. Normal: below 0.7. It answers in one thread, which is full at 1, whatever the container has. Only where it speaks by itself it may use a second core for that: then see the event loop.',
  unit: 'suffix:cores',
  steps: badAbove(0.7, 0.95),
  queries: [
    {
      expression: `max(${perSecond('process_cpu_seconds_total', ['container'])})`,
      legend: 'cores',
    },
  ],
})

const fullestHeap = stat({
  title: 'Heap, fullest container',
  description:
    'JavaScript objects in memory. Normal: follows the sessions and falls when they leave. Growing for days: a leak.',
  unit: 'bytes',
  queries: [{ expression: `max(${of('nodejs_heap_size_used_bytes')})`, legend: 'used' }],
})

const collecting = stat({
  title: 'Garbage collection, worst',
  description:
    'Part of the time that a container spends on it. Normal: below 5 %. Above: the heap is nearly full.',
  unit: 'percentunit',
  steps: badAbove(0.05, 0.15),
  queries: [
    {
      expression: `max(${perSecond('nodejs_gc_duration_seconds_sum', ['container'])})`,
      legend: 'of the time',
    },
  ],
})

const slowStore = stat({
  title: 'Store',
  description:
    'How long 99 of 100 operations take at most. Normal: below 10 ms on a disk, below 50 ms with Redis nearby. A turn asks five to seven times, one after the other.',
  unit: 's',
  steps: badAbove(0.05, 0.25),
  otherwise: quiet('Not used'),
  queries: [{ expression: quantile(0.99, 'maya_store_operation_seconds'), legend: 'p99' }],
})

const youngest = stat({
  title: 'Youngest container',
  description:
    'How long ago the last container started. Normal: the last deployment, or guests who came. Minutes again and again: containers die; read the end of their logs.',
  unit: 's',
  queries: [{ expression: `min(${of('maya_process_uptime_seconds')})`, legend: 'up for' }],
})

const loopByContainer = series({
  title: 'Event loop of each container',
  description:
    'How long a callback waits, 99 of 100. Normal: below the first line. All at once: the load; one alone: that container.',
  unit: 's',
  steps: badAbove(0.1, 0.2),
  queries: [{ expression: of(delay, 'quantile="0.99"'), legend: '{{container}}' }],
})

const overloads = timeline({
  title: 'Overloaded',
  description:
    'When each container admitted nobody because its event loop was later than MAYA_EVENT_LOOP_DELAY_MS. Normal: never. All at once: more containers are needed; one alone: something holds that one up.',
  unit: 'short',
  steps: badAtAll,
  words: ['no', 'yes'],
  queries: [{ expression: of('maya_event_loop_overloaded'), legend: '{{container}}' }],
})

const worstWait = series({
  title: 'Event loop, half, most and all',
  description:
    'The slowest container: half of its callbacks (0.5), 99 of 100 (0.99) and the longest wait (1). Normal: 0.5 near 0; single peaks of 1 are garbage collections. At the bound it admits nobody.',
  unit: 's',
  colors: { bound: 'red' },
  queries: [
    { expression: `max by (quantile) (${of(delay)})`, legend: '{{quantile}}' },
    { expression: `max(${of('maya_event_loop_delay_bound_seconds')}) > 0`, legend: 'bound' },
  ],
})

const cpu = series({
  title: 'CPU of each container',
  description:
    'Cores in use by all that runs in it, what stands before the server included. Normal: all alike, and below what the container may use.',
  unit: 'suffix:cores',
  queries: [
    {
      expression: perSecond('maya_container_cpu_usage_seconds_total', ['container']),
      legend: '{{container}}',
    },
  ],
})

const collection = series({
  title: 'Garbage collection',
  description:
    'Part of the time in the worst container, by kind. Normal: mostly minor and incremental, below 5 %. Much of major: the heap is nearly full.',
  unit: 'percentunit',
  queries: [
    {
      expression: `max by (kind) (${perSecond('nodejs_gc_duration_seconds_sum', ['container', 'kind'])})`,
      legend: '{{kind}}',
    },
  ],
})

const heap = series({
  title: 'Heap of each container',
  description:
    'JavaScript objects in memory. Normal: saw teeth whose lower ends stay level. Lower ends that rise for hours: a leak.',
  unit: 'bytes',
  queries: [{ expression: of('nodejs_heap_size_used_bytes'), legend: '{{container}}' }],
})

const memory = series({
  title: 'Memory by what it is for',
  description:
    'The largest of all containers. Resident is all of the process; heap is what is set aside for JavaScript; external are buffers and sound. Normal: level. Resident growing alone: native code.',
  unit: 'bytes',
  queries: [
    { expression: `max(${of('process_resident_memory_bytes')})`, legend: 'resident' },
    { expression: `max(${of('nodejs_heap_size_total_bytes')})`, legend: 'heap' },
    { expression: `max(${of('nodejs_external_memory_bytes')})`, legend: 'external' },
  ],
})

const store = series({
  title: 'Store, by operation',
  description:
    'How long 19 of 20 take at most. Normal: all level, appends slowest. All slow: the disk, or the way to Redis; one alone: that operation.',
  unit: 's',
  queries: [
    { expression: quantile(0.95, 'maya_store_operation_seconds', ['operation']), legend: '{{operation}}' },
  ],
})

const conflicts = series({
  title: 'Store, operations and conflicts',
  description:
    'A minute. A conflict is an append that found another version: another container wrote the same session. Normal: 0 with one container, few with several.',
  unit: 'suffix:/min',
  colors: { conflicts: 'red' },
  queries: [
    { expression: perMinute('maya_store_operation_seconds_count'), legend: 'operations' },
    { expression: perMinute('maya_store_conflicts_total'), legend: 'conflicts' },
  ],
})

const storeFailures = series({
  title: 'Store, failures',
  description:
    'A minute, by operation. Normal: none. All of them: the store is away, and guests get 503 STORE_UNAVAILABLE; one alone: that operation is too large or too slow.',
  unit: 'suffix:/min',
  stacked: true,
  isBad: true,
  otherwise: 'None',
  queries: [
    { expression: `${perMinute('maya_store_failures_total', ['operation'])} > 0`, legend: '{{operation}}' },
  ],
})

const routes = series({
  title: 'Requests, by route',
  description:
    'How long 19 of 20 take at most, to the end of the answer. Normal: chat and its stream as long as an answer, listening as long as a guest speaks, everything else below 0.1 s.',
  unit: 's',
  queries: [
    { expression: quantile(0.95, 'maya_http_request_duration_seconds', ['route']), legend: '{{route}}' },
  ],
})

const readers = series({
  title: 'Readers of streams',
  description:
    'Guests who read an answer now, and a minute: those who came back after a break, and those cut off because they did not read. Normal: few of both. Many who come back: the network, or containers that close.',
  unit: 'short',
  colors: { 'cut off a minute': 'red' },
  queries: [
    { expression: `sum(${of('maya_stream_readers')})`, legend: 'reading' },
    { expression: perMinute('maya_stream_resumes_total'), legend: 'came back a minute' },
    { expression: perMinute('maya_stream_slow_readers_total'), legend: 'cut off a minute' },
  ],
})

const versions = series({
  title: 'Containers, by version',
  description:
    'How many run what. Normal: one version; two for as long as a deployment takes. What changed when the trouble began is here.',
  unit: 'short',
  stacked: true,
  queries: [
    {
      expression: `count by (version, node) (${of('maya_build_info')})`,
      legend: '{{version}} on Node {{node}}',
    },
  ],
})

const publishing = series({
  title: 'Failures to publish metrics',
  description:
    'Times a minute that a container could not show its metrics to the fleet or read those of others. Normal: none. unreachable: the store; too-many: more than 100 containers; too-large: more than 512 KB.',
  unit: 'suffix:/min',
  stacked: true,
  isBad: true,
  queries: [{ expression: perMinute('maya_fleet_failures_total', ['reason']), legend: '{{reason}}' }],
})

/** Is the program itself well? */
export const processes = dashboard({
  uid: uids.process,
  title: 'Maya: process',
  description: 'Is the program itself well: its event loop, memory and CPU, and the store it waits for?',
  rows: [
    { height: 5, panels: [slowestLoop, busiest, fullestHeap, collecting, slowStore, youngest] },
    { height: 8, panels: [loopByContainer, worstWait, overloads] },
    { height: 8, panels: [cpu, collection] },
    { height: 8, panels: [heap, memory] },
    { height: 8, panels: [store, conflicts, storeFailures] },
    { height: 8, panels: [routes, readers] },
    { height: 7, panels: [versions, publishing] },
  ],
})
