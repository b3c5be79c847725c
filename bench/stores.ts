// Appending and loading, one after the other and many at the same time, in each store.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../src/clock.ts'
import type { SessionEvent } from '../src/log/events.ts'
import type { Store } from '../src/log/store.ts'
import { createMemoryStore } from '../src/store/memory.ts'
import { openRedisStore } from '../src/store/redis.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import { RedisServer } from '../tests/store/redis-server.ts'
import { inTurn, readOptions } from './harness/options.ts'
import { median, quantile, spread } from './harness/statistics.ts'
import { printMachine, printProgress, printTable } from './harness/table.ts'
import { chunkText } from './servers/script.ts'
import { cpuMs } from './servers/usage.ts'

const { quick, rounds } = readOptions({ rounds: 5 })
const sessions = quick ? 400 : 2000
const operations = quick ? 200 : 4000
/** Turns in each log from the start. */
const turnsBefore = 5
const expiresAt = Date.now() + 3_600_000

interface Subject {
  readonly name: string
  readonly store: Store
  readonly versions: number[]
}

interface Measured {
  readonly operationsPerSecond: number
  readonly p50Us: number
  readonly p99Us: number
  readonly cpuUs: number
}

const directory = mkdtempSync(join(tmpdir(), 'maya-bench-'))
const sqlite = await openSqliteStore({ path: join(directory, 'maya.db'), clock: systemClock })
const redis = await RedisServer.start()
const redisOnDisk = await RedisServer.start({ isAppendOnly: true })
const subjects: readonly Subject[] = [
  { name: 'memory', store: createMemoryStore({ clock: systemClock }), versions: [] },
  { name: 'SQLite', store: sqlite, versions: [] },
  { name: 'Redis', store: await openRedis(redis), versions: [] },
  { name: 'Redis, every append on disk', store: await openRedis(redisOnDisk), versions: [] },
]
printMachine()
for (const subject of subjects) await fill(subject)
const kinds = ['append', 'load'] as const
const results = kinds.flatMap((kind) =>
  [1, 50, 200].flatMap((atOnce) =>
    subjects.map((subject) => ({ kind, atOnce, subject, measured: [] as Measured[] })),
  ),
)
for (let round = 0; round < rounds; round++) {
  printProgress(`round ${round + 1} of ${rounds}`)
  for (const { kind, atOnce, subject, measured } of inTurn(results, round)) {
    measured.push(await measure(subject, kind, atOnce))
  }
}
for (const { store } of subjects) await store.close()
for (const server of [redis, redisOnDisk]) await server.stop()
rmSync(directory, { recursive: true })
const turnBytes = JSON.stringify(turnEvents(0, 0)).length
printTable(
  `Stores: ${sessions} sessions with logs of ${turnsBefore} turns and more; an append is a turn's end of ${turnBytes} bytes`,
  ['operation', 'at once', 'store', 'operations/s [min-max]', 'p50 us', 'p99 us', 'CPU us'],
  results.map(({ kind, atOnce, subject, measured }) => [
    kind,
    String(atOnce),
    subject.name,
    spread(
      measured.map(({ operationsPerSecond }) => operationsPerSecond),
      0,
    ),
    median(measured.map(({ p50Us }) => p50Us)).toFixed(0),
    median(measured.map(({ p99Us }) => p99Us)).toFixed(0),
    median(measured.map((one) => one.cpuUs)).toFixed(0),
  ]),
)

function openRedis({ address }: RedisServer): Promise<Store> {
  return openRedisStore({ address, clock: systemClock, random: Math.random })
}

async function fill(subject: Subject): Promise<void> {
  const created: SessionEvent = { type: 'session-created', at: 0, agent: 'maya', workspace: 'default' }
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < sessions) {
      const session = next++
      const turns = Array.from({ length: turnsBefore }, (_none, turn) => turnEvents(session, turn)).flat()
      subject.versions[session] = 0
      await append(subject, session, [created, ...turns])
    }
  }
  await Promise.all(Array.from({ length: 50 }, worker))
}

async function measure(subject: Subject, kind: 'append' | 'load', atOnce: number): Promise<Measured> {
  const takenUs: number[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < operations) {
      const session = next++ % sessions
      const startedMs = performance.now()
      if (kind === 'load') await subject.store.load(idOf(session))
      else await append(subject, session, turnEvents(session, next))
      takenUs.push((performance.now() - startedMs) * 1000)
    }
  }
  const cpuBefore = cpuMs()
  const startedMs = performance.now()
  await Promise.all(Array.from({ length: atOnce }, worker))
  const seconds = (performance.now() - startedMs) / 1000
  return {
    operationsPerSecond: operations / seconds,
    p50Us: median(takenUs),
    p99Us: quantile(takenUs, 0.99),
    cpuUs: ((cpuMs() - cpuBefore) * 1000) / operations,
  }
}

async function append(
  { store, versions }: Subject,
  session: number,
  events: readonly SessionEvent[],
): Promise<void> {
  const id = idOf(session)
  const result = await store.append({ id, expectedVersion: versions[session] ?? 0, events, expiresAt })
  if (!result.ok) throw new Error(`Not appended: ${result.reason}`)
  versions[session] = result.version
}

function idOf(session: number): string {
  return `session-${String(session).padStart(14, '0')}`
}

/** What one turn leaves in the log. */
function turnEvents(session: number, turn: number): readonly SessionEvent[] {
  const at = turn
  const turnId = `${idOf(session)}-turn-${turn}`
  const usage = { inputTokens: 1000, outputTokens: 60 }
  return [
    { type: 'turn-started', at, turnId, owner: 'bench', userInput: 'A martini with ice, please.' },
    { type: 'model-replied', at, turnId, text: chunkText.repeat(60), toolCalls: [], usage },
    { type: 'turn-ended', at, turnId, outcome: 'complete', finishReason: 'stop', lastNumber: 62 },
  ]
}
