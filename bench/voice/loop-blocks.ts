import { setTimeout } from 'node:timers/promises'
import { median } from '../harness/statistics.ts'
import { printProgress, printTable } from '../harness/table.ts'
import { countWrong, visit } from './guests.ts'
import type { LoopReading } from './loop-probe.ts'
import type { VoiceBench } from './voice-bench.ts'
import { startSpeakingServer, voiceNames, voiceTitles, type SpeakingServer } from './speaking-server.ts'

const guests = 20
const paceMs = 30
const scrapeMs = 1000
/** No block of the main thread is to be longer. */
const aimMs = 20

const loads = {
  nobody: 'nobody there',
  silent: `${guests} guests, no voice`,
  spoken: `${guests} guests, spoken to`,
} as const

type LoadName = keyof typeof loads

/** What one second showed. */
interface Second extends LoopReading {
  /** `maya_event_loop_delay_seconds{quantile="1"}` */
  readonly delayMs: number
}

interface Watched {
  readonly seconds: Second[]
  turns: number
  wrong: number
}

/** How long the main thread does nothing else, while the voice speaks to all guests at the same time. */
export async function measureLoopBlocks(bench: VoiceBench): Promise<void> {
  const rows: string[][] = []
  for (const voice of voiceNames) {
    const { cartesiaUrl } = bench
    const server = await startSpeakingServer({ voice, paceMs, cartesiaUrl, isProbed: true })
    try {
      const watched = await measureServer(server, bench)
      const names = ['nobody', 'silent', 'spoken'] as const
      rows.push(...names.map((name) => [voiceTitles[voice], loads[name], ...cells(watched[name])]))
    } finally {
      await server.stop()
    }
  }
  printTable(
    `The longest block of the main thread in each second with ${guests} guests, in ms`,
    [
      'voice',
      'load',
      'seconds',
      'delay metric p50',
      'worst',
      'tick late p50',
      'worst',
      'CPU between ticks p50',
      'worst',
      `CPU > ${aimMs} ms`,
      'turns',
      'wrong',
    ],
    rows,
  )
}

async function measureServer(
  server: SpeakingServer,
  { rounds, isQuick }: VoiceBench,
): Promise<Readonly<Record<LoadName, Watched>>> {
  const watched: Record<LoadName, Watched> = {
    nobody: { seconds: [], turns: 0, wrong: 0 },
    silent: { seconds: [], turns: 0, wrong: 0 },
    spoken: { seconds: [], turns: 0, wrong: 0 },
  }
  const forMs = isQuick ? 2000 : 10_000
  await visit(server.url, { guests, overMs: 0, isSpoken: true, until: { turns: isQuick ? 1 : 4 } })
  for (let round = 0; round < rounds; round++) {
    printProgress(`blocks, ${server.voice}, round ${round + 1} of ${rounds}`)
    await watch(server, watched.nobody, () => setTimeout(forMs))
    for (const name of ['silent', 'spoken'] as const) {
      await watch(server, watched[name], async () => {
        const until = { atMs: performance.now() + forMs }
        const turns = await visit(server.url, { guests, overMs: 1000, isSpoken: name === 'spoken', until })
        watched[name].turns += turns.length
        watched[name].wrong += countWrong(turns)
      })
    }
  }
  return watched
}

/** Reads both every second, as a scraper would, until the task is done. */
async function watch(server: SpeakingServer, watched: Watched, task: () => Promise<unknown>): Promise<void> {
  await readSecond(server)
  const over = new AbortController()
  const done = task().finally(() => over.abort())
  while (!over.signal.aborted) {
    await setTimeout(scrapeMs)
    watched.seconds.push(await readSecond(server))
  }
  await done
}

/** What a scrape itself takes counts to the next second. */
async function readSecond(server: SpeakingServer): Promise<Second> {
  const loop = await server.readLoop()
  const metrics = await server.metrics()
  return { ...loop, delayMs: metrics('maya_event_loop_delay_seconds', 'quantile="1"') * 1000 }
}

function cells({ seconds, turns, wrong }: Watched): readonly string[] {
  const overAim = seconds.filter(({ cpuMs }) => cpuMs > aimMs).length
  return [
    String(seconds.length),
    ...middleAndWorst(seconds.map(({ delayMs }) => delayMs)),
    ...middleAndWorst(seconds.map(({ lateMs }) => lateMs)),
    ...middleAndWorst(seconds.map(({ cpuMs }) => cpuMs)),
    `${overAim} s`,
    String(turns),
    String(wrong),
  ]
}

function middleAndWorst(values: readonly number[]): readonly string[] {
  return [median(values).toFixed(1), Math.max(...values).toFixed(1)]
}
