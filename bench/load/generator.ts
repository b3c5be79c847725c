// Makes the load, in a process of its own. Started by a bench; talks with it over IPC.
import { answerQuestions } from '../harness/child.ts'
import type { Script } from '../servers/script.ts'
import { cpuMs } from '../servers/usage.ts'
import { endSessions, inSteps, openSessions } from './sessions.ts'
import { StreamConnection, streamRequest } from './stream-connection.ts'

export type GeneratorControls = typeof controls

export interface Load {
  readonly url: string
  /** How many answers are streamed at the same time. */
  readonly streams: number
  readonly turnsPerStream: number
  readonly script: Script
  /** Session ids, each used for some turns of one stream and then left: nobody talks for ever. */
  readonly sessions: readonly string[]
  /** Up to so long a stream waits before its first turn, so that streams do not run in step. */
  readonly staggerMs: number
}

export interface LoadResult {
  readonly turns: number
  readonly wrong: number
  readonly seconds: number
  readonly firstTextMs: readonly number[]
  readonly generatorCpuMs: number
}

const held: StreamConnection[] = []

async function run({ url, streams, turnsPerStream, script, sessions, staggerMs }: Load): Promise<LoadResult> {
  const requests = sessions.map((session) => streamRequest(session, script))
  const sessionsPerStream = Math.floor(requests.length / streams)
  const turnsPerSession = Math.ceil(turnsPerStream / sessionsPerStream)
  const connections = await Promise.all(Array.from({ length: streams }, () => StreamConnection.open(url)))
  const firstTextMs: number[] = []
  let wrong = 0
  const cpuBefore = cpuMs()
  const startedMs = performance.now()
  await Promise.all(
    connections.map(async (connection, stream) => {
      if (staggerMs > 0) await new Promise((resolve) => setTimeout(resolve, (staggerMs * stream) / streams))
      for (let turn = 0; turn < turnsPerStream; turn++) {
        const session = stream * sessionsPerStream + Math.floor(turn / turnsPerSession)
        const answer = await connection.ask(requests[session] ?? '', script.chunks)
        if (answer.isWhole) firstTextMs.push(answer.firstTextMs)
        else wrong++
      }
    }),
  )
  const seconds = (performance.now() - startedMs) / 1000
  for (const connection of connections) connection.close()
  return { turns: streams * turnsPerStream, wrong, seconds, firstTextMs, generatorCpuMs: cpuMs() - cpuBefore }
}

/** Opens a stream in each session whose model says nothing, and keeps it open until `leave`. */
async function hold({ url, sessions }: { url: string; sessions: readonly string[] }): Promise<void> {
  await inSteps(sessions.length, async (at) => {
    const connection = await StreamConnection.open(url)
    void connection.ask(streamRequest(sessions[at] ?? '', { chunks: 0, pause: 0 }), 0)
    held.push(connection)
  })
}

function leave(): void {
  for (const connection of held.splice(0)) connection.close()
}

const controls = { run, openSessions, endSessions, hold, leave }
answerQuestions(controls)
