// How much later the first text comes than from a bare server that has it at once; chunks come 20 ms apart.
import { inTurn, readOptions } from './harness/options.ts'
import { median, pairedRatio, quantile, spread } from './harness/statistics.ts'
import { printMachine, printProgress, printTable } from './harness/table.ts'
import { startContest, type Measured } from './servers/contestants.ts'

const { quick, rounds } = readOptions({ rounds: 4 })
const chunks = 60
const paceMs = 20
const loads = [
  { streams: 1, turnsPerStream: quick ? 1 : 4 },
  { streams: 50, turnsPerStream: quick ? 1 : 2 },
  { streams: 200, turnsPerStream: quick ? 1 : 2 },
]
const subjects = ['bare', 'memory', 'sqlite'] as const

type Subject = (typeof subjects)[number]

const contest = await startContest(chunks)
printMachine()
for (const subject of subjects) await measure(subject, { streams: 20, turnsPerStream: quick ? 1 : 40 }, 0)
const results = loads.map((load) => ({
  load,
  measured: { bare: [], memory: [], sqlite: [] } as Record<Subject, Measured[]>,
}))
for (let round = 0; round < rounds; round++) {
  printProgress(`round ${round + 1} of ${rounds}`)
  for (const { load, measured } of results) {
    for (const subject of inTurn(subjects, round))
      measured[subject].push(await measure(subject, load, paceMs))
  }
}
await contest.stop()
printTable(
  `Time to first text, ${chunks} chunks ${paceMs} ms apart`,
  ['streams', 'server', 'p50 ms [min-max]', 'p99 ms', 'added p50 ms', 'x bare', 'wrong'],
  results.flatMap(({ load, measured }) =>
    subjects.map((subject) => [String(load.streams), contest[subject].name, ...cells(measured, subject)]),
  ),
)

/** Streams begin spread over the time that one answer takes, as guests do. */
function measure(
  subject: Subject,
  load: { readonly streams: number; readonly turnsPerStream: number },
  pauseMs: number,
): Promise<Measured> {
  const script = { chunks, pause: pauseMs === 0 ? ('none' as const) : pauseMs }
  return contest[subject].measure({ ...load, script, sessionsPerStream: 1, staggerMs: chunks * pauseMs })
}

function cells(measured: Record<Subject, Measured[]>, subject: Subject): readonly string[] {
  const mine = measured[subject].map(medianMs)
  const bare = measured.bare.map(medianMs)
  return [
    spread(mine, 2),
    median(measured[subject].map(({ firstTextMs }) => quantile(firstTextMs, 0.99))).toFixed(1),
    median(mine.map((value, round) => value - (bare[round] ?? NaN))).toFixed(2),
    pairedRatio(mine, bare).toFixed(2),
    String(measured[subject].reduce((sum, { wrong }) => sum + wrong, 0)),
  ]
}

function medianMs({ firstTextMs }: Measured): number {
  return median(firstTextMs)
}
