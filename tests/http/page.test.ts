import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fastify from 'fastify'
import { expect, it, onTestFinished } from 'vitest'
import { page } from '../../src/http/plugins/page.ts'

const program = 'const bar = "open"\n'.repeat(50)

/** A page in a directory whose own path must mean nothing. */
async function setup() {
  const place = await mkdtemp(join(tmpdir(), 'maya-page-'))
  const directory = join(place, 'assets', 'dist')
  const files = {
    '../secret.txt': 'secret',
    'index.html': '<!doctype html>',
    'logo.svg': '<svg/>',
    'assets/index-1a2b.js': program,
    'assets/index-1a2b.js.gz': gzipSync(program),
  }
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, name)), { recursive: true })
    await writeFile(join(directory, name), content)
  }
  const app = fastify()
  await app.register(page, { directory })
  onTestFinished(async () => {
    await app.close()
    await rm(place, { recursive: true })
  })
  return app
}

it('is asked for again each time, but for files that are named for their content', async () => {
  const app = await setup()
  const cachingOf = async (url: string) => (await app.inject(url)).headers['cache-control']
  expect(await cachingOf('/')).toBe('no-cache')
  expect(await cachingOf('/logo.svg')).toBe('no-cache')
  expect(await cachingOf('/assets/index-1a2b.js')).toBe('public, max-age=31536000, immutable')
})

it('is sent as small as its reader takes it, and not at all where they have it', async () => {
  const app = await setup()
  const ask = (headers: Readonly<Record<string, string>>) =>
    app.inject({ url: '/assets/index-1a2b.js', headers: { ...headers } })
  const small = await ask({ 'accept-encoding': 'br, gzip' })
  expect(small.headers).toMatchObject({ 'content-encoding': 'gzip', vary: 'accept-encoding' })
  expect(small.headers['content-type']).toContain('javascript')
  const whole = await ask({ 'accept-encoding': 'gzip;q=0' })
  expect([whole.body, whole.headers['content-encoding']]).toEqual([program, undefined])
  const again = await ask({ 'accept-encoding': 'gzip', 'if-none-match': String(small.headers.etag) })
  expect([again.statusCode, again.body]).toEqual([304, ''])
})

it.each([
  '/assets/none.js',
  '/assets/',
  '/../secret.txt',
  '/..%2fsecret.txt',
  '/assets/..%2f..%2fsecret.txt',
])('has nothing at %s', async (url) => {
  const app = await setup()
  expect((await app.inject(url)).statusCode).toBe(404)
})
