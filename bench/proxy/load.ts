// Makes the load of `proxy.ts`, in a process of its own. Started by a bench; talks with it over IPC.
import { answerQuestions } from '../harness/child.ts'
import { quantile } from '../harness/statistics.ts'
import { inSteps } from '../load/sessions.ts'
import { TurnConnection, type Speech } from '../load/turn-connection.ts'
import type { Script } from '../servers/script.ts'
import { cpuMs } from '../servers/usage.ts'
import { JsonConnection } from './json-connection.ts'
import { turnPath, turnRequest } from './requests.ts'

export type LoadControls = typeof controls

export interface ProxyLoad {
  readonly url: string
  /** What every connection asks for: the JSON, or a turn. */
  readonly asks: 'json' | Script
  readonly connections: number
  /** For so long a connection begins one request after the other. What has begun is waited for. */
  readonly seconds: number
  /** Up to so long a connection waits before its first request, so that streams do not run in step. */
  readonly staggerMs: number
}

export interface ProxyLoadResult {
  readonly answers: number
  readonly wrong: number
  readonly seconds: number
  /** Up to the whole JSON, or the first text of a turn. */
  readonly waitMs: Quantiles
  /** By how much chunks came later than they were written. */
  readonly lateMs: Quantiles
  readonly generatorCpuMs: number
}

export interface Quantiles {
  readonly p50: number
  readonly p99: number
}

/** An answer that is not there so long after the last request does not come any more. */
const patienceMs = 60_000

const speech: Speech = {
  path: turnPath,
  bodies: [],
  textMark: '"type":"text_chunk"',
  endMark: '"type":"complete"',
}

interface Asker {
  readonly isClosed: boolean
  /** Resolves with the wait in ms; `undefined` when the answer was wrong. */
  ask(): Promise<number | undefined>
  close(): void
}

async function run({ url, asks, connections, seconds, staggerMs }: ProxyLoad): Promise<ProxyLoadResult> {
  const lateMs: number[] = []
  const waitMs: number[] = []
  let wrong = 0
  const open = (): Promise<Asker> => (asks === 'json' ? openJson(url) : openTurns(url, asks, lateMs))
  const askers: Asker[] = []
  await inSteps(connections, async (place) => {
    askers[place] = await open()
  })
  const cpuBefore = cpuMs()
  const startedMs = performance.now()
  const endMs = startedMs + seconds * 1000
  const giveUp = setTimeout(() => askers.forEach((asker) => asker.close()), seconds * 1000 + patienceMs)
  await Promise.all(
    askers.map(async (opened, place) => {
      let asker = opened
      if (staggerMs > 0)
        await new Promise((resolve) => setTimeout(resolve, (staggerMs * place) / connections))
      do {
        if (asker.isClosed) askers[place] = asker = await open()
        const waited = await asker.ask()
        if (waited === undefined) wrong++
        else waitMs.push(waited)
      } while (performance.now() < endMs)
    }),
  )
  clearTimeout(giveUp)
  const tookSeconds = (performance.now() - startedMs) / 1000
  askers.forEach((asker) => asker.close())
  return {
    answers: waitMs.length,
    wrong,
    seconds: tookSeconds,
    waitMs: quantilesOf(waitMs),
    lateMs: quantilesOf(lateMs),
    generatorCpuMs: cpuMs() - cpuBefore,
  }
}

async function openJson(url: string): Promise<Asker> {
  const connection = await JsonConnection.open(url)
  return {
    get isClosed() {
      return connection.isClosed
    },
    async ask() {
      const startedMs = performance.now()
      return (await connection.ask()) ? performance.now() - startedMs : undefined
    },
    close: () => connection.close(),
  }
}

async function openTurns(url: string, script: Script, lateMs: number[]): Promise<Asker> {
  const connection = await TurnConnection.open(url)
  const onChunk = (late: number): number => lateMs.push(late)
  return {
    get isClosed() {
      return connection.isClosed
    },
    async ask() {
      const requests = [turnRequest(script)]
      const { isRight, firstTextMs } = await connection.run({
        requests,
        speech,
        chunks: script.chunks,
        onChunk,
      })
      return isRight ? firstTextMs : undefined
    },
    close: () => connection.close(),
  }
}

function quantilesOf(values: readonly number[]): Quantiles {
  return { p50: quantile(values, 0.5), p99: quantile(values, 0.99) }
}

const controls = { run }
answerQuestions(controls)
