import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { availableParallelism } from 'node:os'
import { setTimeout } from 'node:timers/promises'

/** A server of any language in a process of its own, measured from outside. */
export interface ServerProcess {
  readonly url: string
  /** CPU time of the whole process since its start, and of the processes that it has started. */
  cpuMs(): number
  residentBytes(): number
  stop(): Promise<void>
}

export interface ServerCommand {
  readonly command: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Where it runs, when not here. */
  readonly directory?: string
}

/** Servers have one core for themselves; what makes and answers their requests has the others. */
const pinning = 'taskset'
const serverCores = '0'
const otherCores = `1-${availableParallelism() - 1}`
const startMs = 20_000
const ticksPerSecond = 100

/** Whether processes can be kept on cores here. */
export const canPin = availableParallelism() > 1 && spawnSync(pinning, ['-V']).error === undefined

/** Moves a process that runs already, and what it starts from then on, away from the core of the servers. */
export function keepOffServerCore(pid: number): void {
  if (canPin) spawnSync(pinning, ['-a', '-c', '-p', otherCores, String(pid)])
}

/** Starts a server that listens on the port in `PORT`, and waits until it does. */
export async function startServer(options: ServerCommand): Promise<ServerProcess> {
  const { command, args, environment, directory } = options
  const port = await freePort()
  const pinned = canPin ? [pinning, '-c', serverCores, command, ...args] : [command, ...args]
  const [program = command, ...rest] = pinned
  const child = spawn(program, rest, {
    cwd: directory,
    env: { PATH: process.env['PATH'], NODE_ENV: 'production', PORT: String(port), ...environment },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const exited = once(child, 'exit')
  const deadlineMs = performance.now() + startMs
  while (!(await isListening(port))) {
    if (child.exitCode !== null || performance.now() > deadlineMs) {
      child.kill('SIGKILL')
      throw new Error(`${command} ${args.join(' ')} does not start.`)
    }
    await setTimeout(50)
  }
  return {
    url: `http://127.0.0.1:${port}`,
    cpuMs: () => familyOf(child.pid ?? 0).reduce((sum, pid) => sum + readCpuMs(pid), 0),
    residentBytes: () => readResidentBytes(child.pid ?? 0),
    async stop() {
      child.kill('SIGTERM')
      const kill = globalThis.setTimeout(() => child.kill('SIGKILL'), startMs)
      await exited
      clearTimeout(kill)
    },
  }
}

function familyOf(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return [pid, ...(children === '' ? [] : children.split(' ').map(Number))]
}

/** See proc(5): the times are the fields 14 and 15, and the second field is a name that can hold blanks. */
function readCpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond
}

function readResidentBytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

/** One that nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer()
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port })
  const isOpen = await new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
  })
  socket.destroy()
  return isOpen
}
