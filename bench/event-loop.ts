// How late the event loop is under more and more load, and what guests notice of it: what MAYA_EVENT_LOOP_DELAY_MS rests on.
import { startChild } from './harness/child.ts'
import { readOptions } from './harness/options.ts'
import { quantile } from './harness/statistics.ts'
import { printMachine, printProgress, printTable } from './harness/table.ts'
import type { GeneratorControls } from './load/generator.ts'
import type { MayaControls } from './servers/maya.ts'

const { quick } = readOptions({ rounds: 1 })
const chunks = 60
const pauseMs = 30
const answerMs = chunks * pauseMs
const turnsPerStream = quick ? 2 : 7

const rows: string[][] = []
printMachine()
for (const streams of quick ? [50, 400] : [50, 200, 400, 600, 800, 1000, 1500, 2500]) {
  printProgress(`${streams} answers at once`)
  rows.push(await measure(streams))
}
printTable(
  `Answers of ${chunks} chunks, one every ${pauseMs} ms`,
  ['at once', 'loop delay p50 ms', 'p99 ms', 'first text p50 ms', 'p95 ms', 'turns/s', 'wrong'],
  rows,
)

/** A server of its own for each load, so that it shows the delay of this one. */
async function measure(streams: number): Promise<string[]> {
  const server = await startChild<MayaControls>({ script: 'servers/maya.ts' })
  const generator = await startChild<GeneratorControls>({ script: 'load/generator.ts' })
  const url = await server.ask('url', undefined)
  const sessions = await generator.ask('openSessions', { url, count: streams })
  const script = { chunks, pause: pauseMs }
  const load = { url, sessions, streams, turnsPerStream, script, staggerMs: answerMs }
  const { turns, wrong, seconds, firstTextMs } = await generator.ask('run', load)
  const [delayP50, delayP99] = await server.ask('loopDelaysMs', [0.5, 0.99])
  await Promise.all([server.stop(), generator.stop()])
  return [
    String(streams),
    (delayP50 ?? 0).toFixed(0),
    (delayP99 ?? 0).toFixed(0),
    quantile(firstTextMs, 0.5).toFixed(0),
    quantile(firstTextMs, 0.95).toFixed(0),
    ((turns - wrong) / seconds).toFixed(0),
    String(wrong),
  ]
}
