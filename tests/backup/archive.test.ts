import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ArchiveError } from '../../src/backup/archive-error.ts'
import { writeArchive } from '../../src/backup/archive.ts'
import { restoreAll } from '../../src/backup/restore.ts'
import { MasterKeyError } from '../../src/security/master-key.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { bounds } from '../log/samples.ts'
import { unreliable } from '../log/unreliable-store.ts'
import { backupOf, expiresAt, idOf, keep, keyFingerprint, logOf, now, sessionsIn } from './samples.ts'

function setup() {
  const { store, faults } = unreliable(createMemoryStore({ clock: new FakeClock() }))
  return { store, faults }
}

/** A backup of two sessions, as lines. */
async function twoSessions(): Promise<readonly string[]> {
  const { store } = setup()
  await keep(store, { id: idOf('a'), expiresAt, events: logOf('A beer') })
  await keep(store, { id: idOf('b'), expiresAt, events: logOf('A wine', 'And the bill') })
  return backupOf(store)
}

async function ignore(): Promise<void> {}

async function readAll(text: string) {
  return Array.fromAsync(sessionsIn(text))
}

describe('a backup', () => {
  it('has a line that says what it is, one for each session, and one with their number', async () => {
    const lines = (await twoSessions()).map((line) => JSON.parse(line))
    expect(lines).toEqual([
      { format: 'maya-state', version: 1, exported_at: now, key_fingerprint: keyFingerprint },
      {
        id: idOf('a'),
        agent: 'maya',
        workspace: 'default',
        expires_at: expiresAt,
        version: 4,
        events: logOf('A beer'),
      },
      expect.objectContaining({ id: idOf('b'), version: 7, events: logOf('A wine', 'And the bill') }),
      { sessions: 2 },
    ])
  })

  it('of an empty store says so', async () => {
    expect((await backupOf(setup().store)).at(-1)).toBe('{"sessions":0}\n')
  })

  it('brings back what it was made of: made again, it has the same lines', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 30 })
    const guest = fc.record({
      name: fc.stringMatching(/^[\w-]{22}$/),
      texts: fc.array(text, { maxLength: 4 }),
    })
    const guests = fc.uniqueArray(guest, { selector: ({ name }) => name, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(guests, async (all) => {
        const { store } = setup()
        await keep(store, ...all.map(({ name, texts }) => ({ id: name, expiresAt, events: logOf(...texts) })))
        const lines = await backupOf(store)
        const { store: fresh } = setup()
        await restoreAll(sessionsIn(lines.join('')), { store: fresh, bounds, now })
        expect(await backupOf(fresh)).toEqual(lines)
      }),
      { numRuns: 100 },
    )
  })

  it('holds each of very many sessions once', async () => {
    const { store } = setup()
    const ids = Array.from({ length: 250 }, (_, at) => idOf(`s${1000 + at}`))
    await keep(store, ...ids.map((id) => ({ id, expiresAt, events: logOf() })))
    const sessions = await readAll((await backupOf(store)).join(''))
    expect(sessions.map(({ id }) => id)).toEqual(ids)
  })

  it('leaves out sessions that have expired, and counts them', async () => {
    const { store } = setup()
    await keep(store, { id: idOf('a'), expiresAt: now, events: logOf() })
    await keep(store, { id: idOf('b'), expiresAt: now + 1, events: logOf() })
    const lines: string[] = []
    const write = async (line: string) => void lines.push(line)
    const counts = await writeArchive({ store, keyFingerprint, now, write })
    expect(counts).toEqual({ sessions: 1, expired: 1 })
    expect(lines.join('')).not.toContain(idOf('a'))
  })

  it('leaves out a session that ends while it is made', async () => {
    const { store, faults } = setup()
    await keep(store, ...['a', 'b', 'c'].map((name) => ({ id: idOf(name), expiresAt, events: logOf() })))
    faults.before = async (operation, id) => {
      if (operation === 'load' && id === idOf('a')) await store.remove(idOf('b'))
    }
    expect((await readAll((await backupOf(store)).join(''))).map(({ id }) => id)).toEqual([
      idOf('a'),
      idOf('c'),
    ])
  })

  it('reads a session only when the one before it is written', async () => {
    const { store, faults } = setup()
    await keep(store, ...['a', 'b'].map((name) => ({ id: idOf(name), expiresAt, events: logOf() })))
    const happened: string[] = []
    faults.before = (operation, id) => void (operation === 'events' && happened.push(`read ${String(id)}`))
    const write = async (line: string) => {
      await new Promise((resolve) => setImmediate(resolve))
      happened.push(`written ${JSON.parse(line).id ?? 'frame'}`)
    }
    await writeArchive({ store, keyFingerprint, now, write })
    const each = ['a', 'b'].flatMap((name) => [`read ${idOf(name)}`, `written ${idOf(name)}`])
    expect(happened).toEqual(['written frame', ...each, 'written frame'])
  })

  it('is not made of a log that is longer than a line, which is named by its hash alone', async () => {
    const { store } = setup()
    await keep(store, { id: idOf('a'), expiresAt, events: logOf('Zwölf Weißbier') })
    const bytes = Buffer.byteLength((await backupOf(store))[1] ?? '')
    const made = (lineBytesMax: number) =>
      writeArchive({ store, keyFingerprint, now, write: ignore, lineBytesMax })
    await expect(made(bytes)).resolves.toMatchObject({ sessions: 1 })
    const error = await made(bytes - 1).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ArchiveError)
    expect(String(error)).toMatch(/^ArchiveError: The session [0-9a-f]{12} has 4 events/)
  })
})

