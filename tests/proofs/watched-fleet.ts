import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { sleep, systemClock } from '../../src/clock.ts'
import { Server } from '../chaos/fleet.ts'
import { startCartesiaServer, type CartesiaServer } from '../fakes/cartesia-server.ts'
import { GeminiServer } from '../fakes/gemini-server.ts'
import { OpenAiServer } from '../fakes/openai-server.ts'
import { freePort, RedisServer } from '../store/redis-server.ts'
import { TcpRelay } from '../store/tcp-relay.ts'
import { PrometheusServer } from './prometheus-server.ts'

/** Not 127.0.0.1, which grafana/prometheus.yml takes for the machine around a container. */
const host = '127.0.0.2'
const pollMs = 200
const seenMs = 30_000

type Environment = Readonly<Record<string, string>>

/** What each server of a fleet has in its environment. */
export type FleetSettings = (parts: Parts) => Readonly<Record<keyof Containers, Environment>>

/** What the servers need and ask. */
export interface Parts {
  readonly redis: RedisServer
  /** The way of the full container to Redis. */
  readonly relay: TcpRelay
  readonly openai: OpenAiServer
  readonly gemini: GeminiServer
  readonly cartesia: CartesiaServer
}

/** The servers of the fleet by what is special about each. */
export interface Containers {
  /** Asks a server with OpenAI's protocol, with the house model behind it; speaks and listens by Cartesia. */
  readonly open: Server
  /** Asks Gemini and nobody else; speaks by itself; has few places, and sessions that end soon. */
  readonly small: Server
  /** Has no memory for any session, and is held up. */
  readonly full: Server
}

/** Three real servers over one real Redis, the services that they ask, and a real Prometheus that watches them. */
export class WatchedFleet {
  readonly containers: Containers
  readonly prometheus: PrometheusServer
  readonly redis: RedisServer
  /** The way of the full container to Redis. */
  readonly relay: TcpRelay
  readonly openai: OpenAiServer
  readonly gemini: GeminiServer
  readonly cartesia: CartesiaServer
  readonly #ending: AsyncDisposableStack

  private constructor(
    parts: Parts & Pick<WatchedFleet, 'containers' | 'prometheus'>,
    ending: AsyncDisposableStack,
  ) {
    this.containers = parts.containers
    this.prometheus = parts.prometheus
    this.redis = parts.redis
    this.relay = parts.relay
    this.openai = parts.openai
    this.gemini = parts.gemini
    this.cartesia = parts.cartesia
    this.#ending = ending
  }

  /** Resolves when Prometheus has seen all of them before anybody came. Whoever opens it closes it. */
  static async open(settings: FleetSettings = unequal): Promise<WatchedFleet> {
    await using ending = new AsyncDisposableStack()
    // Before it has started, so that nothing is left of it when another part fails meanwhile.
    const ended = <Part>(starting: Promise<Part>, end: (part: Part) => Promise<void>): Promise<Part> => {
      ending.defer(() => starting.then(end, () => {}))
      return starting
    }
    const stopping = <Part extends { stop(): Promise<void> }>(starting: Promise<Part>): Promise<Part> =>
      ended(starting, (part) => part.stop())
    const redis = await stopping(RedisServer.start())
    const toRedis = { host: '127.0.0.1', port: redis.port }
    const parts = {
      redis,
      relay: await ended(TcpRelay.open(toRedis), (relay) => relay.close()),
      openai: await stopping(OpenAiServer.start()),
      gemini: await stopping(GeminiServer.start()),
      cartesia: await stopping(startCartesiaServer()),
    }
    const directory = ending.adopt(mkdtempSync(join(tmpdir(), 'maya-watched-')), removeDirectory)
    const start = (environment: Environment): Promise<Server> =>
      ended(startServer(directory, environment), killServer)
    const environments = settings(parts)
    const port = String(await freePort())
    // Prometheus begins five seconds after its start, whatever it is told, so the servers need not be there yet.
    const [prometheus, open, small, full] = await Promise.all([
      stopping(PrometheusServer.start(`http://${host}:${port}`)),
      start({ ...environments.open, PORT: port }),
      start(environments.small),
      start(environments.full),
    ])
    const containers = { open, small, full }
    const fleet = new WatchedFleet({ ...parts, containers, prometheus }, ending.move())
    await fleet
      .until('count(maya_active_sessions) == 3')
      .catch((error: unknown) => fleet.close().then(() => Promise.reject(error)))
    return fleet
  }

