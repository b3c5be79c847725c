// The image is really built, and the server in it is used as a guest would.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { createBaseImage } from './base-image.ts'
import { Buildah } from './buildah.ts'

const buildMs = 400_000
const directory = mkdtempSync(join(tmpdir(), 'maya-image-'))
const buildah = new Buildah(join(directory, 'buildah'))
let image: Awaited<ReturnType<Buildah['open']>>

beforeAll(async () => {
  await createBaseImage(buildah, join(directory, 'base'))
  await buildah.build('.', 'maya')
  image = await buildah.open('localhost/maya')
}, buildMs)

afterAll(async () => {
  await buildah.close()
  rmSync(directory, { recursive: true, force: true })
}, 60_000)

interface ImageConfig {
  readonly OCIv1: { readonly config: { readonly Env: readonly string[] } }
  readonly Docker: { readonly config: { readonly Healthcheck: { readonly Test: readonly string[] } } }
}

async function configOf(): Promise<ImageConfig> {
  return JSON.parse(await buildah.run('inspect', '--type', 'image', 'localhost/maya'))
}

/** A process in the image's files, as the image says that it is to be run. */
async function start(
  command: readonly string[],
  settings: Readonly<Record<string, string>>,
): Promise<ChildProcess> {
  const { OCIv1 } = await configOf()
  const environment = [...OCIv1.config.Env, ...Object.entries(settings).map((pair) => pair.join('='))]
  const inside = ['env', '--ignore-environment', '--chdir=/app', ...environment, ...command]
  const child = spawn('chroot', ['--userspec=node', image.root, ...inside], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('exit', resolve))
}

/** The server on a free port. */
async function startServer() {
  const server = await start(['node', 'src/main.ts'], { HOST: '127.0.0.1', PORT: '0' })
  const exit = exitOf(server)
  const url = await new Promise<string>((found, failed) => {
    let output = ''
    server.once('exit', (code) => failed(new Error(`It ended with ${code}:\n${output}`)))
    server.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      const [, address] = /Maya is at (http:\S+)/.exec(output) ?? []
      if (address !== undefined) found(address)
    })
  })
  return { url, server, exit }
}

const inApp = (path: string) => join(image.root, 'app', path)

it('holds the server, the built page and nothing that only developers need', () => {
  const names = ['.compile-cache', 'data', 'node_modules', 'package.json', 'src', 'web']
  expect(new Set(readdirSync(inApp('.')))).toEqual(new Set(names))
  expect(readdirSync(inApp('web'))).toEqual(['dist'])
  expect(existsSync(inApp('node_modules/fastify'))).toBe(true)
  expect(
    ['vite', 'vitest', 'typescript', 'node'].filter((name) => existsSync(inApp(`node_modules/${name}`))),
  ).toEqual([])
})

it('runs as the user node, who owns what it writes, from a cache for that user and for Modal’s', async () => {
  const { OCIv1 } = await configOf()
  expect(OCIv1.config).toMatchObject({ User: 'node', Cmd: ['node', 'src/main.ts'] })
  const caches = readdirSync(inApp('.compile-cache')).map((name) => name.split('-').at(-1))
  expect(new Set(caches)).toEqual(new Set(['0', '1000']))
  expect(await buildah.run('run', image.container, '--', 'id', '-un')).toBe('node')
})

it('takes an order, speaks, keeps the order over a restart, and ends when it is told to', async () => {
  const first = await startServer()
  const created = await fetch(`${first.url}/api/v1/sessions`, { method: 'POST' })
  const headers = {
    'x-session-id': created.headers.get('x-session-id') ?? '',
    'content-type': 'application/json',
    'idempotency-key': 'order',
  }
  const body = JSON.stringify({ user_input: 'Two martinis, please.', voice: true })
  const answer = await fetch(`${first.url}/api/v1/chat/stream`, { method: 'POST', headers, body })
  const events = await answer.text()
  expect(events).toContain('"type":"audio_chunk"')
  expect(events).toContain('"type":"complete"')
  expect(await (await fetch(first.url)).text()).toContain('<title>Maya</title>')
  first.server.kill('SIGTERM')
  expect(await first.exit).toBe(0)

  const second = await startServer()
  const tab = await fetch(`${second.url}/api/v1/payments/tab`, { headers })
  expect(await tab.json()).toMatchObject({ tab_amount_cents: 2600 })
})

it('knows by itself whether it is well', async () => {
  const { Docker } = await configOf()
  const [, ...command] = Docker.config.Healthcheck.Test
  const { url, server, exit } = await startServer()
  const asked = async () => exitOf(await start(command, { PORT: new URL(url).port }))
  expect(await asked()).toBe(0)
  server.kill('SIGTERM')
  await exit
  expect(await asked()).toBe(1)
})
