import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { onTestFinished } from 'vitest'
import { baseEnvironment } from '../fakes/base-environment.ts'
import { noRateLimits } from '../fakes/no-rate-limits.ts'

/** A real server process and what it printed. */
export interface ServerProcess {
  readonly url: string
  readonly child: ChildProcess
  readonly output: () => string
  /** Resolves with the exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>
}

export interface ServerOptions {
  /** Relative to the repository; the real server when absent. */
  readonly script?: string
  readonly directory: string
  readonly environment?: Readonly<Record<string, string>>
}

/** A directory of the test's own, removed at its end. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'maya-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Starts a server on a free port and waits until it says where it is. It is killed at the end of the test. */
export async function startServer(options: ServerOptions): Promise<ServerProcess> {
  const server = launch(options)
  const { child, exited } = server
  const address = await new Promise<string>((found, failed) => {
    child.stdout?.on('data', () => {
      const [, url] = /Maya is at (http:\S+)/.exec(server.output()) ?? []
      if (url !== undefined) found(url)
    })
    void exited.then((code) => failed(new Error(`The server ended with ${code}:\n${server.output()}`)))
  })
  return { ...server, url: address }
}

/** Starts a server that is expected to end by itself. */
export function launch({
  script = 'src/main.ts',
  directory,
  environment,
}: ServerOptions): Omit<ServerProcess, 'url'> {
  const child = spawn(process.execPath, [resolve(script)], {
    cwd: directory,
    env: {
      ...baseEnvironment,
      HOST: '127.0.0.1',
      PORT: '0',
      MAYA_HOUSE_PACE_MS: '0',
      ...noRateLimits,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const exited = new Promise<number | NodeJS.Signals>((resolved) => {
    child.once('close', (code, signal) => resolved(code ?? signal ?? -1))
  })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  return { child, exited, output: () => output }
}
