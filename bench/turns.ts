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

/**
 * A model that has its whole answer at once, as the offline one without pace, and one whose chunks come one by one;
 * how many streams there are at the same time, and how many turns each of them takes in a round.
 */
const loads = [
  { pause: 'none', streams: 1, turnsPerStream: quick ? 20 : 200 },
  { pause: 'none', streams: 50, turnsPerStream: quick ? 2 : 20 },
  { pause: 'none', streams: 200, turnsPerStream: quick ? 1 : 6 },
  { pause: 'none', streams: 1000, turnsPerStream: quick ? 1 : 2 },
  { pause: 'tick', streams: 50, turnsPerStream: quick ? 1 : 8 },
  { pause: 'tick', streams: 200, turnsPerStream: quick ? 1 : 3 },
] as const
const subjects = ['bare', 'memory', 'sqlite'] as const

type Load = (typeof loads)[number]
type Subject = (typeof subjects)[number]
type Results = Record<Subject, Measured[]>

const contest = await startContest(chunks)
printMachine()
await warmUp(contest)
const results = loads.map((load) => ({ load, measured: emptyResults() }))
for (let round = 0; round < rounds; round++) {
  printProgress(`round ${round + 1} of ${rounds}`)
  for (const { load, measured } of results) {
    for (const subject of inTurn(subjects, round)) measured[subject].push(await measure(subject, load))
  }
}
await contest.stop()
printResults('none', 'All chunks at once (pace 0)')
printResults('tick', 'Every chunk in a tick of its own, as from a network')

function emptyResults(): Results {
  return { bare: [], memory: [], sqlite: [] }
}

async function warmUp({ bare, memory, sqlite }: Contest): Promise<void> {
  for (const contestant of [bare, memory, sqlite]) {
    const script: Script = { chunks, pause: 'none' }
    await contestant.measure({
      streams: 20,
      turnsPerStream: quick ? 2 : 100,
      script,
      sessionsPerStream: 10,
      staggerMs: 0,
    })
  }
}

function measure(subject: Subject, { pause, streams, turnsPerStream }: Load): Promise<Measured> {
  const sessionsPerStream = Math.ceil(turnsPerStream / turnsPerSession)
  const script = { chunks, pause }
  return contest[subject].measure({ streams, turnsPerStream, sessionsPerStream, script, staggerMs: 0 })
}

function printResults(pause: Load['pause'], title: string): void {
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
      .filter(({ load }) => load.pause === pause)
      .flatMap(({ load, measured }) =>
        subjects.map((subject) => [String(load.streams), contest[subject].name, ...cells(measured, subject)]),
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
