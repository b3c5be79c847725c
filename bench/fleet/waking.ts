import type { SessionEvent } from '../../src/log/events.ts'
import { systemClock } from '../../src/clock.ts'
import type { Snapshot, Store } from '../../src/log/store.ts'
import { openRedisStore } from '../../src/store/redis.ts'
import { median, quantile, spread } from '../harness/statistics.ts'
import { printProgress, printTable } from '../harness/table.ts'
import { openSessions } from '../load/sessions.ts'
import { StreamConnection, streamRequest } from '../load/stream-connection.ts'
import { orderScript, type FleetBench } from './fleet-bench.ts'
import { startRedisFleet, type Server } from './servers.ts'

/** A conversation that other sessions get a copy of, as its events and the newest snapshot of them. */
interface Conversation {
  readonly turns: number
  readonly events: readonly SessionEvent[]
  readonly snapshot: Snapshot | undefined
}

/** How the session is in the server that is asked about it. */
const situations = {
  first: 'live in another, first use here',
  elsewhere: 'used in another since',
  live: 'live here, nothing new',
} as const

type Situation = keyof typeof situations

/** Events of a log that are copied in one step. */
const copiedAtOnce = 500

interface Result {
  readonly conversation: Conversation
  /** Milliseconds of each request, by round. */
  readonly rounds: Record<Situation, number[]>[]
}

/** The first request for a session that lives in another server, with a short log and with long ones. */
export async function measureWaking({ rounds, isQuick }: FleetBench): Promise<void> {
  const { redis, servers, stop } = await startRedisFleet(2)
  const [home, other] = servers
  if (home === undefined || other === undefined) throw new Error('Two servers are needed.')
  const store = await openRedisStore({ address: redis.address, clock: systemClock, random: Math.random })
  const results: Result[] = []
  for (const turns of isQuick ? [5, 60] : [5, 49, 1000]) {
    results.push({ conversation: await talk(home, store, turns), rounds: [] })
  }
  for (let round = 0; round < rounds; round++) {
    printProgress(`waking, round ${round + 1} of ${rounds}`)
    for (const { conversation, rounds: all } of results) {
      const ids = await openSessions({ url: home.url, count: isQuick ? 3 : 20 })
      for (const token of ids) await copy(conversation, store, idIn(token))
      all.push(await wake(ids, home, other))
      for (const token of ids) await store.remove(idIn(token))
    }
  }
  await store.close()
  await stop()
  printResults(results)
}

/** Lets a session have so many turns. */
async function talk(server: Server, store: Store, turns: number): Promise<Conversation> {
  const [token = ''] = await openSessions({ url: server.url, count: 1 })
  const connection = await StreamConnection.open(server.url)
  for (let turn = 0; turn < turns; turn++) await say(connection, token)
  connection.close()
  const id = idIn(token)
  const snapshot = (await store.load(id))?.snapshot
  return { turns, events: await store.events(id), snapshot }
}

async function say(connection: StreamConnection, token: string): Promise<void> {
  const { isWhole } = await connection.ask(streamRequest(token, orderScript), orderScript.chunks)
  if (!isWhole) throw new Error('An answer was wrong.')
}

async function copy({ events, snapshot }: Conversation, store: Store, id: string): Promise<void> {
  const expiresAt = Date.now() + 3_600_000
  // It has its first event, which is the same for all of them.
  for (let version = 1; version < events.length; version += copiedAtOnce) {
    const copied = events.slice(version, version + copiedAtOnce)
    const result = await store.append({ id, expectedVersion: version, events: copied, expiresAt })
    if (!result.ok) throw new Error(`Not copied: ${result.reason}`)
  }
  if (snapshot !== undefined) await store.saveSnapshot(id, snapshot)
}

/** One after the other, as nobody wakes many sessions in the same millisecond. */
async function wake(
  tokens: readonly string[],
  home: Server,
  other: Server,
): Promise<Record<Situation, number[]>> {
  const measured: Record<Situation, number[]> = { first: [], elsewhere: [], live: [] }
  const connection = await StreamConnection.open(home.url)
  for (const token of tokens) {
    await timeStatus(home, token)
    measured.first.push(await timeStatus(other, token))
    measured.live.push(await timeStatus(other, token))
    await say(connection, token)
    measured.elsewhere.push(await timeStatus(other, token))
  }
  connection.close()
  return measured
}

async function timeStatus({ url }: Server, token: string): Promise<number> {
  const startedMs = performance.now()
  const response = await fetch(`${url}/api/v1/session/status`, { headers: { 'x-session-id': token } })
  await response.arrayBuffer()
  const tookMs = performance.now() - startedMs
  if (response.status !== 200) throw new Error(`No status: ${response.status}`)
  return tookMs
}

/** A token is the id and its signature. */
function idIn(token: string): string {
  return token.split('.')[0] ?? ''
}

function printResults(results: readonly Result[]): void {
  printTable(
    'Waking: `GET /session/status`, one after the other',
    ['log', 'the session is', 'p50 ms [min-max]', 'more than live here', 'p99 ms'],
    results.flatMap(({ conversation, rounds }) =>
      (['first', 'elsewhere', 'live'] as const).map((situation) => {
        const middles = rounds.map((round) => median(round[situation]))
        const more = rounds.map((round) => median(round[situation]) - median(round.live))
        return [
          nameOf(conversation),
          situations[situation],
          spread(middles, 2),
          median(more).toFixed(2),
          median(rounds.map((round) => quantile(round[situation], 0.99))).toFixed(1),
        ]
      }),
    ),
  )
}

function nameOf({ turns, events, snapshot }: Conversation): string {
  const kept = snapshot === undefined ? 'no snapshot' : `snapshot after ${snapshot.version}`
  return `${turns} turns, ${events.length} events, ${kept}`
}