  get servers(): readonly Server[] {
    return Object.values(this.containers)
  }

  /** Waits until Prometheus answers the question with anything; rejects when it does not within half a minute. */
  async until(question: string): Promise<void> {
    const deadline = AbortSignal.timeout(seenMs)
    while ((await this.prometheus.query(question)).length === 0) {
      await sleep(systemClock, pollMs, deadline).catch(() => {
        throw new Error(`Prometheus has no answer after ${seenMs / 1000} s: ${question}`)
      })
    }
  }

  /** Waits until Prometheus has whatever the servers have counted up to now. */
  async seen(): Promise<void> {
    const ages = await Promise.all(this.servers.map(({ url }) => ageOf(url)))
    // They publish at different moments, and have started at nearly the same one.
    await this.until(`count(maya_process_uptime_seconds > ${Math.max(...ages)}) == ${ages.length}`)
  }

  close(): Promise<void> {
    return this.#ending.disposeAsync()
  }
}

/** It ends with this process, too. */
async function startServer(directory: string, environment: Environment): Promise<Server> {
  const server = await Server.start(directory, environment)
  process.once('exit', () => server.child.kill('SIGKILL'))
  return server
}

async function killServer({ child, exited }: Server): Promise<void> {
  child.kill('SIGKILL')
  await exited
}

function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true })
}

async function ageOf(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(/^maya_process_uptime_seconds (\S+)$/m.exec(text)?.[1])
}

/** What every server of a fleet has in its environment. */
export function sharedSettings({ redis }: Parts): Environment {
  return {
    HOST: host,
    MAYA_STORE_URL: redis.url,
    MAYA_MASTER_KEY: randomBytes(32).toString('base64'),
  }
}

/** Servers that are as different as can be, so that there is something of everything. */
function unequal(parts: Parts): Readonly<Record<keyof Containers, Environment>> {
  const { relay, openai, gemini, cartesia } = parts
  const shared = {
    ...sharedSettings(parts),
    NODE_OPTIONS: `--import=${pathToFileURL(resolve('tests/proofs/publish-often.ts')).href}`,
    MAYA_HOUSE_PACE_MS: '0',
    MAYA_DEFAULT_SESSION_MEMORY_MB: '1',
    MAYA_LLM_INPUT_PRICE: '0.3',
    MAYA_LLM_OUTPUT_PRICE: '2.5',
  }
  const open = {
    ...shared,
    MAYA_LLM_PROVIDER: 'openai',
    MAYA_LLM_FALLBACK: 'house',
    OPENAI_BASE_URL: openai.baseUrl,
    OPENAI_MODEL: 'test-model',
    MAYA_WARMUP_SECONDS: '0',
    CARTESIA_API_KEY: 'cartesia-key-0123456789',
    CARTESIA_BASE_URL: cartesia.baseUrl,
    CARTESIA_CONCURRENCY: '20',
  }
  const small = {
    ...shared,
    MAYA_LLM_PROVIDER: 'gemini',
    GEMINI_API_KEY: 'gemini-key-0123456789',
    GEMINI_BASE_URL: gemini.url,
    MAYA_VOICE_PROVIDER: 'embedded',
    MAYA_BURST_LIMIT: '3',
    MAYA_SESSIONS_PER_CONTAINER: '4',
    MAYA_SESSION_IDLE_SECONDS: '1',
    MAYA_SESSION_EXPIRY_SECONDS: '5',
    MAYA_CLEANUP_INTERVAL_SECONDS: '1',
  }
  const full = {
    ...shared,
    MAYA_LLM_PROVIDER: 'house',
    MAYA_VOICE_PROVIDER: 'none',
    // Where the kernel names no limit, this is one; where it does, no session fits.
    MODAL_MEMORY_MB: '64',
    MAYA_EVENT_LOOP_DELAY_MS: '20',
    MAYA_STORE_URL: `redis://127.0.0.1:${relay.port}`,
    MAYA_DEFAULT_SESSION_MEMORY_MB: '65536',
  }
  return { open, small, full }
}
