// What traces cost: turns per second without, with, and with what is said in them; and a report that nobody wants.
import type { TurnObserver } from '../src/conversation/observer.ts'
import { storeStep } from '../src/conversation/turn-commit.ts'
import { systemClock } from '../src/clock.ts'
import { startChild } from './harness/child.ts'
import { inTurn, readOptions } from './harness/options.ts'
import { median, pairedRatio, spread } from './harness/statistics.ts'
import { printMachine, printProgress, printTable } from './harness/table.ts'
import type { GeneratorControls } from './load/generator.ts'
import { mayaContestant, type Measured } from './servers/contestants.ts'
import type { MayaControls } from './servers/maya.ts'
import type { ReceiverControls } from './servers/otlp-receiver.ts'

const { quick, rounds } = readOptions({ rounds: 5 })
/** Two replies, one drink on the tab between them: nine steps. */
const script = { chunks: 20, pause: 'none', isOrder: true } as const
const load = { streams: 50, turnsPerStream: quick ? 2 : 20, sessionsPerStream: 2, script, staggerMs: 0 }
const stepsPerTurn = 9
const subjects = ['off', 'on', 'content'] as const
type Subject = (typeof subjects)[number]

const receiver = await startChild<ReceiverControls>({ script: 'servers/otlp-receiver.ts' })
const tracesTo = await receiver.ask('url', undefined)
const generator = await startChild<GeneratorControls>({ script: 'load/generator.ts' })
const servers = {
  off: await startMaya(),
  on: await startMaya(tracesTo),
  content: await startMaya(tracesTo, 'on'),
}
const contestants = {
  off: await mayaContestant('off', servers.off, generator),
  on: await mayaContestant('on', servers.on, generator),
  content: await mayaContestant('on, with content', servers.content, generator),
}
const measured: Record<Subject, (Measured & { readonly sentBytes: number })[]> = {
  off: [],
  on: [],
  content: [],
}

printMachine()
for (const subject of subjects) await contestants[subject].measure(load)
for (let round = 0; round < rounds; round++) {
  printProgress(`round ${round + 1} of ${rounds}`)
  for (const subject of inTurn(subjects, round)) {
    await receiver.ask('takeBytes', undefined)
    const result = await contestants[subject].measure(load)
    measured[subject].push({ ...result, sentBytes: await receiver.ask('takeBytes', undefined) })
  }
}
printTable(
  'Turns with an order, 50 at the same time',
  [
    'traces',
    'turns/s [min-max]',
    'x off',
    'CPU ms/turn [min-max]',
    'x off',
    'RSS MB',
    'KB sent/turn',
    'wrong',
  ],
  await Promise.all(subjects.map(cells)),
)
const stepUs = await microsecondsPerStep()
const turnUs = median(measured.off.map(cpuPerTurn)) * 1000
const part = (stepUs * stepsPerTurn * 100) / turnUs
printTable(
  'Reporting to nobody',
  ['µs/step', 'steps/turn', 'µs/turn', 'of the CPU of a turn'],
  [[stepUs.toFixed(3), String(stepsPerTurn), (stepUs * stepsPerTurn).toFixed(2), `${part.toFixed(2)} %`]],
)
await Promise.all([...Object.values(servers), generator, receiver].map((child) => child.stop()))

function startMaya(...traces: readonly string[]) {
  return startChild<MayaControls>({
    script: 'servers/maya.ts',
    args: ['memory:', ...traces],
    nodeOptions: ['--expose-gc'],
  })
}

async function cells(subject: Subject): Promise<readonly string[]> {
  const mine = measured[subject]
  const { residentBytes } = await servers[subject].ask('memoryUse', undefined)
  return [
    contestants[subject].name,
    spread(mine.map(rate), 0),
    pairedRatio(mine.map(rate), measured.off.map(rate)).toFixed(2),
    spread(mine.map(cpuPerTurn), 3),
    pairedRatio(mine.map(cpuPerTurn), measured.off.map(cpuPerTurn)).toFixed(2),
    (residentBytes / 1024 / 1024).toFixed(0),
    median(mine.map(({ sentBytes, turns }) => sentBytes / turns / 1024)).toFixed(1),
    String(mine.reduce((sum, { wrong }) => sum + wrong, 0)),
  ]
}

function rate({ turns, wrong, seconds }: Measured): number {
  return (turns - wrong) / seconds
}

function cpuPerTurn({ turns, serverCpuMs }: Measured): number {
  return serverCpuMs / turns
}

/** What a step takes longer because it is timed and reported, where nothing becomes of the report. */
async function microsecondsPerStep(): Promise<number> {
  const nobody: TurnObserver = { firstText() {}, firstAudio() {}, stepEnded() {}, ended() {} }
  const context = { clock: systemClock, observer: nobody }
  const steps = quick ? 1000 : 200_000
  const differences: number[] = []
  for (let round = 0; round < rounds + 1; round++) {
    const plainMs = await timeOf(steps, work)
    const reportedMs = await timeOf(steps, () => storeStep(context, 'append', work))
    differences.push(((reportedMs - plainMs) * 1000) / steps)
  }
  // In the first round the compiler has not seen it yet.
  return median(differences.slice(1))
}

function work(): Promise<void> {
  return Promise.resolve()
}

async function timeOf(steps: number, run: () => Promise<void>): Promise<number> {
  const startedMs = performance.now()
  for (let step = 0; step < steps; step++) await run()
  return performance.now() - startedMs
}
