import { startChild } from '../harness/child.ts'
import { median, spread } from '../harness/statistics.ts'
import { printProgress, printTable } from '../harness/table.ts'
import type { FleetGeneratorControls } from '../load/fleet-generator.ts'
import { orderScript, type FleetBench } from './fleet-bench.ts'
import { startRedisFleet } from './servers.ts'

interface Conversations {
  readonly sessions: number
  readonly turns: number
}

/** Per session. */
interface Size {
  readonly memoryBytes: number
  readonly fileBytes: number
}

/** What sessions of one turn and of many take in Redis, in its memory and in its append-only file. */
export async function measureRedisMemory({ rounds, isQuick }: FleetBench): Promise<void> {
  const all: readonly Conversations[] = isQuick
    ? [{ sessions: 10, turns: 2 }]
    : [
        { sessions: 1000, turns: 1 },
        { sessions: 500, turns: 10 },
        { sessions: 100, turns: 40 },
        { sessions: 10, turns: 400 },
      ]
  const results = all.map((conversations) => ({ conversations, sizes: [] as Size[] }))
  for (let round = 0; round < rounds; round++) {
    printProgress(`memory, round ${round + 1} of ${rounds}`)
    for (const { conversations, sizes } of results) sizes.push(await measure(conversations))
  }
  printTable(
    'A session in Redis, after turns of two replies, one tool and 60 chunks',
    ['turns', 'memory KB [min-max]', 'of it a turn KB', 'append-only file KB', 'of it a turn KB'],
    results.map(({ conversations: { turns }, sizes }) => [
      String(turns),
      spread(
        sizes.map(({ memoryBytes }) => memoryBytes / 1000),
        1,
      ),
      median(sizes.map(({ memoryBytes }) => memoryBytes / 1000 / turns)).toFixed(1),
      spread(
        sizes.map(({ fileBytes }) => fileBytes / 1000),
        1,
      ),
      median(sizes.map(({ fileBytes }) => fileBytes / 1000 / turns)).toFixed(1),
    ]),
  )
}

/** In a new Redis: memory that was used once is used again and would hide what is needed. */
async function measure({ sessions, turns }: Conversations): Promise<Size> {
  const { servers, use, stop } = await startRedisFleet(1)
  const generator = await startChild<FleetGeneratorControls>({ script: 'load/fleet-generator.ts' })
  const streams = Math.min(sessions, 10)
  const load = { streams, turnsPerStream: (sessions / streams) * turns, turnsPerSession: turns }
  const before = await use.sample()
  const urls = servers.map(({ url }) => url)
  await generator.ask('prepare', { ...load, urls, routing: 'same', script: orderScript })
  const { wrong } = await generator.ask('run', undefined)
  if (wrong > 0) throw new Error(`${wrong} answers were wrong.`)
  const after = await use.sample()
  await generator.stop()
  await stop()
  return {
    memoryBytes: (after.memoryBytes - before.memoryBytes) / sessions,
    fileBytes: (after.fileBytes - before.fileBytes) / sessions,
  }
}
