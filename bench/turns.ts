// Turns per second and CPU per turn of a 60-chunk answer, beside a bare node:http server that writes the same bytes.
import { readOptions, inTurn } from './harness/options.ts'
import { median, pairedRatio, spread } from './harness/statistics.ts'
import { printMachine, printProgress, printTable } from './harness/table.ts'
import { startContest, type Contest, type Measured } from './servers/contestants.ts'
import type { Script } from './servers/script.ts'

const { quick, rounds } = readOptions({ rounds: 5 })
const chunks = 60
/** Turns that one session has before its stream goes on in another: as long as a talk at a bar may be. */
const turnsPerSession = 10

/** Streams at the same time, and how many turns each of them takes in a round. */
const loads = [
  { streams: 1, turnsPerStream: quick ? 20 : 400 },
  { streams: 50, turnsPerStream: quick ? 2 : 30 },
  { streams: 200, turnsPerStream: quick ? 1 : 10 },
  { streams: 1000, turnsPerStream: quick ? 1 : 3 },
]

/** A model that has its whole answer at once, as the offline one without pace, and one whose chunks come one by one. */
const pauses = ['none', 'tick'] as const
const subjects = ['bare', 'memory', 'sqlite'] as const

type Subject = (typeof subjects)[number]
type Results = Record<Subject, Measured[]>

const contest = await startContest(chunks)
printMachine()
await warmUp(contest)
const results = pauses.flatMap((pause) => loads.map((load) => ({ pause, ...load, measured: emptyResults() })))
for (let round = 0; round < rounds; round++) {
  printProgress(`round ${round + 1} of ${rounds}`)
  for (const { pause, measured, streams, turnsPerStream } of results) {
    for (const subject of inTurn(subjects, round)) {
      measured[subject].push(await measure(subject, { pause, streams, turnsPerStream }))
    }
  }
}
await contest.stop()
for (const pause of pauses) printResults(pause)

function emptyResults(): Results {
  return { bare: [], memory: [], sqlite: [] }
}

async function warmUp({ bare, memory, sqlite }: Contest): Promise<void> {
  for (const contestant of [bare, memory, sqlite]) {
    const script: Script = { chunks, pause: 'none' }
    await contestant.measure({
      streams: 20,
      turnsPerStream: quick ? 2 : 60,
      script,
      sessionsPerStream: 6,
      staggerMs: 0,
    })
  }
}

function measure(
  subject: Subject,
  { pause, streams, turnsPerStream }: { pause: 'none' | 'tick'; streams: number; turnsPerStream: number },
): Promise<Measured> {
  const sessionsPerStream = Math.ceil(turnsPerStream / turnsPerSession)
  return contest[subject].measure({
    streams,
    turnsPerStream,
    sessionsPerStream,
    script: { chunks, pause },
    staggerMs: 0,
  })
}

function printResults(pause: 'none' | 'tick'): void {
  const title =
    pause === 'none' ? 'All chunks at once (pace 0)' : 'Every chunk in a tick of its own, as from a network'
  printTable(
    title,
    [
      'streams',
      'server',
      'turns/s [min-max]',
      'x bare',
      'CPU ms/turn [min-max]',
      'x bare',
      'server busy',
      'first text p50 ms',
      'wrong',
    ],
    results
      .filter((result) => result.pause === pause)
      .flatMap(({ streams, measured }) =>
        subjects.map((subject) => [String(streams), contest[subject].name, ...cells(measured, subject)]),
      ),
  )
}

function cells(measured: Results, subject: Subject): readonly string[] {
  const mine = measured[subject]
  return [
    spread(mine.map(rate), 0),
    pairedRatio(mine.map(rate), measured.bare.map(rate)).toFixed(2),
    spread(mine.map(cpuPerTurn), 3),
    pairedRatio(mine.map(cpuPerTurn), measured.bare.map(cpuPerTurn)).toFixed(2),
    `${(median(mine.map(({ serverCpuMs, seconds }) => serverCpuMs / seconds / 1000)) * 100).toFixed(0)} %`,
    median(mine.map(({ firstTextMs }) => median(firstTextMs))).toFixed(2),
    String(mine.reduce((sum, { wrong }) => sum + wrong, 0)),
  ]
}

function rate({ turns, wrong, seconds }: Measured): number {
  return (turns - wrong) / seconds
}

function cpuPerTurn({ turns, serverCpuMs }: Measured): number {
  return serverCpuMs / turns
}
