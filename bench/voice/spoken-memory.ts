import { setTimeout } from 'node:timers/promises'
import { printProgress, printTable } from '../harness/table.ts'
import { countWrong, visit } from './guests.ts'
import type { VoiceBench } from './voice-bench.ts'
import { startSpeakingServer, voiceNames, voiceTitles, type SpeakingServer } from './speaking-server.ts'

const guests = 20
const paceMs = 30
const readEveryMs = 50
/** The voice's thread is kept for a minute without work. */
const threadEndsMs = 65_000

/** Resident memory of the whole process before anybody is spoken to, meanwhile, and when the thread has ended. */
export async function measureMemory(bench: VoiceBench): Promise<void> {
  const { cartesiaUrl } = bench
  const servers: SpeakingServer[] = []
  try {
    for (const voice of voiceNames) servers.push(await startSpeakingServer({ voice, paceMs, cartesiaUrl }))
    printProgress('memory, which needs a minute of silence')
    const spoken: (readonly string[])[] = []
    for (const server of servers) spoken.push(await measureSpeaking(server, bench))
    if (!bench.isQuick) await setTimeout(threadEndsMs)
    printTable(
      'Resident memory of the server, in MB',
      ['voice', 'started', '20 guests, no voice', '1 spoken to', '20 spoken to', 'a minute later', 'wrong'],
      servers.map((server, place) => {
        const [wrong = '', ...cells] = spoken[place] ?? []
        const later = bench.isQuick ? '' : megabytes(server.residentBytes())
        return [voiceTitles[server.voice], ...cells, later, wrong]
      }),
    )
  } finally {
    await Promise.all(servers.map((server) => server.stop()))
  }
}

/** How many turns went wrong, and the most memory that there was: at the beginning, silent, with one guest, with all. */
async function measureSpeaking(server: SpeakingServer, bench: VoiceBench): Promise<readonly string[]> {
  const started = server.residentBytes()
  const turns = bench.isQuick ? 1 : 4
  const silent = await peak(server, { guests, isSpoken: false, turns })
  const one = await peak(server, { guests: 1, isSpoken: true, turns })
  const all = await peak(server, { guests, isSpoken: true, turns })
  const wrong = silent.wrong + one.wrong + all.wrong
  return [String(wrong), ...[started, silent.bytes, one.bytes, all.bytes].map(megabytes)]
}

async function peak(
  server: SpeakingServer,
  load: { readonly guests: number; readonly isSpoken: boolean; readonly turns: number },
): Promise<{ readonly bytes: number; readonly wrong: number }> {
  let bytes = 0
  const timer = setInterval(() => (bytes = Math.max(bytes, server.residentBytes())), readEveryMs)
  const { turns: count, ...rest } = load
  try {
    const turns = await visit(server.url, { ...rest, overMs: 0, until: { turns: count } })
    return { bytes, wrong: countWrong(turns) }
  } finally {
    clearInterval(timer)
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0)
}
