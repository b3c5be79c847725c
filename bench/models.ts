// A turn of 60 chunks with a tool call over a local Gemini: our whole server beside others, over one upstream.
import { parseArgs } from 'node:util'
import { startChild } from './harness/child.ts'
import { inTurn } from './harness/options.ts'
import { canPin, keepOffServerCore } from './harness/server-process.ts'
import { median, pairedRatio, spread } from './harness/statistics.ts'
import { printMachine, printProgress, printTable } from './harness/table.ts'
import type { TurnGeneratorControls } from './load/turn-generator.ts'
import {
  contestantNames,
  startContestant,
  titles,
  type ContestantName,
  type MeasuredLoad,
  type ModelContestant,
} from './servers/model-contestants.ts'
import type { UpstreamControls } from './upstream/gemini.ts'

const usage = `Usage: node bench/models.ts [options]
  --contestants LIST  some of ${contestantNames.join(', ')}
  --loads LIST        streams with the whole answer at once (200), or with ms between chunks (500x20)
  --rounds N          5 unless told
  --seconds N         for which a load begins turns, in each round; 4 unless told
  --profile DIR       the servers in Node write a CPU profile there
  --quick             only shows that all of it works
`
const chunks = 60

interface Load {
  readonly streams: number
  readonly paceMs: number
}

interface LoadResults {
  readonly load: Load
  readonly measured: Map<ContestantName, MeasuredLoad[]>
}

const options = readOptions()
keepOffServerCore(process.pid)
const upstream = await startChild<UpstreamControls>({ script: 'upstream/gemini.ts' })
const generator = await startChild<TurnGeneratorControls>({ script: 'load/turn-generator.ts' })
const contestants = new Map<ContestantName, ModelContestant>()
printMachine()
if (!canPin) printProgress('No taskset: the server and its load share all cores.')
try {
  for (const name of options.names) contestants.set(name, await start(name))
  for (const name of options.names) {
    printProgress(`warming up ${name}`)
    await measure(name, { streams: 20, paceMs: 0 })
  }
  const results = await measureRounds()
  results.forEach(printResults)
} finally {
  await Promise.all([...contestants.values()].map((contestant) => contestant.stop()))
  await Promise.all([upstream.stop(), generator.stop()])
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      quick: { type: 'boolean', default: false },
      contestants: { type: 'string', default: contestantNames.join() },
      loads: { type: 'string', default: '1,50,200,1000,500x20' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      profile: { type: 'string' },
    },
  })
  if (values.help) {
    process.stdout.write(usage)
    process.exit()
  }
  const asked = new Set(values.contestants.split(','))
  const loads = values.loads.split(',').map((text): Load => {
    const [streams, paceMs = 0] = text.split('x').map(Number)
    return { streams: streams ?? NaN, paceMs }
  })
  const isKnown = [...asked].every((name) => contestantNames.some((known) => known === name))
  if (!isKnown || !loads.every(({ streams, paceMs }) => streams > 0 && paceMs >= 0)) {
    process.stderr.write(usage)
    process.exit(2)
  }
  return {
    names: contestantNames.filter((name) => asked.has(name)),
    loads,
    rounds: Number(values.rounds ?? (values.quick ? 1 : 5)),
    seconds: Number(values.seconds ?? (values.quick ? 0.5 : 4)),
    nodeOptions: values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`],
  }
}

function start(name: ContestantName): Promise<ModelContestant> {
  return startContestant(name, { upstream, generator, nodeOptions: options.nodeOptions })
}

async function measureRounds(): Promise<readonly LoadResults[]> {
  const results = options.loads.map((load): LoadResults => {
    return { load, measured: new Map(options.names.map((name) => [name, []])) }
  })
  for (let round = 0; round < options.rounds; round++) {
    for (const { load, measured } of results) {
      printProgress(`round ${round + 1} of ${options.rounds}: ${describe(load)}`)
      for (const name of inTurn(options.names, round)) measured.get(name)?.push(await measure(name, load))
    }
  }
  return results
}

/** Paced streams begin spread over the time that one answer takes, as guests do. */
async function measure(name: ContestantName, load: Load): Promise<MeasuredLoad> {
  const contestant = contestants.get(name)
  if (contestant === undefined) throw new Error(`${name} was not started.`)
  return contestant.measure({
    ...load,
    chunks,
    seconds: options.seconds,
    staggerMs: chunks * load.paceMs,
  })
}

function printResults({ load, measured }: LoadResults): void {
  printTable(
    describe(load),
    [
      'server',
      'turns/s [min-max]',
      'x bare',
      'x AI SDK',
      'CPU ms/turn [min-max]',
      'server busy',
      'load busy',
      'first text p50 ms',
      'added ms',
      'late p50 ms',
      'late p99 ms',
      'RSS MB',
      'wrong',
    ],
    [...measured].map(([name, mine]) => [titles[name], ...cells(measured, mine)]),
  )
}

function describe({ streams, paceMs }: Load): string {
  const title = streams === 1 ? '1 stream' : `${streams} streams`
  return paceMs === 0 ? `${title}, all chunks at once` : `${title}, ${paceMs} ms a chunk`
}

function cells(
  measured: ReadonlyMap<ContestantName, readonly MeasuredLoad[]>,
  mine: readonly MeasuredLoad[],
): readonly string[] {
  const [bare, aiSdk, direct] = [
    measured.get('bare') ?? [],
    measured.get('ai-sdk') ?? [],
    measured.get('direct') ?? [],
  ]
  const firstMs = mine.map(({ firstTextMs }) => firstTextMs)
  const addedMs = firstMs.map((value, round) => value - (direct[round]?.firstTextMs ?? NaN))
  const busy = mine.map(({ serverCpuMs, seconds }) => serverCpuMs / seconds / 10)
  const loadBusy = mine.map(
    ({ generatorCpuMs, upstreamCpuMs, seconds }) => (generatorCpuMs + upstreamCpuMs) / seconds / 10,
  )
  return [
    spread(mine.map(rate), 0),
    ...[bare, aiSdk].map((others) => pairedRatio(mine.map(rate), others.map(rate)).toFixed(2)),
    spread(
      mine.map(({ turns, serverCpuMs }) => serverCpuMs / turns),
      2,
    ),
    `${median(busy).toFixed(0)} %`,
    `${median(loadBusy).toFixed(0)} %`,
    median(firstMs).toFixed(2),
    median(addedMs).toFixed(2),
    median(mine.map(({ lateP50Ms }) => lateP50Ms)).toFixed(1),
    median(mine.map(({ lateP99Ms }) => lateP99Ms)).toFixed(1),
    median(mine.map(({ residentBytes }) => residentBytes / 1024 / 1024)).toFixed(0),
    String(mine.reduce((sum, { wrong }) => sum + wrong, 0)),
  ].map((cell) => (cell.includes('NaN') ? '' : cell))
}

function rate({ turns, wrong, seconds }: MeasuredLoad): number {
  return (turns - wrong) / seconds
}
