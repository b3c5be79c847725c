import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, vi } from 'vitest'

export interface SqliteProcessOptions {
  readonly path: string
  readonly waitMs: number
  /** Sessions to write; without it the file is only kept open. */
  readonly writers?: number
  /** The largest file that the process may write. */
  readonly fileKilobytesMax?: number
}

/** A real process that has the file open, or wants to. */
export function startSqliteProcess({ path, waitMs, writers, fileKilobytesMax }: SqliteProcessOptions) {
  const script = fileURLToPath(new URL('sqlite-child.ts', import.meta.url))
  const command = [
    process.execPath,
    script,
    path,
    String(waitMs),
    ...(writers === undefined ? [] : [writers]),
  ]
  const blocks = fileKilobytesMax === undefined ? 'unlimited' : fileKilobytesMax * 2
  const child = spawn('sh', ['-c', `ulimit -f ${blocks}; exec "$@"`, 'sh', ...command.map(String)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  /** What it has said; a line that was cut off does not count. */
  const lines = (): readonly string[] => output.split('\n').slice(0, -1)
  return {
    lines,
    async until(line: string): Promise<void> {
      await vi.waitFor(() => expect(lines()).toContain(line), { timeout: 20_000, interval: 5 })
    },
    /** Lets it close the file and end by itself. */
    async finish(): Promise<void> {
      child.stdin.end()
      await ended
    },
    async kill(): Promise<void> {
      child.kill('SIGKILL')
      await ended
    },
    ended,
  }
}
