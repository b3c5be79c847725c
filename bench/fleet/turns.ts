import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startChild, type Child } from '../harness/child.ts'
import { inTurn } from '../harness/options.ts'
import { median, pairedRatio, quantile, spread } from '../harness/statistics.ts'
import { printProgress, printTable } from '../harness/table.ts'
import type { FleetGeneratorControls, FleetLoad, FleetLoadResult } from '../load/fleet-generator.ts'
import { orderScript, turnsPerSession, type FleetBench } from './fleet-bench.ts'
import type { RedisSample, RedisUse } from './redis-use.ts'
import { startRedisFleet, startServer, type Fsync, type Server } from './servers.ts'
import { questionsBy, questionsOf, type Questions } from './store-questions.ts'

/** Servers that answer together, and how requests come to them. */
interface Subject {
  readonly name: string
  readonly servers: readonly Server[]
  readonly routing: FleetLoad['routing']
  /** Of the Redis below them, where there is one. */
  readonly use: RedisUse | undefined
}

interface Measured extends FleetLoadResult {
  /** CPU time of all servers, and of Redis. */
  readonly serverCpuMs: number
  readonly redis: RedisSample | undefined
  readonly questions: Questions
}

interface Result {
  readonly subject: Subject
  readonly load: Load
  readonly rounds: Measured[]
}

type Load = Pick<FleetLoad, 'streams' | 'turnsPerStream'>

const memory = 'one, memory'
const sqlite = 'one, SQLite'
const serversMax = 3

/** Turns per second and the time of a turn with one, two and three servers over Redis, beside one server alone. */
export async function measureTurns(bench: FleetBench): Promise<void> {
  const generator = await startChild<FleetGeneratorControls>({ script: 'load/fleet-generator.ts' })
  const { subjects, stop } = await startSubjects()
  const warmUp = { streams: 20, turnsPerStream: bench.isQuick ? 2 : 50 }
  for (const subject of subjects) await measure(generator, subject, warmUp)
  const results: readonly Result[] = loadsOf(bench).flatMap((load) =>
    subjects.map((subject) => ({ subject, load, rounds: [] })),
  )
  for (let round = 0; round < bench.rounds; round++) {
    printProgress(`turns, round ${round + 1} of ${bench.rounds}`)
    for (const { subject, load, rounds } of inTurn(results, round)) {
      rounds.push(await measure(generator, subject, load))
    }
  }
  await generator.stop()
  await stop()
  for (const load of new Set(results.map((result) => result.load))) printTurns(results, load)
  printQuestions(results.filter(({ subject, load }) => subject.use !== undefined && load.streams === 1))
}

function loadsOf({ isQuick }: FleetBench): readonly Load[] {
  return [
    { streams: 1, turnsPerStream: isQuick ? 20 : 200 },
    { streams: 50, turnsPerStream: isQuick ? 2 : 20 },
  ]
}

async function startSubjects() {
  const directory = mkdtempSync(join(tmpdir(), 'maya-bench-'))
  const alone = await Promise.all([
    startServer('memory:'),
    startServer(`sqlite:${join(directory, 'maya.db')}`),
  ])
  const everySecond = await startRedisFleet(serversMax, 'everysec')
  const always = await startRedisFleet(serversMax, 'always')
  const over = (fsync: Fsync, count: number, routing: FleetLoad['routing']): Subject => {
    const { servers, use } = fsync === 'always' ? always : everySecond
    const number = ['one', 'two', 'three'][count - 1] ?? ''
    const ways = count === 1 ? '' : routing === 'any' ? ', any server' : ', always the same'
    return { name: `${number}, Redis ${fsync}${ways}`, servers: servers.slice(0, count), routing, use }
  }
  const subjects: readonly Subject[] = [
    ...alone.map((server, at): Subject => {
      const name = at === 0 ? memory : sqlite
      return { name, servers: [server], routing: 'same', use: undefined }
    }),
    over('everysec', 1, 'same'),
    over('everysec', 2, 'any'),
    over('everysec', 3, 'any'),
    over('everysec', 3, 'same'),
    over('always', 1, 'same'),
    over('always', 3, 'any'),
  ]
  const stop = async (): Promise<void> => {
    await Promise.all(alone.map(({ child }) => child.stop()))
    await Promise.all([everySecond.stop(), always.stop()])
    rmSync(directory, { recursive: true })
  }
  return { subjects, stop }
}

async function measure(
  generator: Child<FleetGeneratorControls>,
  { servers, routing, use }: Subject,
  load: Load,
): Promise<Measured> {
  const urls = servers.map(({ url }) => url)
  await generator.ask('prepare', { ...load, urls, routing, turnsPerSession, script: orderScript })
  const questionsBefore = await questionsOf(servers)
  const redisBefore = await use?.sample()
  const cpuBefore = await cpuOf(servers)
  const result = await generator.ask('run', undefined)
  const serverCpuMs = (await cpuOf(servers)) - cpuBefore
  const redisAfter = await use?.sample()
  const questionsAfter = await questionsOf(servers)
  await generator.ask('end', undefined)
  const redis = redisBefore && redisAfter && difference(redisBefore, redisAfter)
  const questions = questionsBy((operation) => questionsAfter[operation] - questionsBefore[operation])
  return { ...result, serverCpuMs, redis, questions }
}

