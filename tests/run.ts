// The suites of `npm test` that the check has not run. Two at a time: what is in the second lane mostly waits, for
// packages, processes and clocks.
import { spawn, type ChildProcess } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describeCounts, readCounts } from './counts.ts'
import { isLeftOut, resultsFolder, suites, type SuiteName } from './suites.ts'

const lanes: readonly (readonly SuiteName[])[] = [['system'], ['image', 'python']]
/** What the others say is shown when they have ended. */
const shownAtOnce: SuiteName = 'system'

// A suite that crashes must not be counted by what it did the last time.
for (const { name, results } of suites) {
  if (lanes.flat().includes(name)) rmSync(join(resultsFolder, results), { force: true })
}

const running = new Set<ChildProcess>()
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.once(signal, endAll)

const statuses = await Promise.all(lanes.map(runLane))
const counts = readCounts()
process.stdout.write(`\n${describeCounts(counts)}\n`)
const isGood = statuses.flat().every((status) => status === 0) && counts.every(({ failed }) => failed === 0)
process.exitCode = isGood ? 0 : 1

async function runLane(lane: readonly SuiteName[]): Promise<readonly number[]> {
  const results: number[] = []
  for (const name of lane) if (!isLeftOut(name)) results.push(await runSuite(name))
  return results
}

/** The exit status of the suite; 1 when a signal ended it. */
function runSuite(name: SuiteName): Promise<number> {
  const output = name === shownAtOnce ? 'inherit' : 'pipe'
  // In a process group of its own, so that a signal can reach everything that the suite has started.
  const child = spawn('npm', ['run', `test:${name}`], { detached: true, stdio: ['ignore', output, output] })
  running.add(child)
  const parts: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (part: Buffer) => parts.push(part))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (status) => {
      running.delete(child)
      process.stdout.write(Buffer.concat(parts))
      resolve(status ?? 1)
    })
  })
}

function endAll(signal: NodeJS.Signals): void {
  for (const { pid } of running) if (pid !== undefined) process.kill(-pid, signal)
  process.kill(process.pid, signal)
}
