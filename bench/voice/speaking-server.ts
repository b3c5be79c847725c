import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { canPin, startServer, type ServerProcess } from '../harness/server-process.ts'
import type { LoopReading } from './loop-probe.ts'

export const voiceNames = ['embedded', 'cartesia'] as const
export type VoiceName = (typeof voiceNames)[number]

/** How each is called in the tables. */
export const voiceTitles: Readonly<Record<VoiceName, string>> = {
  embedded: 'embedded',
  cartesia: 'Cartesia, local',
}

export interface SpeakingServerOptions {
  readonly voice: VoiceName
  /** Between two words of the model. */
  readonly paceMs: number
  readonly cartesiaUrl: string
  /** Whether its main thread is watched, which takes a little of it. */
  readonly isProbed?: boolean
}

/** `src/main.ts` as it is, with a voice. */
export interface SpeakingServer extends ServerProcess {
  readonly voice: VoiceName
  /** The sum of all values that a metric has. The delays of the event loop begin anew with every reading. */
  metrics(): Promise<(name: string, label?: string) => number>
  /** What was worst in the main thread since this was last asked, where it is watched. */
  readLoop(): Promise<LoopReading>
}

const everyCore = `0-${availableParallelism() - 1}`

export async function startSpeakingServer(options: SpeakingServerOptions): Promise<SpeakingServer> {
  const directory = mkdtempSync(join(tmpdir(), 'maya-bench-'))
  const probe = join(directory, 'loop.sock')
  const preloaded = `--import=${join(import.meta.dirname, 'loop-probe.ts')}`
  const main = join(import.meta.dirname, '../../src/main.ts')
  const node = [process.execPath, ...(options.isProbed === true ? [preloaded] : []), main]
  // The voice's thread is the one beside which the main thread is measured: both may have any core.
  const [command = '', ...args] = canPin ? ['taskset', '-c', everyCore, ...node] : node
  const environment = { ...environmentOf(options), LOOP_PROBE_SOCKET: probe }
  const server = await startServer({ command, args, environment, directory })
  return {
    ...server,
    voice: options.voice,
    metrics: () => readMetrics(server.url),
    readLoop: () => readLoop(probe),
    async stop() {
      await server.stop()
      rmSync(directory, { recursive: true })
    },
  }
}

/** As it runs elsewhere, but for what would refuse a load. */
function environmentOf({ voice, paceMs, cartesiaUrl }: SpeakingServerOptions) {
  return {
    HOST: '127.0.0.1',
    MAYA_STORE_URL: 'memory:',
    MAYA_LLM_PROVIDER: 'house',
    MAYA_HOUSE_PACE_MS: String(paceMs),
    MAYA_VOICE_PROVIDER: voice,
    CARTESIA_API_KEY: 'a-key-of-the-bench',
    CARTESIA_BASE_URL: cartesiaUrl,
    CARTESIA_CONCURRENCY: '100',
    MAYA_SESSIONS_PER_CONTAINER: '1000',
    MAYA_DEFAULT_SESSION_MEMORY_MB: '1',
    MAYA_CONTAINER_MEMORY_THRESHOLD: '0.95',
    MAYA_SESSION_RATE_LIMIT: '0',
    MAYA_BURST_LIMIT: '0',
    MAYA_APP_RATE_LIMIT: '0',
  }
}

async function readMetrics(url: string): Promise<(name: string, label?: string) => number> {
  const response = await fetch(`${url}/metrics`)
  const lines = (await response.text()).split('\n')
  return (name, label = '') =>
    lines
      .filter((line) => /^[^{ ]+/.exec(line)?.[0] === name && line.includes(label))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}

async function readLoop(socketPath: string): Promise<LoopReading> {
  const answer = Promise.withResolvers<unknown>()
  request({ socketPath, agent: false }, (response) => void json(response).then(answer.resolve, answer.reject))
    .on('error', answer.reject)
    .end()
  // The probe is ours, and sends nothing else.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (await answer.promise) as LoopReading
}