async function cpuOf(servers: readonly Server[]): Promise<number> {
  const all = await Promise.all(servers.map(({ child }) => child.ask('cpuMs', undefined)))
  return all.reduce((sum, one) => sum + one, 0)
}

function difference(before: RedisSample, after: RedisSample): RedisSample {
  return {
    cpuMs: after.cpuMs - before.cpuMs,
    memoryBytes: after.memoryBytes - before.memoryBytes,
    readBytes: after.readBytes - before.readBytes,
    writtenBytes: after.writtenBytes - before.writtenBytes,
    fileBytes: after.fileBytes - before.fileBytes,
    subscriptions: after.subscriptions - before.subscriptions,
    published: after.published - before.published,
  }
}

function printTurns(results: readonly Result[], load: Load): void {
  const same = results.filter((result) => result.load === load)
  const roundsOf = (name: string): readonly Measured[] =>
    same.find(({ subject }) => subject.name === name)?.rounds ?? []
  const rates = (name: string): readonly number[] => roundsOf(name).map(rate)
  const memoryMs = roundsOf(memory).map(middleMs)
  printTable(
    `${load.streams === 1 ? 'One turn' : `${load.streams} turns`} at a time`,
    [
      'servers and store',
      'turns/s [min-max]',
      'x memory',
      'x SQLite',
      'turn p50 ms [min-max]',
      'added p50 ms',
      'p99 ms',
      'servers CPU ms/turn',
      'Redis CPU ms/turn',
      'wrong',
    ],
    same.map(({ subject: { name }, rounds }) => [
      name,
      spread(rounds.map(rate), 0),
      pairedRatio(rounds.map(rate), rates(memory)).toFixed(2),
      pairedRatio(rounds.map(rate), rates(sqlite)).toFixed(2),
      spread(rounds.map(middleMs), 2),
      median(rounds.map((one, round) => middleMs(one) - (memoryMs[round] ?? NaN))).toFixed(2),
      median(rounds.map(({ turnMs }) => quantile(turnMs, 0.99))).toFixed(1),
      median(rounds.map(({ serverCpuMs, turns }) => serverCpuMs / turns)).toFixed(2),
      perTurn(rounds, ({ redis }) => redis?.cpuMs, 3),
      String(rounds.reduce((sum, { wrong }) => sum + wrong, 0)),
    ]),
  )
}

function printQuestions(results: readonly Result[]): void {
  printTable(
    'What a turn asks of Redis, each a round trip',
    [
      'servers and store',
      'append',
      'version',
      'load',
      'lease taken',
      'renewed',
      'given back',
      'subscribe, unsubscribe',
      'in all',
      'KB to Redis',
      'KB from it',
      'KB in its file',
    ],
    results.map(({ subject: { name }, rounds }) => [
      name,
      perTurn(rounds, ({ questions }) => questions.append, 2),
      perTurn(rounds, ({ questions }) => questions.version, 2),
      perTurn(rounds, ({ questions }) => questions.load, 2),
      perTurn(rounds, ({ questions }) => questions.acquireLease, 2),
      perTurn(rounds, ({ questions }) => questions.renewLease, 2),
      perTurn(rounds, ({ questions }) => questions.releaseLease, 2),
      perTurn(rounds, ({ redis }) => redis?.subscriptions, 2),
      perTurn(rounds, allQuestions, 2),
      perTurn(rounds, ({ redis }) => (redis?.readBytes ?? NaN) / 1000, 1),
      perTurn(rounds, ({ redis }) => (redis?.writtenBytes ?? NaN) / 1000, 1),
      perTurn(rounds, ({ redis }) => (redis?.fileBytes ?? NaN) / 1000, 1),
    ]),
  )
}

function allQuestions({ questions, redis }: Measured): number {
  const asked = Object.values(questions).reduce((sum, one) => sum + one, 0)
  return asked + (redis?.subscriptions ?? 0) + (redis?.published ?? 0)
}

/** A dash where it does not exist. */
function perTurn(
  rounds: readonly Measured[],
  sumOf: (measured: Measured) => number | undefined,
  digits: number,
): string {
  const values = rounds.map((one) => (sumOf(one) ?? NaN) / one.turns)
  return values.some(Number.isNaN) ? '-' : median(values).toFixed(digits)
}

function rate({ turns, wrong, seconds }: Measured): number {
  return (turns - wrong) / seconds
}

function middleMs({ turnMs }: Measured): number {
  return median(turnMs)
}
