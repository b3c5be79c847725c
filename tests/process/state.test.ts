// Backup and restore with real processes: servers, the command between them, and npm as the guide has it.
import { execFile } from 'node:child_process'
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { idOf, keep, logOf } from '../backup/samples.ts'
import { chunk, GeminiServer } from '../fakes/gemini-server.ts'
import { RedisServer } from '../store/redis-server.ts'
import { startServer, temporaryDirectory, type ServerProcess } from './server-process.ts'
import { runState, startState } from './state-process.ts'

const environment = { MAYA_MASTER_KEY: Buffer.alloc(32, 'k').toString('base64') }
const otherKey = { MAYA_MASTER_KEY: Buffer.alloc(32, 'o').toString('base64') }
const guestKey = 'guest-key-0123456789'

/** The cookie of a new session. */
async function openSession({ url }: ServerProcess): Promise<string> {
  const created = await fetch(`${url}/api/v1/sessions`, { method: 'POST' })
  return created.headers.getSetCookie()[0]?.split(';')[0] ?? ''
}

/** A browser with this cookie. */
function guestOf({ url }: ServerProcess, cookie: string) {
  const ask = async (path: string, body?: object) => {
    const sent = body && { method: 'POST', body: JSON.stringify(body) }
    const headers = { cookie, 'content-type': 'application/json' }
    const response = await fetch(`${url}/api/v1${path}`, { ...sent, headers })
    return JSON.parse(await response.text())
  }
  return { ask, seen: async () => [await ask('/chat/history'), await ask('/payments/tab')] }
}

async function stop({ child, exited }: ServerProcess): Promise<void> {
  child.kill('SIGTERM')
  expect(await exited).toBe(0)
}

/** A directory with a database of so many sessions, which live for an hour. */
async function withSessions(count: number): Promise<string> {
  const directory = temporaryDirectory()
  const store = await openSqliteStore({ path: join(directory, 'data/maya.db'), clock: systemClock })
  const expiresAt = Date.now() + 3_600_000
  const ids = Array.from({ length: count }, (_, at) => idOf(`s${1000 + at}`))
  await keep(store, ...ids.map((id) => ({ id, expiresAt, events: logOf('A secret wish. '.repeat(20)) })))
  await store.close()
  return directory
}

async function exportFrom(directory: string): Promise<string> {
  const { code, data, words } = await runState(['export'], { directory, environment })
  expect([code, words]).toEqual([0, expect.stringMatching(/^\d+ exported\n$/)])
  return data
}

function importInto(directory: string, input: string) {
  return runState(['import'], { directory, environment, input })
}

/** What does not depend on the moment of the export. */
function sessionLines(backup: string): readonly string[] {
  return backup.split('\n').slice(1)
}

/** A guest who looks may put off the expiry. */
function withoutExpiry(backup: string): readonly string[] {
  return sessionLines(backup).map((line) => line.replace(/"expires_at":\d+/, ''))
}

