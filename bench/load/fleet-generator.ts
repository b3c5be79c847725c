// Makes the load of several servers over one store, in a process of its own. Started by a bench; talks over IPC.
import { answerQuestions } from '../harness/child.ts'
import type { Script } from '../servers/script.ts'
import { endSessions, openSessions } from './sessions.ts'
import { StreamConnection, streamRequest } from './stream-connection.ts'

export type FleetGeneratorControls = typeof controls

export interface FleetLoad {
  readonly urls: readonly string[]
  /** Whether every turn goes to any of the servers, as through a load balancer, or those of a session to one. */
  readonly routing: 'any' | 'same'
  /** How many turns run at the same time. */
  readonly streams: number
  readonly turnsPerStream: number
  readonly turnsPerSession: number
  readonly script: Script
}

export interface FleetLoadResult {
  readonly turns: number
  readonly wrong: number
  readonly seconds: number
  /** From sending a message up to the last byte of its answer. */
  readonly turnMs: readonly number[]
}

/** Sessions are made before the load and ended after it, and what is called meanwhile is not measured either. */
let prepared: { readonly load: FleetLoad; readonly sessions: readonly string[] } | undefined

/** Makes the sessions, each at the server that it stays with where it stays with one. */
async function prepare(load: FleetLoad): Promise<void> {
  const { urls, streams, turnsPerStream, turnsPerSession } = load
  const sessionsPerStream = Math.ceil(turnsPerStream / turnsPerSession)
  const opened = await Promise.all(
    urls.map((url, server) =>
      openSessions({ url, count: streamsOf(server, urls.length, streams) * sessionsPerStream }),
    ),
  )
  const left = opened.map((ids) => [...ids])
  const sessions = Array.from({ length: streams }, (_none, stream) =>
    (left[stream % urls.length] ?? []).splice(0, sessionsPerStream),
  )
  prepared = { load, sessions: sessions.flat() }
}

function streamsOf(server: number, servers: number, streams: number): number {
  return Array.from({ length: streams }, (_none, stream) => stream % servers).filter((at) => at === server)
    .length
}

async function run(): Promise<FleetLoadResult> {
  const { load, sessions } = expectPrepared()
  const { urls, routing, streams, turnsPerStream, turnsPerSession, script } = load
  const sessionsPerStream = sessions.length / streams
  const connections = await Promise.all(
    Array.from({ length: streams }, () => Promise.all(urls.map((url) => StreamConnection.open(url)))),
  )
  const turnMs: number[] = []
  let wrong = 0
  const startedMs = performance.now()
  await Promise.all(
    connections.map(async (ways, stream) => {
      for (let turn = 0; turn < turnsPerStream; turn++) {
        const session = stream * sessionsPerStream + Math.floor(turn / turnsPerSession)
        const way = routing === 'same' ? stream % ways.length : Math.floor(Math.random() * ways.length)
        const request = streamRequest(sessions[session] ?? '', script)
        const askedMs = performance.now()
        const answer = await ways[way]?.ask(request, script.chunks)
        if (answer?.isWhole === true) turnMs.push(performance.now() - askedMs)
        else wrong++
      }
    }),
  )
  const seconds = (performance.now() - startedMs) / 1000
  for (const connection of connections.flat()) connection.close()
  return { turns: streams * turnsPerStream, wrong, seconds, turnMs }
}

async function end(): Promise<void> {
  const { load, sessions } = expectPrepared()
  await endSessions({ url: load.urls[0] ?? '', ids: sessions })
  prepared = undefined
}

function expectPrepared() {
  if (prepared === undefined) throw new Error('Nothing is prepared.')
  return prepared
}

const controls = { prepare, run, end }
answerQuestions(controls)
