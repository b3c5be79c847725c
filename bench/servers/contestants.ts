import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startChild, type Child } from '../harness/child.ts'
import type { GeneratorControls, Load, LoadResult } from '../load/generator.ts'
import type { BareControls } from './bare.ts'
import type { MayaControls } from './maya.ts'
import { recordAnswer } from './recording.ts'

export interface Measured extends LoadResult {
  /** CPU time of the server alone. */
  readonly serverCpuMs: number
}

/** A server that can be put under load. */
export interface Contestant {
  readonly name: string
  /** Brings `streams x sessionsPerStream` sessions along, which are made before the load and ended after it. */
  measure(load: Omit<Load, 'url' | 'sessions'> & { readonly sessionsPerStream: number }): Promise<Measured>
}

export interface Contest {
  readonly bare: Contestant
  readonly memory: Contestant
  readonly sqlite: Contestant
  stop(): Promise<void>
}

/** Starts the bare server, Maya with each store, and the generator of the load. */
export async function startContest(chunks: number, nodeOptions: readonly string[] = []): Promise<Contest> {
  const directory = mkdtempSync(join(tmpdir(), 'maya-bench-'))
  const maya = (storeUrl: string): Promise<Child<MayaControls>> =>
    startChild<MayaControls>({ script: 'servers/maya.ts', args: [storeUrl], nodeOptions })
  const generator = await startChild<GeneratorControls>({ script: 'load/generator.ts' })
  const bare = await startChild<BareControls>({ script: 'servers/bare.ts' })
  const memory = await maya('memory:')
  const sqlite = await maya(`sqlite:${join(directory, 'maya.db')}`)
  await bare.ask('learn', await recordAnswer(await memory.ask('url', undefined), chunks))
  return {
    bare: await bareContestant(bare, generator),
    memory: await mayaContestant('Maya, memory', memory, generator),
    sqlite: await mayaContestant('Maya, SQLite', sqlite, generator),
    async stop() {
      await Promise.all([bare, memory, sqlite, generator].map((child) => child.stop()))
      rmSync(directory, { recursive: true })
    },
  }
}

async function bareContestant(
  server: Child<BareControls>,
  generator: Child<GeneratorControls>,
): Promise<Contestant> {
  const url = await server.ask('url', undefined)
  return {
    name: 'node:http',
    async measure({ sessionsPerStream, ...load }) {
      // As long as a real id, so that the requests are the same, too.
      const sessions = Array.from({ length: load.streams * sessionsPerStream }, () => 'x'.repeat(65))
      const before = await server.ask('cpuMs', undefined)
      const result = await generator.ask('run', { ...load, url, sessions })
      return { ...result, serverCpuMs: (await server.ask('cpuMs', undefined)) - before }
    },
  }
}

/** Maya under a name in a table, put under load by this generator. */
export async function mayaContestant(
  name: string,
  server: Child<MayaControls>,
  generator: Child<GeneratorControls>,
): Promise<Contestant> {
  const url = await server.ask('url', undefined)
  return {
    name,
    async measure({ sessionsPerStream, ...load }) {
      const count = load.streams * sessionsPerStream
      const sessions = await generator.ask('openSessions', { url, count })
      const before = await server.ask('cpuMs', undefined)
      const result = await generator.ask('run', { ...load, url, sessions })
      const serverCpuMs = (await server.ask('cpuMs', undefined)) - before
      await generator.ask('endSessions', { url, ids: sessions })
      return { ...result, serverCpuMs }
    },
  }
}