describe('all sessions', () => {
  it('go on in another place as they were, with history, tab and the keys that guests brought', async () => {
    const gemini = await GeminiServer.start()
    onTestFinished(() => gemini.stop())
    const settings = { GEMINI_BASE_URL: gemini.url }
    const from = temporaryDirectory()
    const old = await startServer({ directory: from, environment: settings })
    const [cookie, otherCookie] = [await openSession(old), await openSession(old)]
    const [guest, other] = [guestOf(old, cookie), guestOf(old, otherCookie)]
    await guest.ask('/chat', { user_input: 'Two martinis, please.' })
    await other.ask('/chat', { user_input: 'Three martinis, please.' })
    await other.ask('/payments/tip', { tip_percentage: 20 })
    gemini.answers({ headers: { 'content-type': 'application/json' }, pieces: ['{"name":"models/x"}'] })
    expect(await guest.ask('/session/keys', { gemini_key: guestKey })).toMatchObject({ has_valid_keys: true })
    const seen = [await guest.seen(), await other.seen()]
    expect(seen).toMatchObject([
      [{ history: [{}, {}] }, { tab_amount_cents: 2600, tip_amount_cents: 0 }],
      [{ history: [{}, {}] }, { tab_amount_cents: 3900, tip_amount_cents: 780 }],
    ])
    await stop(old)

    const exported = await runState(['export'], { directory: from })
    expect([exported.code, exported.words]).toEqual([0, '2 exported\n'])
    expect(exported.data).not.toContain(guestKey)
    const directory = temporaryDirectory()
    mkdirSync(join(directory, 'data'))
    cpSync(join(from, 'data/master.key'), join(directory, 'data/master.key'))
    const imported = await runState(['import'], { directory, input: exported.data })
    expect(imported).toEqual({ code: 0, data: '', words: '2 imported, 0 skipped\n' })

    const fresh = await startServer({ directory, environment: settings })
    const [again, otherAgain] = [guestOf(fresh, cookie), guestOf(fresh, otherCookie)]
    expect([await again.seen(), await otherAgain.seen()]).toEqual(seen)
    gemini.answers({ pieces: [chunk([{ text: 'I remember you.' }], 'STOP')] })
    const answer = await again.ask('/chat', { user_input: 'Do you remember me?' })
    expect(answer).toMatchObject({ response_text: 'I remember you.', history: [{}, {}, {}, {}] })
    expect(gemini.requests.at(-1)?.headers['x-goog-api-key']).toBe(guestKey)
    await stop(fresh)
    const twice = await runState(['import'], { directory, input: exported.data })
    expect(twice).toMatchObject({ code: 0, words: '0 imported, 2 skipped (2 already there)\n' })
  })

  it('are the same in a backup of what a backup brought back', async () => {
    const backup = await exportFrom(await withSessions(150))
    const directory = temporaryDirectory()
    expect((await importInto(directory, backup)).words).toBe('150 imported, 0 skipped\n')
    expect(sessionLines(await exportFrom(directory))).toEqual(sessionLines(backup))
  })

  it('are kept by the commands of the guide, though npm announces them in the same file', async () => {
    const guide = readFileSync('docs/deploy.md', 'utf8')
    const commands = guide.match(/^npm run state -- .*$/gm) ?? []
    expect(commands).toHaveLength(2)
    const backup = join(temporaryDirectory(), 'maya-state.jsonl')
    const run = async (command: string, directory: string) => {
      const line = command.replace('maya-state.jsonl', backup)
      const store = { MAYA_STORE_URL: `sqlite:${join(directory, 'data/maya.db')}` }
      const env = { PATH: process.env['PATH'], ...environment, ...store }
      return (await promisify(execFile)('sh', ['-c', line], { env })).stderr
    }
    expect(await run(commands[0] ?? '', await withSessions(2))).toContain('2 exported\n')
    expect(readFileSync(backup, 'utf8')).toContain('node src/state.ts export')
    expect(await run(commands[1] ?? '', temporaryDirectory())).toContain('2 imported, 0 skipped\n')
  })

  it('move into a store that several servers share, while one uses it, and are the same from there', async () => {
    const redis = await RedisServer.start()
    onTestFinished(() => redis.stop())
    const shared = { ...environment, MAYA_STORE_URL: redis.url }
    const from = temporaryDirectory()
    const old = await startServer({ directory: from, environment })
    const cookie = await openSession(old)
    await guestOf(old, cookie).ask('/chat', { user_input: 'Two martinis, please.' })
    const seen = await guestOf(old, cookie).seen()
    await stop(old)
    const backup = await exportFrom(from)
    const directory = temporaryDirectory()
    const server = await startServer({ directory, environment: shared })
    const moving = { directory, environment: shared, input: backup }
    expect(await runState(['import'], moving)).toEqual({
      code: 0,
      data: '',
      words: '1 imported, 0 skipped\n',
    })
    expect(await guestOf(server, cookie).seen()).toEqual(seen)
    const exported = await runState(['export'], { directory, environment: shared })
    expect([exported.code, exported.words]).toEqual([0, '1 exported\n'])
    expect(withoutExpiry(exported.data)).toEqual(withoutExpiry(backup))
  })

  it('come back under a new master key where the old one is named as the previous', async () => {
    const backup = await exportFrom(await withSessions(1))
    const keys = { ...otherKey, MAYA_MASTER_KEY_PREVIOUS: environment.MAYA_MASTER_KEY }
    const options = { directory: temporaryDirectory(), environment: keys, input: backup }
    expect(await runState(['import'], options)).toMatchObject({ code: 0, words: '1 imported, 0 skipped\n' })
  })
})

