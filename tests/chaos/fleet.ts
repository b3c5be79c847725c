import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { baseEnvironment } from '../fakes/base-environment.ts'
import { noRateLimits } from '../fakes/no-rate-limits.ts'
import type { Random } from '../simulation/random.ts'
import { RedisServer } from '../store/redis-server.ts'
import { TcpRelay } from '../store/tcp-relay.ts'

/** The level of a defect in what a server logs. */
const errorLevel = 50
const startMs = 60_000

/** One server process of the fleet. */
export class Server {
  readonly url: string
  readonly child: ChildProcess
  /** The exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>
  /** False from the moment that it is told to end. */
  isServing = true
  /** What it logged that no server should ever log. */
  readonly defects: readonly string[]

  private constructor(url: string, launched: Omit<Launched, 'url'>) {
    this.url = url
    this.child = launched.child
    this.exited = launched.exited
    this.defects = launched.defects
  }

  /** Resolves when it takes requests. */
  static async start(directory: string, environment: Readonly<Record<string, string>>): Promise<Server> {
    const { url, ...launched } = launch(directory, environment)
    const tooLate = setTimeout(() => launched.child.kill('SIGKILL'), startMs)
    try {
      return new Server(await url, launched)
    } finally {
      clearTimeout(tooLate)
    }
  }

  /** It gets no more requests from the load balancer, and the signal. */
  end(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.isServing = false
    this.child.kill(signal)
  }

  /** As it says itself; 0 where it does not answer. */
  async turnsRunning(): Promise<number> {
    try {
      const response = await fetch(`${this.url}/metrics`, { signal: AbortSignal.timeout(1000) })
      return Number(/^maya_turns_running (\d+)$/m.exec(await response.text())?.[1] ?? 0)
    } catch {
      return 0
    }
  }
}

/** Where one server of the fleet runs, with its own way to Redis. */
export interface Place {
  readonly relay: TcpRelay
  server: Server
}

export interface FleetOptions {
  readonly places: number
  readonly environment: Readonly<Record<string, string>>
}

/** Server processes over one Redis, and the load balancer before them. Whoever opens it destroys it. */
export class Fleet {
  readonly redis: RedisServer
  readonly places: readonly Place[]
  /** All processes that ever were. */
  readonly servers: Server[]
  readonly #directory: string
  readonly #environment: Readonly<Record<string, string>>

  private constructor(
    parts: { redis: RedisServer; places: readonly Place[]; directory: string },
    environment: Readonly<Record<string, string>>,
  ) {
    this.redis = parts.redis
    this.places = parts.places
    this.servers = parts.places.map(({ server }) => server)
    this.#directory = parts.directory
    this.#environment = environment
  }

  static async open({ places: count, environment }: FleetOptions): Promise<Fleet> {
    const redis = await RedisServer.start({ isAppendOnly: true })
    const directory = mkdtempSync(join(tmpdir(), 'maya-fleet-'))
    const shared = { MAYA_MASTER_KEY: randomBytes(32).toString('base64'), ...environment }
    const places = await Promise.all(
      Array.from({ length: count }, async () => {
        const relay = await TcpRelay.open({ host: '127.0.0.1', port: redis.port })
        return { relay, server: await Server.start(directory, { ...shared, ...storeBehind(relay) }) }
      }),
    )
    return new Fleet({ redis, places, directory }, shared)
  }

  /** The server that the next request goes to: any that was not told to end, whether it answers or not. */
  pick(random: Random): Server {
    const serving = this.places.map(({ server }) => server).filter(({ isServing }) => isServing)
    return random.pick(serving.length > 0 ? serving : this.servers.slice(-1))
  }

  /** Starts a new server in this place, as an autoscaler does. */
  async renew(place: Place): Promise<void> {
    const server = await Server.start(this.#directory, { ...this.#environment, ...storeBehind(place.relay) })
    this.servers.push(server)
    place.server = server
  }

  async turnsRunning(): Promise<number> {
    const running = await Promise.all(this.places.map(({ server }) => server.turnsRunning()))
    return running.reduce((sum, count) => sum + count, 0)
  }

  /** Ends every server as a platform does, and checks that each went well. */
  async close(): Promise<void> {
    for (const { server } of this.places) server.end('SIGTERM')
    for (const server of this.servers) {
      const code = await server.exited
      assert(code === 0 || code === 'SIGKILL', `a server ended with ${code}`)
      assert.deepEqual(server.defects, [], 'a server has logged a defect')
    }
  }

  /** Leaves nothing behind, whatever has happened. */
  async destroy(): Promise<void> {
    for (const { child } of this.servers) child.kill('SIGKILL')
    await Promise.all(this.servers.map(({ exited }) => exited))
    await Promise.all(this.places.map(({ relay }) => relay.close()))
    await this.redis.stop()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

function storeBehind(relay: TcpRelay): Readonly<Record<string, string>> {
  return { MAYA_STORE_URL: `redis://127.0.0.1:${relay.port}` }
}

interface Launched {
  readonly child: ChildProcess
  readonly url: Promise<string>
  readonly exited: Promise<number | NodeJS.Signals>
  readonly defects: readonly string[]
}

function launch(directory: string, environment: Readonly<Record<string, string>>): Launched {
  const child = spawn(process.execPath, [resolve('src/main.ts')], {
    cwd: directory,
    env: {
      ...baseEnvironment,
      HOST: '127.0.0.1',
      PORT: '0',
      MAYA_LOG_LEVEL: 'warn',
      ...noRateLimits,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const defects: string[] = []
  const found = Promise.withResolvers<string>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [, url] = /Maya is at (http:\S+)/.exec(line) ?? []
    if (url !== undefined) found.resolve(url)
    if (line.startsWith('{') && JSON.parse(line).level >= errorLevel) defects.push(line)
  })
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (!line.endsWith('Waiting for it ...')) defects.push(line)
  })
  const exited = new Promise<number | NodeJS.Signals>((ended) => {
    child.once('close', (code, signal) => ended(code ?? signal ?? -1))
  })
  void exited.then((code) => found.reject(new Error(`A server ended with ${code}.\n${defects.join('\n')}`)))
  return { child, url: found.promise, exited, defects }
}
