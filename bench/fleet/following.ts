import { inTurn } from '../harness/options.ts'
import { median, quantile, spread } from '../harness/statistics.ts'
import { printProgress, printTable } from '../harness/table.ts'
import { endSessions, openSessions } from '../load/sessions.ts'
import { streamRequest } from '../load/stream-connection.ts'
import type { FleetBench } from './fleet-bench.ts'
import { startRedisFleet, type RedisFleet, type Server } from './servers.ts'
import { StreamReader } from './stream-reader.ts'

/** Where a turn is read beside the reader that asked for it. */
type Place = 'nowhere' | 'here' | 'elsewhere'

interface Measured {
  readonly turns: number
  readonly wrong: number
  /** By how much the second reader had each text later than the first. */
  readonly laterMs: readonly number[]
  /** CPU time of the server that runs the turns, of the other one, and of Redis. */
  readonly ownerCpuMs: number
  readonly otherCpuMs: number
  readonly redisCpuMs: number
  readonly published: number
}

const places: Readonly<Record<Place, string>> = {
  nowhere: 'no other reader',
  here: 'a second reader in the same server',
  elsewhere: 'a second reader in another server',
}
const script = { chunks: 100, pause: 20 } as const

/** A turn that runs in one server and is read in another, beside one that is read twice where it runs. */
export async function measureFollowing({ rounds, isQuick }: FleetBench): Promise<void> {
  const fleet = await startRedisFleet(2)
  const results = (isQuick ? [2] : [1, 50]).flatMap((turns) =>
    (['nowhere', 'here', 'elsewhere'] as const).map((place) => ({ turns, place, rounds: [] as Measured[] })),
  )
  for (const { turns, place } of results) await measure(fleet, place, turns)
  for (let round = 0; round < rounds; round++) {
    printProgress(`following, round ${round + 1} of ${rounds}`)
    for (const { turns, place, rounds: all } of inTurn(results, round)) {
      all.push(await measure(fleet, place, turns))
    }
  }
  await fleet.stop()
  printTable(
    `Following turns of ${script.chunks} chunks, ${script.pause} ms apart`,
    [
      'turns at a time',
      'read by',
      'later p50 ms [min-max]',
      'later p99 ms',
      'owner CPU ms/turn',
      'other CPU ms/turn',
      'Redis CPU ms/turn',
      'published/turn',
      'wrong',
    ],
    results.map(({ turns, place, rounds: all }) => [
      String(turns),
      places[place],
      place === 'nowhere'
        ? '-'
        : spread(
            all.map(({ laterMs }) => median(laterMs)),
            2,
          ),
      place === 'nowhere' ? '-' : median(all.map(({ laterMs }) => quantile(laterMs, 0.99))).toFixed(1),
      median(all.map((one) => one.ownerCpuMs / one.turns)).toFixed(2),
      median(all.map((one) => one.otherCpuMs / one.turns)).toFixed(2),
      median(all.map((one) => one.redisCpuMs / one.turns)).toFixed(2),
      median(all.map((one) => one.published / one.turns)).toFixed(1),
      String(all.reduce((sum, { wrong }) => sum + wrong, 0)),
    ]),
  )
}

async function measure({ servers, use }: RedisFleet, place: Place, turns: number): Promise<Measured> {
  const [owner, other] = servers
  if (owner === undefined || other === undefined) throw new Error('Two servers are needed.')
  const tokens = await openSessions({ url: owner.url, count: turns })
  const before = { owner: await cpuOf(owner), other: await cpuOf(other), redis: await use.sample() }
  const read = await Promise.all(tokens.map((token) => readTwice({ owner, other, place, token })))
  const after = { owner: await cpuOf(owner), other: await cpuOf(other), redis: await use.sample() }
  await endSessions({ url: owner.url, ids: tokens })
  return {
    turns,
    wrong: read.filter(({ isRight }) => !isRight).length,
    laterMs: read.flatMap(({ laterMs }) => laterMs),
    ownerCpuMs: after.owner - before.owner,
    otherCpuMs: after.other - before.other,
    redisCpuMs: after.redis.cpuMs - before.redis.cpuMs,
    published: after.redis.published - before.redis.published,
  }
}

interface Reading {
  readonly owner: Server
  readonly other: Server
  readonly place: Place
  readonly token: string
}

async function readTwice({ owner, other, place, token }: Reading) {
  const asker = StreamReader.ask(owner.url, streamRequest(token, script))
  if (place === 'nowhere') {
    await asker.ended
    return { isRight: isWhole(asker), laterMs: [] }
  }
  const { url } = place === 'here' ? owner : other
  const reader = StreamReader.ask(url, attachRequest(token, await asker.turnId))
  await Promise.all([asker.ended, reader.ended])
  // What was said before it came is told to it at once.
  const cameMs = await reader.firstTextMs
  const laterMs = asker.textsMs.flatMap((askerMs, text) =>
    askerMs > cameMs ? [(reader.textsMs[text] ?? NaN) - askerMs] : [],
  )
  return { isRight: isWhole(asker) && isWhole(reader), laterMs }
}

function isWhole({ textsMs, isComplete }: StreamReader): boolean {
  return textsMs.length === script.chunks && isComplete
}

function attachRequest(token: string, turnId: string): string {
  const head = [
    `GET /api/v1/chat/stream?turn_id=${turnId} HTTP/1.1`,
    'Host: 127.0.0.1',
    `X-Session-ID: ${token}`,
  ]
  return `${head.join('\r\n')}\r\n\r\n`
}

function cpuOf({ child }: Server): Promise<number> {
  return child.ask('cpuMs', undefined)
}