describe('reading a backup', () => {
  it('passes over what npm announces before it, and empty lines', async () => {
    const lines = await twoSessions()
    const text = ['\n', '> maya@0.1.0 state\n', '> node src/state.ts export\n', '\n', ...lines, '\n'].join('')
    expect(await readAll(text)).toHaveLength(2)
  })

  it('takes lines that end as on Windows, and a last one without an end', async () => {
    const text = (await twoSessions()).join('').replaceAll('\n', '\r\n')
    expect(await readAll(text.trimEnd())).toHaveLength(2)
  })

  it('recognises one that is cut off, wherever that is', async () => {
    const text = (await twoSessions()).join('')
    // The very last characters say nothing more.
    for (let length = 0; length < text.length - '}\n'.length + 1; length++) {
      await expect(readAll(text.slice(0, length))).rejects.toBeInstanceOf(ArchiveError)
    }
    await expect(readAll(text.slice(0, -1))).resolves.toHaveLength(2)
  })

  it.each<readonly [string, (lines: readonly string[]) => readonly string[], RegExp]>([
    ['nothing', () => [], /it is empty/],
    ['only what npm says', () => ['> maya@0.1.0 state\n'], /it is empty/],
    ['no last line', (lines) => lines.slice(0, -1), /cut off: its last line/],
    ['a session missing', (lines) => lines.toSpliced(1, 1), /holds 1 sessions and its last line says 2/],
    ['a session twice', (lines) => lines.toSpliced(1, 0, lines[1] ?? ''), /holds 3 sessions/],
    ['a number that is none', (lines) => [...lines.slice(0, -1), '{"sessions":"two"}'], /says no number/],
    ['something after it', (lines) => [...lines, '{"sessions":2}\n'], /^Line 5 follows the last one/],
    ['two of them', (lines) => [...lines, ...lines], /^Line 5 follows the last one/],
    ['no first line', (lines) => lines.slice(1), /does not name the format maya-state/],
    ['another first line', (lines) => lines.with(0, '{"format":"tape"}\n'), /does not name the format/],
    ['text', (lines) => lines.with(0, 'Dear bar,\n'), /^Line 1 is no JSON object/],
    [
      'a newer version',
      (lines) => changed(lines, 0, { version: 2 }),
      /version 2 of its format, allowed is 1/,
    ],
    ['no version', (lines) => changed(lines, 0, { version: 'x' }), /version none/],
    ['a broken session', (lines) => lines.with(2, '{"id":"A guest said'), /^Line 3 is no JSON object/],
    ['a list', (lines) => lines.with(2, '[]\n'), /^Line 3 is no JSON object/],
    ['another id', (lines) => changed(lines, 1, { id: 'short' }), /^Line 2 is no session/],
    ['no expiry', (lines) => changed(lines, 1, { expires_at: null }), /^Line 2 is no session/],
    ['another number of events', (lines) => changed(lines, 1, { version: 5 }), /^Line 2 is no session/],
    ['no events', (lines) => changed(lines, 1, { version: 0, events: [] }), /^Line 2 is no session/],
    [
      'other events',
      (lines) => changed(lines, 1, { version: 1, events: [{ at: 1 }] }),
      /^Line 2 is no session/,
    ],
  ])('refuses one with %s, and quotes nothing of it', async (_, change, message) => {
    const error = await readAll(change(await twoSessions()).join('')).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ArchiveError)
    if (!(error instanceof Error)) return
    expect(error.message).toMatch(message)
    expect(`${error.message} ${String(error.cause)}`).not.toMatch(/beer|wine|guest|Dear/)
  })

  it.each([{ key_fingerprint: 'fedcba9876543210' }, { key_fingerprint: null }])(
    'refuses one of another master key, with what to do: %j',
    async (change) => {
      const read = readAll(changed(await twoSessions(), 0, change).join(''))
      await expect(read).rejects.toThrow(MasterKeyError)
      await expect(read).rejects.toThrow(/MAYA_MASTER_KEY_PREVIOUS/)
    },
  )
})

/** The same lines, one of them with other fields. */
function changed(lines: readonly string[], at: number, fields: object): readonly string[] {
  return lines.with(at, `${JSON.stringify({ ...JSON.parse(lines[at] ?? ''), ...fields })}\n`)
}
