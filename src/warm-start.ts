// Run when an image is built: a whole start, a spoken answer and an end, so that all of it is in the compile cache.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { join } from 'node:path'

const timeoutMs = 60_000

const server = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
  env: { ...process.env, HOST: '127.0.0.1', PORT: '0', MAYA_STORE_URL: 'memory:', MAYA_HOUSE_PACE_MS: '0' },
  stdio: ['ignore', 'pipe', 'inherit'],
  timeout: timeoutMs,
})
const ended = new Promise<number | null>((resolve) => server.once('exit', resolve))
const url = await addressOf(server.stdout)
server.stdout.resume() // What it says from now on must not hold it up.
await expectOk(fetch(url))
const message = JSON.stringify({ user_input: 'Two martinis, please.', voice: true })
const headers = { 'content-type': 'application/json' }
await expectOk(fetch(`${url}/api/v1/chat/stream`, { method: 'POST', headers, body: message }))
server.kill('SIGTERM')
process.exitCode = (await ended) ?? 1

async function addressOf(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const [, found] = /^Maya is at (http:\S+)/.exec(line) ?? []
    if (found !== undefined) return found
  }
  throw new Error('The server ended before it was ready.')
}

async function expectOk(answer: Promise<Response>): Promise<void> {
  const response = await answer
  const body = await response.text()
  if (!response.ok) throw new Error(`The server answered ${response.status}: ${body}`)
}
