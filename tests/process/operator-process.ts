import { spawn } from 'node:child_process'
import { createServer, type RequestListener } from 'node:http'
import { resolve } from 'node:path'
import { onTestFinished } from 'vitest'
import { baseEnvironment } from '../fakes/base-environment.ts'
import { temporaryDirectory } from './server-process.ts'

export interface CommandResult {
  readonly code: number | NodeJS.Signals
  /** Standard output. */
  readonly output: string
  /** What it said beside it: errors and progress. */
  readonly words: string
}

export interface CommandOptions {
  readonly directory?: string
  readonly environment?: Readonly<Record<string, string>>
}

type Command = 'status' | 'load'

/** Runs a command for operators to its end. */
export function runCommand(
  command: Command,
  words: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return startCommand(command, words, options).ended
}

/** Starts one. It is killed at the end of the test. */
export function startCommand(command: Command, words: readonly string[], options: CommandOptions = {}) {
  const { directory = temporaryDirectory(), environment } = options
  const child = spawn(process.execPath, [resolve(`src/${command}.ts`), ...words], {
    cwd: directory,
    env: { ...baseEnvironment, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [output, said] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = new Promise<CommandResult>((done) => {
    child.once('close', (code, signal) => done({ code: code ?? signal ?? -1, output, words: said }))
  })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { child, ended, words: () => said }
}

/** A server that is no Maya, and its address. */
export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The server does not listen.')
  return `http://127.0.0.1:${address.port}`
}
