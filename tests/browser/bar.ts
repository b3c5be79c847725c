import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { noRateLimits } from '../fakes/no-rate-limits.ts'

/**
 * A real server on a free port that outlives single tests: each guest has a session of their own. It is mute unless its
 * environment says otherwise.
 */
export async function openBar(
  paceMs: number,
  environment: Readonly<Record<string, string>> = {},
): Promise<{ readonly url: string; close(): void }> {
  const directory = mkdtempSync(join(tmpdir(), 'maya-'))
  const child = spawn(process.execPath, [resolve('src/main.ts')], {
    cwd: directory,
    env: {
      PATH: process.env['PATH'],
      HOST: '127.0.0.1',
      PORT: '0',
      MAYA_STORE_URL: 'memory:',
      MAYA_HOUSE_PACE_MS: String(paceMs),
      MAYA_LOG_LEVEL: 'warn',
      MAYA_VOICE_PROVIDER: 'none',
      ...noRateLimits,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await new Promise<string>((found, failed) => {
    let output = ''
    child.once('exit', (code) => failed(new Error(`The server ended with ${code}:\n${output}`)))
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      const [, address] = /Maya is at (http:\S+)/.exec(output) ?? []
      if (address !== undefined) found(address)
    })
  })
  return {
    url,
    close() {
      child.kill('SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
