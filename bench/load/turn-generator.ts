// Makes the load of `models.ts`, in a process of its own. Started by a bench; talks with it over IPC.
import { answerQuestions } from '../harness/child.ts'
import { quantile } from '../harness/statistics.ts'
import { cpuMs } from '../servers/usage.ts'
import { endSessions, inSteps, openSessions } from './sessions.ts'
import { TurnConnection, type ExpectedTurn, type Speech } from './turn-connection.ts'

export type TurnGeneratorControls = typeof controls

export interface TurnLoad {
  readonly url: string
  readonly speech: Speech
  readonly chunks: number
  /** How many turns run at the same time. */
  readonly streams: number
  /** For so long a stream begins one turn after the other. What has begun is waited for. */
  readonly seconds: number
  /** Up to so long a stream waits before its first turn, so that streams do not run in step. */
  readonly staggerMs: number
  /** Ids for servers that have sessions; each is used for some turns and then left. */
  readonly sessions: readonly string[]
  readonly turnsPerSession: number
}

export interface TurnLoadResult {
  readonly turns: number
  readonly wrong: number
  readonly seconds: number
  readonly firstTextMs: number
  /** By how much chunks came later than they were sent. */
  readonly lateP50Ms: number
  readonly lateP99Ms: number
  readonly generatorCpuMs: number
}

/** An answer that is not there so long after the last turn was begun does not come any more. */
const patienceMs = 120_000

async function run(load: TurnLoad): Promise<TurnLoadResult> {
  const { url, speech, chunks, streams, staggerMs } = load
  const lateMs: number[] = []
  const firstTextMs: number[] = []
  let [turns, wrong] = [0, 0]
  const requestsOfNextTurn = createRequests(load)
  const connections: TurnConnection[] = []
  await inSteps(streams, async (stream) => {
    connections[stream] = await TurnConnection.open(url)
  })
  const cpuBefore = cpuMs()
  const startedMs = performance.now()
  const endMs = startedMs + load.seconds * 1000
  const giveUp = setTimeout(
    () => connections.forEach((connection) => connection.close()),
    load.seconds * 1000 + patienceMs,
  )
  await Promise.all(
    connections.map(async (opened, stream) => {
      let connection = opened
      if (staggerMs > 0) await new Promise((resolve) => setTimeout(resolve, (staggerMs * stream) / streams))
      const nextRequests = requestsOfNextTurn()
      do {
        if (connection.isClosed) connections[stream] = connection = await TurnConnection.open(url)
        const requests = nextRequests()
        const turn: ExpectedTurn = { requests, speech, chunks, onChunk: (late) => lateMs.push(late) }
        const { isRight, firstTextMs: firstMs } = await connection.run(turn)
        turns++
        if (isRight) firstTextMs.push(firstMs)
        else wrong++
      } while (performance.now() < endMs)
    }),
  )
  clearTimeout(giveUp)
  const seconds = (performance.now() - startedMs) / 1000
  for (const connection of connections) connection.close()
  return {
    turns,
    wrong,
    seconds,
    firstTextMs: quantile(firstTextMs, 0.5),
    lateP50Ms: quantile(lateMs, 0.5),
    lateP99Ms: quantile(lateMs, 0.99),
    generatorCpuMs: cpuMs() - cpuBefore,
  }
}

/** Gives each stream its requests, turn by turn: one session after the other, each for some turns. */
function createRequests({ url, speech, sessions, turnsPerSession }: TurnLoad): () => () => readonly string[] {
  let sessionsUsed = 0
  return () => {
    let [turnsLeft, requests] = [0, requestsOf(url, speech, undefined)]
    return () => {
      if (sessions.length === 0) return requests
      if (turnsLeft-- === 0) {
        turnsLeft = turnsPerSession - 1
        // More turns than were thought of: the oldest sessions have been left long ago.
        requests = requestsOf(url, speech, sessions[sessionsUsed++ % sessions.length])
      }
      return requests
    }
  }
}

function requestsOf(url: string, { path, bodies }: Speech, session: string | undefined): readonly string[] {
  return bodies.map((body) => {
    const head = [
      `POST ${path} HTTP/1.1`,
      `Host: ${new URL(url).host}`,
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
      ...(session === undefined ? [] : [`X-Session-ID: ${session}`]),
    ]
    return `${head.join('\r\n')}\r\n\r\n${body}`
  })
}

const controls = { run, openSessions, endSessions }
answerQuestions(controls)
