import { median, pairedRatio, spread } from '../harness/statistics.ts'
import { printProgress, printTable } from '../harness/table.ts'
import { countWrong, visit } from './guests.ts'
import type { VoiceBench } from './voice-bench.ts'
import { startSpeakingServer, voiceNames, voiceTitles, type SpeakingServer } from './speaking-server.ts'
import { startVoiceAlone, type VoiceAlone } from './voice-alone.ts'

const paceMs = 30
const guests = 4

/** CPU seconds of one round. */
interface Round {
  readonly silentSeconds: number
  readonly spokenSeconds: number
  readonly soundMinutes: number
  /** What a minute of the same sentences takes of a process that does nothing else. */
  readonly alonePerMinute: number
  readonly wrong: number
}

/** CPU time of the same conversations with and without voice, for each minute of sound. */
export async function measureAddedCpu(bench: VoiceBench): Promise<void> {
  const rows: string[][] = []
  for (const voice of voiceNames) {
    const { cartesiaUrl } = bench
    const server = await startSpeakingServer({ voice, paceMs, cartesiaUrl })
    const alone = startVoiceAlone(voice, cartesiaUrl)
    try {
      await talk(server, { isSpoken: true, turns: bench.isQuick ? 1 : 4 })
      const rounds: Round[] = []
      for (let round = 0; round < bench.rounds; round++) {
        printProgress(`CPU, ${voice}, round ${round + 1} of ${bench.rounds}`)
        rounds.push(await measureRound({ server, alone, isQuick: bench.isQuick }))
      }
      rows.push([voiceTitles[voice], ...cells(rounds)])
    } finally {
      await Promise.all([server.stop(), alone.close()])
    }
  }
  printTable(
    `CPU of the server with ${guests} guests, for each minute of sound`,
    [
      'voice',
      'minutes of sound',
      'CPU s without voice [min-max]',
      'with voice [min-max]',
      'added s/minute [min-max]',
      'voice alone s/minute',
      'x alone',
      'wrong',
    ],
    rows,
  )
}

async function measureRound(options: {
  readonly server: SpeakingServer
  readonly alone: VoiceAlone
  readonly isQuick: boolean
}): Promise<Round> {
  const { server, alone, isQuick } = options
  const turns = isQuick ? 1 : 4
  const silent = await talk(server, { isSpoken: false, turns })
  const spoken = await talk(server, { isSpoken: true, turns })
  const sentences = spoken.turns.flatMap((turn) => turn.sentences)
  const { cpuMs, soundSeconds } = await alone.speakAll(sentences)
  return {
    silentSeconds: silent.cpuSeconds,
    spokenSeconds: spoken.cpuSeconds,
    soundMinutes: spoken.soundMinutes,
    alonePerMinute: cpuMs / 1000 / (soundSeconds / 60),
    wrong: countWrong([...silent.turns, ...spoken.turns]),
  }
}

/** By what the server tells of itself: the whole process, with the voice's thread and the collector's. */
async function talk(
  server: SpeakingServer,
  { isSpoken, turns: count }: { readonly isSpoken: boolean; readonly turns: number },
) {
  const before = await server.metrics()
  const turns = await visit(server.url, { guests, overMs: 0, isSpoken, until: { turns: count } })
  const after = await server.metrics()
  const grown = (name: string): number => after(name) - before(name)
  return {
    turns,
    cpuSeconds: grown('process_cpu_seconds_total'),
    soundMinutes: grown('maya_tts_audio_seconds_total') / 60,
  }
}

function cells(rounds: readonly Round[]): readonly string[] {
  const added = rounds.map(
    ({ spokenSeconds, silentSeconds, soundMinutes }) => (spokenSeconds - silentSeconds) / soundMinutes,
  )
  const alone = rounds.map(({ alonePerMinute }) => alonePerMinute)
  return [
    median(rounds.map(({ soundMinutes }) => soundMinutes)).toFixed(1),
    spread(
      rounds.map(({ silentSeconds }) => silentSeconds),
      2,
    ),
    spread(
      rounds.map(({ spokenSeconds }) => spokenSeconds),
      2,
    ),
    spread(added, 2),
    median(alone).toFixed(2),
    pairedRatio(added, alone).toFixed(2),
    String(rounds.reduce((sum, { wrong }) => sum + wrong, 0)),
  ]
}
