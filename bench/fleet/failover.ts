import { setTimeout } from 'node:timers/promises'
import { limits } from '../../src/config/limits.ts'
import { median, quantile, spread } from '../harness/statistics.ts'
import { printProgress, printTable } from '../harness/table.ts'
import { openSessions } from '../load/sessions.ts'
import { streamRequest } from '../load/stream-connection.ts'
import type { FleetBench } from './fleet-bench.ts'
import { startRedisFleet, type Server } from './servers.ts'
import { StreamReader } from './stream-reader.ts'

/** What a guest does whose server is killed. */
interface Situation {
  readonly name: string
  readonly isInTurn: boolean
  /** How long after its stream broke it asks the other server, and whether it asks the same. */
  readonly waitMs: number
  readonly asksAgain: boolean
}

/** As the stream says in its `retry`. */
const retryMs = 1000
const situations: readonly Situation[] = [
  { name: 'no turn runs; a message at once', isInTurn: false, waitMs: 0, asksAgain: false },
  { name: 'in mid-turn; the same again after 1 s', isInTurn: true, waitMs: retryMs, asksAgain: true },
  { name: 'in mid-turn; another message at once', isInTurn: true, waitMs: 0, asksAgain: false },
]
const short = { chunks: 10, pause: 'none' } as const
/** Longer than anybody waits here. */
const long = { chunks: 3000, pause: 20 } as const

/** From the moment of the kill to the first text from another server, for each guest. */
type Waits = readonly number[]

/** The server that has the sessions is killed with SIGKILL, and its guests go to another one. */
export async function measureFailover({ rounds, isQuick }: FleetBench): Promise<void> {
  const guests = isQuick ? 3 : 20
  const results = situations.map((situation) => ({ situation, waits: [] as Waits[] }))
  for (let round = 0; round < rounds; round++) {
    for (const { situation, waits } of results) {
      printProgress(`failover, round ${round + 1} of ${rounds}: ${situation.name}`)
      waits.push(await kill(situation, guests))
    }
  }
  printTable(
    `SIGKILL to the first text from another server, ${guests} guests at once`,
    ['', 'p50 ms [min-max]', 'shortest ms', 'longest ms', `within ${retryMs + limits.leaseMs} ms`],
    results.map(({ situation: { name }, waits }) => {
      const all = waits.flat()
      const within = all.filter((ms) => ms <= retryMs + limits.leaseMs).length / all.length
      return [
        name,
        spread(waits.map(median), 0),
        quantile(all, 0).toFixed(0),
        quantile(all, 1).toFixed(0),
        `${(within * 100).toFixed(0)} %`,
      ]
    }),
  )
}

async function kill(situation: Situation, guests: number): Promise<Waits> {
  const { servers, stop } = await startRedisFleet(2)
  const [first, other] = servers
  if (first === undefined || other === undefined) throw new Error('Two servers are needed.')
  await warmUp(other)
  const tokens = await openSessions({ url: first.url, count: guests })
  const readers = await Promise.all(tokens.map((token, guest) => begin(situation, first, { token, guest })))
  const killedMs = performance.now()
  const killed = first.child.kill()
  const waits = await Promise.all(
    readers.map(async (reader, guest) => {
      await reader.ended
      await setTimeout(situation.waitMs)
      return (await goOn(situation, other, { token: tokens[guest] ?? '', guest })) - killedMs
    }),
  )
  await killed
  // Its turns would go on for a minute.
  await other.child.kill()
  await stop()
  return waits
}

interface Guest {
  readonly token: string
  readonly guest: number
}

/** Has a turn, or begins one: the leases are not all of the same age. */
async function begin(
  { isInTurn }: Situation,
  server: Server,
  { token, guest }: Guest,
): Promise<StreamReader> {
  if (isInTurn) await setTimeout(guest * 150)
  const request = streamRequest(token, isInTurn ? long : short, keyOf(guest))
  const reader = StreamReader.ask(server.url, request)
  await (isInTurn ? reader.firstTextMs : reader.ended)
  return reader
}

/** When the first text came. */
async function goOn(situation: Situation, server: Server, { token, guest }: Guest): Promise<number> {
  const request = situation.asksAgain ? streamRequest(token, long, keyOf(guest)) : streamRequest(token, short)
  const reader = StreamReader.ask(server.url, request)
  const firstTextMs = await reader.firstTextMs
  reader.leave()
  return firstTextMs
}

async function warmUp(server: Server): Promise<void> {
  const tokens = await openSessions({ url: server.url, count: 20 })
  const readers = tokens.map((token) => StreamReader.ask(server.url, streamRequest(token, short)))
  await Promise.all(readers.map((reader) => reader.ended))
}

function keyOf(guest: number): string {
  return `message-of-${guest}`
}
