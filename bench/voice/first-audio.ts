import { inTurn } from '../harness/options.ts'
import { median, quantile, spread } from '../harness/statistics.ts'
import { printProgress, printTable } from '../harness/table.ts'
import { countWrong, visit } from './guests.ts'
import type { VoiceBench } from './voice-bench.ts'
import {
  startSpeakingServer,
  voiceNames,
  voiceTitles,
  type SpeakingServer,
  type VoiceName,
} from './speaking-server.ts'
import type { SpokenTurn } from './spoken-turn.ts'
import { startVoiceAlone, type VoiceAlone } from './voice-alone.ts'

const pacesMs = [30, 0] as const
/** What the server may add to what the text and the voice take. */
const aimMs = 50

interface Load {
  readonly title: string
  readonly guests: number
  readonly turns: number
  readonly overMs: number
}

/** A turn, and what the voice alone took for its first sentence just afterwards. */
interface PairedTurn extends SpokenTurn {
  readonly aloneMs: number
}

interface Subject {
  readonly server: SpeakingServer
  readonly paceMs: number
  readonly load: Load
  /** The turns of each round. */
  readonly rounds: (readonly PairedTurn[])[]
}

/** The time from sending to the first text and to the first sound, beside the voice alone with the same sentence. */
export async function measureFirstAudio(bench: VoiceBench): Promise<void> {
  const { cartesiaUrl, rounds } = bench
  const alone = {
    embedded: startVoiceAlone('embedded', cartesiaUrl),
    cartesia: startVoiceAlone('cartesia', cartesiaUrl),
  } satisfies Record<VoiceName, VoiceAlone>
  const subjects: Subject[] = []
  try {
    for (const voice of voiceNames) {
      for (const paceMs of pacesMs) {
        const server = await startSpeakingServer({ voice, paceMs, cartesiaUrl })
        await warmUp(server, bench)
        for (const load of loadsOf(bench)) subjects.push({ server, paceMs, load, rounds: [] })
      }
    }
    for (let round = 0; round < rounds; round++) {
      printProgress(`first audio, round ${round + 1} of ${rounds}`)
      for (const subject of inTurn(subjects, round)) {
        subject.rounds.push(await measure(subject, alone[subject.server.voice]))
      }
    }
  } finally {
    const servers = new Set(subjects.map(({ server }) => server))
    await Promise.all([...servers].map((server) => server.stop()))
    await Promise.all([alone.embedded.close(), alone.cartesia.close()])
  }
  print(subjects, bench)
}

/** Guests who listen to an answer before they go on begin a turn every eight seconds or so. */
function loadsOf({ isQuick }: VoiceBench): readonly Load[] {
  const overSeconds = isQuick ? 2 : 8
  return [
    { title: '1', guests: 1, turns: isQuick ? 1 : 4, overMs: 0 },
    { title: `20 over ${overSeconds} s`, guests: 20, turns: 1, overMs: overSeconds * 1000 },
    { title: '20 at once', guests: 20, turns: 1, overMs: 0 },
  ]
}

async function warmUp({ url }: SpeakingServer, { isQuick }: VoiceBench): Promise<void> {
  await visit(url, { guests: 4, overMs: 0, isSpoken: true, until: { turns: isQuick ? 1 : 4 } })
}

async function measure({ server, load }: Subject, alone: VoiceAlone): Promise<readonly PairedTurn[]> {
  const { url } = server
  const { guests, overMs, turns } = load
  // The voice's thread ends when it has long been silent: its start is not what is measured here.
  await visit(url, { guests: 1, overMs: 0, isSpoken: true, until: { turns: 1 } })
  const spoken = await visit(url, { guests, overMs, isSpoken: true, until: { turns } })
  const paired: PairedTurn[] = []
  for (const turn of spoken) {
    paired.push({ ...turn, aloneMs: await alone.firstSoundMs(turn.sentences[0] ?? '') })
  }
  return paired
}

function print(subjects: readonly Subject[], { soundDelayMs }: VoiceBench): void {
  printTable(
    `First text and first sound after sending, in ms; of Cartesia's without the ${soundDelayMs} ms that it takes here`,
    [
      'voice',
      'ms/word',
      'guests',
      'turns',
      'first text p50',
      'sentence written p50',
      'cut p50',
      'first sound p50 [min-max]',
      'p95',
      'voice alone p50',
      'added p50 [min-max]',
      'p95',
      `added <= ${aimMs} ms`,
      'wrong',
    ],
    subjects.map((subject) => [
      voiceTitles[subject.server.voice],
      String(subject.paceMs),
      subject.load.title,
      ...cells(subject, subject.server.voice === 'cartesia' ? soundDelayMs : 0),
    ]),
  )
}

function cells({ rounds }: Subject, delayMs: number): readonly string[] {
  const turns = rounds.flat()
  const overRounds = (value: (turn: PairedTurn) => number): string =>
    spread(
      rounds.map((round) => median(round.map(value))),
      1,
    )
  const overTurns = (value: (turn: PairedTurn) => number, part = 0.5): string =>
    quantile(turns.map(value), part).toFixed(1)
  const firstSound = ({ firstAudioMs }: PairedTurn): number => firstAudioMs - delayMs
  const within = turns.filter((turn) => addedMs(turn) <= aimMs).length
  return [
    String(turns.length),
    overTurns(({ firstTextMs }) => firstTextMs),
    overTurns(({ writtenMs }) => writtenMs),
    overTurns(({ cutMs, writtenMs }) => cutMs - writtenMs),
    overRounds(firstSound),
    overTurns(firstSound, 0.95),
    overTurns(({ aloneMs }) => aloneMs - delayMs),
    overRounds(addedMs),
    overTurns(addedMs, 0.95),
    `${((100 * within) / turns.length).toFixed(0)} %`,
    String(countWrong(turns)),
  ]
}

/** What is left of the wait when the writing of the first sentence and its synthesis alone are taken off. */
function addedMs({ firstAudioMs, writtenMs, aloneMs }: PairedTurn): number {
  return firstAudioMs - writtenMs - aloneMs
}
