// What a sweep costs, and for how long it keeps everything else waiting.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { systemClock, type Clock } from '../src/clock.ts'
import { readSettings } from '../src/config/settings.ts'
import type { Store } from '../src/log/store.ts'
import { createService, type Service } from '../src/service.ts'
import { createMemoryStore } from '../src/store/memory.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import { longestBlock, type LongestBlock } from './harness/loop-watch.ts'
import { readOptions } from './harness/options.ts'
import { median } from './harness/statistics.ts'
import { printMachine, printProgress, printTable } from './harness/table.ts'

const { quick, rounds } = readOptions({ rounds: 5 })
const hourMs = 3_600_000
const never = Date.now() + 1_000_000 * hourMs
const mib = 1024 * 1024

interface Measured extends LongestBlock {
  readonly tookMs: number
}

/** The clock of this machine, set forward by hand, so that sessions grow old without waiting. */
class ForwardClock implements Clock {
  forwardMs = 0
  now = (): number => systemClock.now() + this.forwardMs
  date = (): number => systemClock.date() + this.forwardMs
  after = (delayMs: number, callback: () => void): (() => void) => systemClock.after(delayMs, callback)
}

setFlagsFromString('--expose-gc')
/** A collection that was due anyway shall not look like the sweep's doing. */
const collect: () => void = runInNewContext('gc')
const rows: string[][] = []

printMachine()
for (const entries of quick ? [50, 1000] : [50, 10_000, 1_000_000]) {
  await sweepStored('memory', entries)
  await sweepStored('SQLite', entries)
}
for (const live of quick ? [50] : [50, 1000, 5000]) await sweepLive(live)
printTable(
  'One sweep',
  ['entries', 'to do', 'took ms', 'longest block ms', 'of it on the CPU ms', 'worst round ms'],
  rows,
)

/** Sessions that are only in the store: first with none to be removed, then with some. */
async function sweepStored(kind: 'memory' | 'SQLite', entries: number): Promise<void> {
  printProgress(`${entries} entries, ${kind}`)
  const clock = new ForwardClock()
  const directory = mkdtempSync(join(tmpdir(), 'maya-bench-'))
  const path = join(directory, 'maya.db')
  const store = kind === 'memory' ? createMemoryStore({ clock }) : await openSqliteStore({ path, clock })
  const expiring = Math.min(entries, 20_000)
  const start = clock.date()
  for (let round = 1; round <= rounds; round++) await fill(store, expiring, start + round * hourMs)
  await fill(store, entries - expiring, never)
  const service = await startService(store, clock)
  const idle: Measured[] = []
  const removing: Measured[] = []
  for (let round = 1; round <= rounds; round++) {
    collect()
    idle.push(await measure(service))
    clock.forwardMs = round * hourMs + 1
    removing.push(await measure(service))
  }
  await service.close(0)
  rmSync(directory, { recursive: true })
  addRow(`${entries} in the store, ${kind}`, 'nothing', idle)
  addRow(`${entries} in the store, ${kind}`, `remove ${expiring}`, removing)
}

/** Sessions that are in memory: none to do; a tenth to be hibernated for lack of memory; all expired. */
async function sweepLive(live: number): Promise<void> {
  printProgress(`${live} live`)
  const idle: Measured[] = []
  const hibernating: Measured[] = []
  const expiring: Measured[] = []
  for (let round = 1; round <= rounds; round++) {
    const clock = new ForwardClock()
    const room = { limitBytes: null as number | null }
    const service = await startService(createMemoryStore({ clock }), clock, room)
    for (let made = 0; made < live; made++) {
      await service.sessions.create({ agent: 'maya', workspace: 'default' })
    }
    collect()
    idle.push(await measure(service))
    clock.forwardMs = 120_000 // Idle for longer than the 60 s after which they may leave.
    room.limitBytes = 1.25 * live * mib // Crowded until about a tenth of the reservations is given back.
    service.memory.sample()
    hibernating.push(await measure(service))
    clock.forwardMs = 2 * hourMs
    expiring.push(await measure(service))
    await service.close(0)
  }
  addRow(`${live} live`, 'nothing', idle)
  addRow(`${live} live`, 'hibernate a tenth', hibernating)
  addRow(`${live} live`, 'all expired', expiring)
}

async function fill(store: Store, count: number, expiresAt: number): Promise<void> {
  const at = 0
  for (let from = 0; from < count; from += 10_000) {
    const made = Array.from({ length: Math.min(10_000, count - from) }, (_unused, index) =>
      store.append({
        id: `s-${expiresAt.toString(36)}-${from + index}`,
        expectedVersion: 0,
        events: [{ type: 'session-created', at, agent: 'maya', workspace: 'default' }],
        expiresAt,
      }),
    )
    await Promise.all(made)
  }
}

async function startService(
  store: Store,
  clock: Clock,
  room: { readonly limitBytes: number | null } = { limitBytes: null },
): Promise<Service> {
  const result = readSettings({
    MAYA_STORE_URL: 'memory:',
    MAYA_SESSIONS_PER_CONTAINER: '100000',
    MAYA_DEFAULT_SESSION_MEMORY_MB: '1',
    MAYA_EVENT_LOOP_DELAY_MS: '0',
  })
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return createService({
    settings: result.settings,
    store,
    clock,
    facts: {
      residentBytes: () => process.memoryUsage.rss(),
      constrainedMemory: () => undefined,
      cpuSeconds: () => 0,
      uptimeSeconds: () => process.uptime(),
      nodeVersion: process.version,
      version: 'bench',
    },
    readMemory: () => ({
      usageBytes: 1,
      usageSource: 'rss',
      limitBytes: room.limitBytes,
      limitSource: 'cgroup-v2',
    }),
  })
}

async function measure(service: Service): Promise<Measured> {
  const startedMs = performance.now()
  const block = await longestBlock(() => service.sessions.sweep())
  return { ...block, tookMs: performance.now() - startedMs }
}

function addRow(entries: string, toDo: string, measured: readonly Measured[]): void {
  rows.push([
    entries,
    toDo,
    median(measured.map(({ tookMs }) => tookMs)).toFixed(2),
    median(measured.map(({ wallMs }) => wallMs)).toFixed(2),
    median(measured.map(({ cpuMs }) => cpuMs)).toFixed(2),
    Math.max(...measured.map(({ wallMs }) => wallMs)).toFixed(2),
  ])
}
