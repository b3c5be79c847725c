import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Child } from '../harness/child.ts'
import { startServer, type ServerCommand, type ServerProcess } from '../harness/server-process.ts'
import type { TurnGeneratorControls, TurnLoad, TurnLoadResult } from '../load/turn-generator.ts'
import type { Speech } from '../load/turn-connection.ts'
import { chunkMark } from '../upstream/chunk.ts'
import type { UpstreamControls } from '../upstream/gemini.ts'
import { sayOrder, type Order } from '../upstream/order.ts'
import { model } from './bar-tool.ts'
import { preparePython } from './python.ts'

export const contestantNames = ['direct', 'bare', 'sdk', 'ai-sdk', 'python', 'maya', 'maya-sqlite'] as const
export type ContestantName = (typeof contestantNames)[number]

/** How each is called in the tables. */
export const titles: Readonly<Record<ContestantName, string>> = {
  direct: '(upstream, asked directly)',
  bare: 'node:http, undici',
  sdk: 'node:http, @google/genai',
  'ai-sdk': 'Express, AI SDK',
  python: 'ASGI, aiohttp',
  maya: 'Maya, memory',
  'maya-sqlite': 'Maya, SQLite',
}

export interface MeasuredLoad extends TurnLoadResult {
  /** CPU time of the server alone. */
  readonly serverCpuMs: number
  readonly upstreamCpuMs: number
  /** The most that the server had in memory while it was under load. */
  readonly residentBytes: number
}

export interface ModelContestant {
  measure(load: ContestantLoad): Promise<MeasuredLoad>
  stop(): Promise<void>
}

export type ContestantLoad = Order & Pick<TurnLoad, 'streams' | 'seconds' | 'staggerMs'>

export interface ContestantParts {
  readonly upstream: Child<UpstreamControls>
  readonly generator: Child<TurnGeneratorControls>
  readonly nodeOptions: readonly string[]
}

/** Turns that one session has before its stream goes on in another. */
const turnsPerSession = 4
/** More turns a second than any server with sessions reaches here: so many sessions are made before a load. */
const turnsPerSecondMax = 1000
const residentEveryMs = 100

/** Starts the server; the upstream itself has none. */
export async function startContestant(
  name: ContestantName,
  parts: ContestantParts,
): Promise<ModelContestant> {
  const upstreamUrl = await parts.upstream.ask('url', undefined)
  if (name === 'direct') return directContestant(upstreamUrl, parts)
  const directory = mkdtempSync(join(tmpdir(), 'maya-bench-'))
  const command = commandOf(name, { ...parts, directory })
  const environment = { GEMINI_BASE_URL: upstreamUrl, ...command.environment }
  // In a directory of its own there is no `.env` to be read.
  const server = await startServer({ ...command, environment, directory })
  return {
    measure: (load) => measureServer(server, parts, { ...load, name }),
    async stop() {
      await server.stop()
      rmSync(directory, { recursive: true })
    },
  }
}

function commandOf(
  name: Exclude<ContestantName, 'direct'>,
  { nodeOptions, directory }: Pick<ContestantParts, 'nodeOptions'> & { readonly directory: string },
): ServerCommand {
  const node = (script: string, environment: ServerCommand['environment'] = {}): ServerCommand => ({
    command: process.execPath,
    args: [...nodeOptions, join(import.meta.dirname, script)],
    environment,
  })
  switch (name) {
    case 'bare':
      return node('bare-undici.ts')
    case 'sdk':
      return node('genai-sdk.ts')
    case 'ai-sdk':
      return node('express-ai-sdk.ts')
    case 'python':
      return {
        command: preparePython(),
        args: [join(import.meta.dirname, 'asgi_aiohttp.py')],
        environment: {},
      }
    case 'maya':
      return node('../../src/main.ts', mayaEnvironment('memory:'))
    case 'maya-sqlite':
      return node('../../src/main.ts', mayaEnvironment(`sqlite:${join(directory, 'maya.db')}`))
  }
}