describe('an import', () => {
  it.each<{ what: string; change: (backup: string) => string; code: number; reason: RegExp }>([
    { what: 'nothing', change: () => '', code: 1, reason: /There is no backup in what came/ },
    { what: 'a poem', change: () => 'Roses are red.\n', code: 1, reason: /Line 1 is no JSON object/ },
    {
      what: 'a cut backup',
      change: (backup) => backup.slice(0, -30),
      code: 1,
      reason: /Line 4 is no JSON object: the backup was cut off/,
    },
    {
      what: 'one without its end',
      change: (backup) => backup.slice(0, backup.lastIndexOf('{"sessions"')),
      code: 1,
      reason: /The backup is cut off/,
    },
    {
      what: 'one with a broken line',
      change: (backup) => backup.replace(':"model-replied"', ':'),
      code: 1,
      reason: /Line 2 is no JSON object/,
    },
    {
      what: 'a newer one',
      change: (backup) => backup.replace('"version":1', '"version":9'),
      code: 1,
      reason: /has the version 9 of its format, allowed is 1/,
    },
    {
      what: 'one of another key',
      change: (backup) => backup.replace(/(?<=key_fingerprint":)"\w+/, '"00'),
      code: 78,
      reason: /under another master key.*Set MAYA_MASTER_KEY/,
    },
  ])('of $what writes nothing and says why, on one line', async ({ change, code, reason }) => {
    const backup = await exportFrom(await withSessions(3))
    const directory = temporaryDirectory()
    const result = await importInto(directory, change(backup))
    expect(result).toMatchObject({ code, data: '', words: expect.stringMatching(reason) })
    expect(result.words).toMatch(/^The import has failed\. [^\n]+\n$/)
    expect(result.words).not.toContain('secret wish')
    expect(readdirSync(directory)).toEqual([])
  })

  it('names no guest and shows no stack when a database cannot be written', async () => {
    const backup = await exportFrom(await withSessions(1))
    const directory = temporaryDirectory()
    mkdirSync(join(directory, 'data'))
    writeFileSync(join(directory, 'data/maya.db'), 'this is not a database, it is a poem about one')
    const { code, words } = await importInto(directory, backup)
    expect([code, words]).toEqual([1, 'The import has failed. data/maya.db is not a database.\n'])
  })

  it('says where there is no room for what it checks', async () => {
    const backup = await exportFrom(await withSessions(100))
    const directory = temporaryDirectory()
    const limited = { directory, environment: { ...environment, TMPDIR: directory }, fileKilobytesMax: 8 }
    const { code, words } = await runState(['import'], { ...limited, input: backup })
    expect([code, words]).toEqual([
      1,
      expect.stringContaining('which failed (EFBIG). TMPDIR names another place'),
    ])
    expect(readdirSync(directory)).toEqual([])
  })

  it('makes no master key: a new one would fit no session', async () => {
    const directory = temporaryDirectory()
    const { code, words } = await runState(['import'], { directory, input: '' })
    expect([code, words]).toEqual([
      78,
      expect.stringContaining('set MAYA_MASTER_KEY, or bring its file to data/'),
    ])
    expect(existsSync(join(directory, 'data'))).toBe(false)
  })
})

describe('an export', () => {
  it('makes no database where there is none', async () => {
    const directory = temporaryDirectory()
    const { code, data, words } = await runState(['export'], { directory, environment })
    expect([code, data]).toEqual([1, ''])
    expect(words).toContain('There is no database data/maya.db')
    expect(readdirSync(directory)).toEqual([])
  })

  it('says that the disk is full', async () => {
    const outputFile = openSync('/dev/full', 'w')
    onTestFinished(() => closeSync(outputFile))
    const { code, words } = await runState(['export'], {
      directory: await withSessions(1),
      environment,
      outputFile,
    })
    expect([code, words]).toEqual([
      1,
      expect.stringMatching(/^The export has failed\. There is no room left/),
    ])
    expect(words).not.toMatch(/^ {4}at /m)
  })

  it('says that its reader has left', async () => {
    const { child, ended } = startState(['export'], { directory: await withSessions(500), environment })
    child.stdout?.once('data', () => child.stdout?.destroy())
    const { code, words } = await ended
    expect([code, words]).toEqual([1, expect.stringMatching(/^The export has failed\. Whoever reads .*\n$/)])
  })
})

describe('the command', () => {
  it.each(['export', 'import'])(
    'refuses to %s what a running server holds, and says what to do',
    async (name) => {
      const directory = await withSessions(1)
      const backup = await exportFrom(directory)
      await startServer({ directory, environment })
      const { code, data, words } = await runState([name], { directory, environment, input: backup })
      expect([code, data]).toEqual([1, ''])
      expect(words).toMatch(/^Another process holds the database\. Waiting for it/)
      expect(words).toMatch(/maya\.db is in use by another process\. .* stop it first\.\n$/)
    },
  )

  it.each(['export', 'import'])('refuses to %s what only the server itself can reach', async (name) => {
    const memory = { ...environment, MAYA_STORE_URL: 'memory:' }
    const { code, data, words } = await runState([name], {
      directory: temporaryDirectory(),
      environment: memory,
    })
    expect([code, data]).toEqual([78, ''])
    expect(words).toMatch(/MAYA_STORE_URL is memory:.*sqlite:FILE/)
  })

  it('needs a master key that is set where the store is shared', async () => {
    const options = {
      directory: temporaryDirectory(),
      environment: { MAYA_STORE_URL: 'redis://localhost:1' },
    }
    const { code, words } = await runState(['export'], options)
    expect([code, words]).toEqual([
      78,
      expect.stringContaining('needs the same MAYA_MASTER_KEY. It is not set.'),
    ])
  })

  it('says that a shared store is not to be reached, without its password', async () => {
    const away = { ...environment, MAYA_STORE_URL: 'redis://:pa55word@localhost:1' }
    const { code, data, words } = await runState(['export'], {
      directory: temporaryDirectory(),
      environment: away,
    })
    expect([code, data]).toEqual([1, ''])
    expect(words).toMatch(/\nThe export has failed\. redis:\/\/localhost:1\/0 [^\n]+\n$/)
    expect(words).not.toContain('pa55word')
  })

  it('names all bad settings, those of .env too, and no secret', async () => {
    const directory = temporaryDirectory()
    writeFileSync(join(directory, '.env'), 'MAYA_TURN_OVERLAP=never\n')
    const bad = { PORT: 'eighty', MAYA_MASTER_KEY: 'secret-but-short' }
    const { code, words } = await runState(['export'], { directory, environment: bad })
    expect(code).toBe(78)
    for (const name of ['PORT', 'MAYA_TURN_OVERLAP', 'MAYA_MASTER_KEY'])
      expect(words).toContain(`\n  ${name} is `)
    expect(words).not.toContain('secret-but-short')
  })

  it('says that .env cannot be read', async () => {
    const directory = temporaryDirectory()
    mkdirSync(join(directory, '.env'))
    const { code, words } = await runState(['export'], { directory })
    expect([code, words]).toEqual([78, 'The export has failed. .env cannot be read (EISDIR).\n'])
  })

  it.each([
    [['--help'], 0],
    [['export', '-h'], 0],
    [[], 64],
    [['restore'], 64],
    [['constructor'], 64],
    [['export', 'backup.jsonl'], 64],
  ])('explains itself to people when it is called with %j', async (words, code) => {
    const result = await runState(words, { directory: temporaryDirectory() })
    expect(result).toMatchObject({
      code,
      data: '',
      words: expect.stringContaining('-- import < maya-state.jsonl'),
    })
  })
})
