// How long it takes from starting a process until it answers.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { freePort } from '../harness/server-process.ts'
import { inTurn } from '../harness/options.ts'
import { spread } from '../harness/statistics.ts'
import { printProgress, printTable } from '../harness/table.ts'
import { preparePython } from '../servers/python.ts'

const bare = join(import.meta.dirname, 'upstream.ts')
const main = join(import.meta.dirname, '../../src/main.ts')
const wrapper = join(import.meta.dirname, '../servers/proxy_wrapper.py')
const startMs = 30_000
const lookEveryMs = 2

type Environment = Readonly<Record<string, string>>

interface Command {
  readonly command: string
  readonly args: readonly string[]
  readonly environment: Environment
}

interface Subject extends Command {
  readonly name: string
}

const memory = { MAYA_STORE_URL: 'memory:' }
const sqlite = { MAYA_STORE_URL: 'sqlite:maya.db' }

/** As in the image: nothing that an answer needs was ever loaded before, but for what the compile cache keeps. */
export async function measureStartUp({ rounds }: { readonly rounds: number }): Promise<void> {
  const cacheDirectory = mkdtempSync(join(tmpdir(), 'maya-bench-'))
  const warm = { NODE_COMPILE_CACHE: cacheDirectory }
  printProgress('filling the compile cache')
  runWarmStart(warm)
  const subjects: readonly Subject[] = [
    { name: 'node:http alone', ...node(bare, {}) },
    { name: 'Maya, no compile cache', ...node(main, memory) },
    { name: 'Maya, warm cache', ...node(main, { ...memory, ...warm }) },
    { name: 'Maya, warm cache, SQLite', ...node(main, { ...sqlite, ...warm }) },
    { name: 'uvicorn, asgi_proxy, Maya, warm cache', ...wrapped({ ...memory, ...warm }) },
    { name: 'uvicorn, asgi_proxy, Maya, warm cache, SQLite', ...wrapped({ ...sqlite, ...warm }) },
  ]
  const measured = subjects.map((): number[] => [])
  for (let round = 0; round < rounds; round++) {
    printProgress(`round ${round + 1} of ${rounds}: start-up`)
    for (const subject of inTurn(subjects, round))
      measured[subjects.indexOf(subject)]?.push(await timeStart(subject))
  }
  rmSync(cacheDirectory, { recursive: true })
  printTable(
    'From starting the process to the first 200 on /livez',
    ['what', 'ms [min-max]'],
    subjects.map(({ name }, place) => [name, spread(measured[place] ?? [], 0)]),
  )
}

function node(script: string, environment: Environment): Command {
  return { command: process.execPath, args: [script], environment }
}

function wrapped(environment: Environment): Command {
  const more = {
    NODE_COMMAND: JSON.stringify([process.execPath, main]),
    EVENT_LOOP: 'asyncio',
    UPSTREAM_URL: '',
  }
  return { command: preparePython(), args: [wrapper], environment: { ...environment, ...more } }
}

/** The same that the image does when it is built. */
function runWarmStart(environment: Environment): void {
  const script = join(import.meta.dirname, '../../src/warm-start.ts')
  const env = { PATH: process.env['PATH'], NODE_ENV: 'production', ...environment }
  const { status } = spawnSync(process.execPath, [script], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0) throw new Error(`The warm start has ended with ${status}.`)
}

async function timeStart({ name, command, args, environment }: Subject): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'maya-bench-'))
  const port = await freePort()
  const startedMs = performance.now()
  const child = spawn(command, args, {
    cwd: directory,
    env: {
      PATH: process.env['PATH'],
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: String(port),
      ...environment,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const exited = once(child, 'exit')
  while (!(await isAlive(port))) {
    if (child.exitCode !== null || performance.now() - startedMs > startMs) {
      child.kill('SIGKILL')
      throw new Error(`${name} does not start.`)
    }
    await setTimeout(lookEveryMs)
  }
  const tookMs = performance.now() - startedMs
  child.kill('SIGTERM')
  await exited
  rmSync(directory, { recursive: true })
  return tookMs
}

async function isAlive(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/livez`)
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}