/** As it runs elsewhere, but for what would refuse a load: many sessions, and more turns than guests have. */
function mayaEnvironment(storeUrl: string): Readonly<Record<string, string>> {
  return {
    HOST: '127.0.0.1',
    MAYA_STORE_URL: storeUrl,
    MAYA_LLM_PROVIDER: 'gemini',
    GEMINI_API_KEY: 'a-key-of-the-bench',
    MAYA_SESSIONS_PER_CONTAINER: '100000',
    MAYA_DEFAULT_SESSION_MEMORY_MB: '1',
    MAYA_CONTAINER_MEMORY_THRESHOLD: '0.95',
    MAYA_SESSION_RATE_LIMIT: '0',
    MAYA_BURST_LIMIT: '0',
    MAYA_APP_RATE_LIMIT: '0',
    MAYA_EVENT_LOOP_DELAY_MS: '0',
    MAYA_TURN_SECONDS: '3600',
  }
}

/** What the servers ask is asked without a server: what all of them add to. */
function directContestant(url: string, { upstream, generator }: ContestantParts): ModelContestant {
  return {
    async measure({ chunks, paceMs, ...load }) {
      const speech = directSpeech({ chunks, paceMs })
      const before = await upstream.ask('cpuMs', undefined)
      const result = await generator.ask('run', {
        ...load,
        url,
        chunks,
        speech,
        sessions: [],
        turnsPerSession,
      })
      const upstreamCpuMs = (await upstream.ask('cpuMs', undefined)) - before
      return { ...result, serverCpuMs: NaN, upstreamCpuMs, residentBytes: NaN }
    },
    stop: () => Promise.resolve(),
  }
}

async function measureServer(
  server: ServerProcess,
  { upstream, generator }: ContestantParts,
  { name, chunks, paceMs, ...load }: ContestantLoad & { readonly name: ContestantName },
): Promise<MeasuredLoad> {
  const { url } = server
  const speech = speechOf(name, { chunks, paceMs })
  const count = Math.ceil(2 * load.streams + (load.seconds * turnsPerSecondMax) / turnsPerSession)
  const hasSessions = name === 'maya' || name === 'maya-sqlite'
  const sessions = hasSessions ? await generator.ask('openSessions', { url, count }) : []
  let residentBytes = server.residentBytes()
  const watch = setInterval(() => {
    residentBytes = Math.max(residentBytes, server.residentBytes())
  }, residentEveryMs)
  const before = { server: server.cpuMs(), upstream: await upstream.ask('cpuMs', undefined) }
  const result = await generator.ask('run', { ...load, url, chunks, speech, sessions, turnsPerSession })
  const serverCpuMs = server.cpuMs() - before.server
  const upstreamCpuMs = (await upstream.ask('cpuMs', undefined)) - before.upstream
  clearInterval(watch)
  await generator.ask('endSessions', { url, ids: sessions })
  return { ...result, serverCpuMs, upstreamCpuMs, residentBytes }
}

function speechOf(name: ContestantName, order: Order): Speech {
  const isUiStream = name === 'ai-sdk'
  return {
    path: '/api/v1/chat/stream',
    bodies: [JSON.stringify({ user_input: sayOrder(order) })],
    textMark: isUiStream ? '"type":"text-delta"' : '"type":"text_chunk"',
    endMark: isUiStream ? '"type":"finish"' : '"type":"complete"',
  }
}

function directSpeech(order: Order): Speech {
  const asked = { role: 'user', parts: [{ text: sayOrder(order) }] }
  const answered = { role: 'user', parts: [{ functionResponse: { id: 'call-1', name: 'add_to_order' } }] }
  return {
    path: `/v1beta/models/${model}:streamGenerateContent?alt=sse`,
    bodies: [JSON.stringify({ contents: [asked] }), JSON.stringify({ contents: [asked, answered] })],
    textMark: chunkMark,
    endMark: '"finishReason":"STOP"',
  }
}
