import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { onTestFinished } from 'vitest'
import { baseEnvironment } from '../fakes/base-environment.ts'

export interface StateOptions {
  readonly directory: string
  readonly environment?: Readonly<Record<string, string>>
  /** What it reads from standard input; nothing when absent. */
  readonly input?: string
  /** An open file that standard output is written to. */
  readonly outputFile?: number
  /** The largest file that the process may write. */
  readonly fileKilobytesMax?: number
}

export interface StateResult {
  readonly code: number | NodeJS.Signals
  readonly data: string
  /** What it said to people. */
  readonly words: string
}

/** Runs the command for backup and restore to its end. */
export async function runState(words: readonly string[], options: StateOptions): Promise<StateResult> {
  const { input = '', ...others } = options
  const { child, ended } = startState(words, others)
  child.stdin?.on('error', () => {}) // It may end before it has read all.
  child.stdin?.end(input)
  return ended
}

/** Starts the command; its input and output are the caller's. It is killed at the end of the test. */
export function startState(words: readonly string[], options: Omit<StateOptions, 'input'>) {
  const { directory, environment, outputFile, fileKilobytesMax } = options
  const blocks = fileKilobytesMax === undefined ? 'unlimited' : String(fileKilobytesMax * 2)
  const command = [process.execPath, resolve('src/state.ts'), ...words]
  const child = spawn('sh', ['-c', `ulimit -f ${blocks}; exec "$@"`, 'sh', ...command], {
    cwd: directory,
    env: { ...baseEnvironment, ...environment },
    stdio: ['pipe', outputFile ?? 'pipe', 'pipe'],
  })
  let data = ''
  let said = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (data += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = new Promise<StateResult>((done) => {
    child.once('close', (code, signal) => done({ code: code ?? signal ?? -1, data, words: said }))
  })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { child, ended }
}
