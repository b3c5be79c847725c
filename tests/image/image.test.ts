// The image is really built, and the server in it is used as a guest and an operator would.
import { globSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { eventsOf, typesOf } from '../fakes/event-reader.ts'
import { createLimitedCgroup } from '../process/cgroup.ts'
import { expectThatImagesCanBeBuilt } from './buildah.ts'
import { BuiltImage } from './built-image.ts'

const MiB = 1024 * 1024

let image: BuiltImage

beforeAll(async () => {
  await expectThatImagesCanBeBuilt()
  image = await BuiltImage.build()
  say(`The image is ${image.size}.`)
}, 600_000)

afterAll(() => image?.close(), 120_000)

/** The server on a free port. */
async function startServer(settings: Readonly<Record<string, string>> = {}) {
  const from = performance.now()
  const { child, output, exited } = image.start(image.config.Cmd, {
    HOST: '127.0.0.1',
    PORT: '0',
    MAYA_EVENT_LOOP_DELAY_MS: '0',
    ...settings,
  })
  const url = await new Promise<string>((found, failed) => {
    void exited.then((code) => failed(new Error(`It ended with ${code}:\n${output()}`)))
    child.stdout?.on('data', () => {
      const [, address] = /Maya is at (http:\S+)/.exec(output()) ?? []
      if (address !== undefined) found(address)
    })
  })
  return { url, exited, output, readyMs: performance.now() - from, stop: () => child.kill('SIGTERM') }
}

async function openSession(url: string): Promise<Readonly<Record<string, string>>> {
  const created = await fetch(`${url}/api/v1/sessions`, { method: 'POST' })
  return {
    'x-session-id': created.headers.get('x-session-id') ?? '',
    'content-type': 'application/json',
    'idempotency-key': 'order',
  }
}

async function order(
  url: string,
  { headers, voice }: { readonly headers: Readonly<Record<string, string>>; readonly voice: boolean },
): Promise<Response> {
  const body = JSON.stringify({ user_input: 'Two martinis, please.', voice })
  return fetch(`${url}/api/v1/chat/stream`, { method: 'POST', headers, body })
}

/** What is in the compile cache: each file with what says whether it was written again. */
function compileCache(): ReadonlyMap<string, number> {
  const folder = image.path('.compile-cache')
  const names = globSync('**', { cwd: folder }).toSorted()
  return new Map(names.map((name) => [name, statSync(join(folder, name)).mtimeMs]))
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

it('begins with the Node that everything else is tested on', () => {
  const dockerfile = readFileSync('Dockerfile', 'utf8')
  expect(dockerfile).toContain(`ARG NODE_IMAGE=node:${process.versions.node}-bookworm-slim\n`)
})

it('holds the server, the built page and nothing that only developers need', () => {
  const names = ['.compile-cache', 'data', 'node_modules', 'package.json', 'src', 'web']
  expect(readdirSync(image.path('.')).toSorted()).toEqual(names)
  expect(readdirSync(image.path('web'))).toEqual(['dist'])
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
  const packages = globSync(['*', '@*/*'], { cwd: image.path('node_modules') })
  expect(packages).toEqual(expect.arrayContaining(Object.keys(dependencies)))
  const developers = new Set(['node', 'oxlint', 'playwright-core', 'typescript', 'vite', 'vitest'])
  expect(packages.filter((name) => developers.has(name))).toEqual([])
  expect(globSync('**/{.git,.env*,.npmrc,*.test.ts,*.py,*.map}', { cwd: image.path('.') })).toEqual([])
})

it('has no settings but those of the Dockerfile, and so no secrets', () => {
  const names = image.config.Env.map((line) => line.split('=')[0])
  expect(new Set(names)).toEqual(new Set(['HOST', 'NODE_COMPILE_CACHE', 'NODE_ENV', 'PATH', 'PORT']))
})

it('runs as a user who can write nothing but its data and its cache', async () => {
  expect(image.config).toMatchObject({ User: 'node', Cmd: ['node', expect.anything(), 'src/main.ts'] })
  const { output, exited } = image.start(['find', '/app', '/usr', '/etc', '-writable', '!', '-type', 'l'])
  expect(await exited).toBe(0)
  const writable = output().trim().split('\n')
  expect(writable).toEqual(expect.arrayContaining(['/app/data', '/app/.compile-cache']))
  expect(writable.filter((path) => !/^\/app\/(data|\.compile-cache)(\/|$)/.test(path))).toEqual([])
})

it("gives Node's heap the memory of its container less an eighth", async (context) => {
  const made = createLimitedCgroup(4096 * MiB)
  if (!made.ok) return context.skip(made.reason)
  onTestFinished(() => made.cgroup.remove())
  const options = image.config.Cmd.slice(1, -1)
  const program = ['--print', 'v8.getHeapStatistics().heap_size_limit']
  const { stdout } = made.cgroup.spawn([process.execPath, ...options, ...program], {})
  const heapMb = Number(await text(stdout)) / MiB
  expect(heapMb).toBeGreaterThanOrEqual(3584)
  expect(heapMb).toBeLessThan(3584 + 256) // With what V8 adds for young objects.
})

it('takes an order, speaks, keeps the order over a restart and in a backup, and has its code compiled before', async () => {
  const compiled = compileCache()
  expect([...compiled.keys()].filter((name) => /-(0|1000)$/.test(name))).toHaveLength(2)
  const first = await startServer()
  say(`Its server was ready in ${Math.round(first.readyMs)} ms.`)
  const headers = await openSession(first.url)
  const events = typesOf(eventsOf(await (await order(first.url, { headers, voice: true })).text()))
  expect(events).toContain('audio_chunk')
  expect(events.at(-1)).toBe('complete')
  const page = await (await fetch(first.url)).text()
  expect(page).toContain('<title>Maya</title>')
  const [, script = ''] = /src="(\/assets\/[^"]+\.js)"/.exec(page) ?? []
  expect((await fetch(first.url + script)).status).toBe(200)
  first.stop()
  expect(await first.exited).toBe(0)
  expect(compileCache()).toEqual(compiled)

  const second = await startServer()
  const tab = await fetch(`${second.url}/api/v1/payments/tab`, { headers })
  expect(await tab.json()).toMatchObject({ tab_amount_cents: 2600 })
  second.stop()
  await second.exited
  const backup = image.start(['node', 'src/state.ts', 'export'])
  expect(await backup.exited).toBe(0)
  expect(backup.output()).toContain('Two martinis, please.')
})

it('lets a running turn end when it is told to stop', async () => {
  const { url, stop, exited } = await startServer({ MAYA_HOUSE_PACE_MS: '50' })
  const answer = await order(url, { headers: await openSession(url), voice: true })
  let told = ''
  for await (const part of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    if (told === '') stop()
    told += part
  }
  expect(typesOf(eventsOf(told)).at(-1)).toBe('complete')
  expect(await exited).toBe(0)
})

it('knows by itself whether it is well', async () => {
  const [kind, ...command] = image.config.Healthcheck.Test
  expect(kind).toBe('CMD')
  const { url, stop, exited } = await startServer()
  expect((await fetch(`${url}/livez`)).status).toBe(200)
  const asked = () => image.start(command, { PORT: new URL(url).port }).exited
  expect(await asked()).toBe(0)
  stop()
  await exited
  expect(await asked()).toBe(1)
})
