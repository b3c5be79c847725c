// What it costs to publish a container's metrics and to answer with those of the whole fleet, over Redis.
import { systemClock } from '../src/clock.ts'
import { limits } from '../src/config/limits.ts'
import { mergeTexts, withLabel } from '../src/metrics/exposition.ts'
import { RedisBoard } from '../src/store/redis-board.ts'
import { RedisConnection } from '../src/store/redis-connection.ts'
import { RedisServer } from '../tests/store/redis-server.ts'
import { startChild } from './harness/child.ts'
import { readOptions } from './harness/options.ts'
import { spread } from './harness/statistics.ts'
import { printMachine, printTable } from './harness/table.ts'
import type { MayaControls } from './servers/maya.ts'
import { cpuMs } from './servers/usage.ts'

const { quick, rounds } = readOptions({ rounds: 15 })
const fleets = quick ? [1, 3] : [1, 3, 10, 30, 100]
const scrapes = quick ? 5 : 100
const lifeMs = 10 * 60_000

printMachine()
const container = await usedContainer()
const redis = await RedisServer.start()
const connection = await RedisConnection.open({
  address: redis.address,
  clock: systemClock,
  random: Math.random,
})
const bounds = { containersMax: limits.fleetContainersMax, textBytesMax: limits.fleetTextBytesMax }
const board = new RedisBoard(connection, bounds)
const rows = []
for (const containers of fleets) rows.push(await measure(containers))
await connection.close()
await redis.stop()
printTable(
  `One container: ${inKb(container.text)} KB of text, made and sent with ${container.cpuMs.toFixed(2)} ms of CPU`,
  ['containers', 'post ms', 'read ms', 'merge ms', 'merge CPU ms', 'answer KB'],
  rows,
)

/** The metrics of a server every route of which was asked for, well and not. */
async function usedContainer() {
  const server = await startChild<MayaControls>({ script: 'servers/maya.ts', args: ['memory:'] })
  const url = await server.ask('url', undefined)
  const ask = async (path: string, method = 'GET'): Promise<string> =>
    (await fetch(url + path, { method })).text()
  const { paths }: { readonly paths: Record<string, object> } = JSON.parse(await ask('/openapi.json'))
  for (const [path, methods] of Object.entries(paths)) {
    for (const method of Object.keys(methods)) await ask(path, method.toUpperCase())
  }
  const before = await server.ask('cpuMs', undefined)
  for (let scrape = 0; scrape < scrapes; scrape++) await ask('/metrics')
  const usedMs = (await server.ask('cpuMs', undefined)) - before
  const text = await ask('/metrics')
  await server.stop()
  return { text, cpuMs: usedMs / scrapes }
}

async function measure(containers: number): Promise<readonly string[]> {
  const posts: number[] = []
  const reads: number[] = []
  const merges: number[] = []
  const cpu: number[] = []
  let answer = ''
  for (let place = 0; place < containers; place++) {
    const name = `ta-01JXYZ0123456789ABCDEFGHJK-${String(place).padStart(8, '0')}`
    const labelled = withLabel(container.text, 'container', name)
    posts.push(await timed(() => board.post(name, labelled, lifeMs)))
  }
  for (let round = 0; round < rounds; round++) {
    let texts: readonly string[] = []
    reads.push(await timed(async () => (texts = [...(await board.all()).values()])))
    const cpuBefore = cpuMs()
    merges.push(await timed(async () => (answer = mergeTexts(texts))))
    cpu.push(cpuMs() - cpuBefore)
  }
  const shown = [posts, reads, merges, cpu].map((values) => spread(values, 2))
  return [String(containers), ...shown, inKb(answer)]
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await work()
  return performance.now() - startedMs
}

function inKb(written: string): string {
  return (Buffer.byteLength(written) / 1000).toFixed(0)
}
