import type { SessionEvent } from '../log/events.ts'
import type { Store } from '../log/store.ts'
import { MasterKeyError } from '../security/master-key.ts'
import { hashOfId } from '../security/session-token.ts'
import { ArchiveError } from './archive-error.ts'
import { lineBytesMax as defaultLineBytesMax, type Line } from './lines.ts'

/** One session with its whole log, as a line of a backup holds it. */
export interface ArchivedSession {
  readonly id: string
  /** Milliseconds since 1970. */
  readonly expiresAt: number
  readonly events: readonly SessionEvent[]
}

export interface ArchiveOptions {
  readonly store: Store
  /** Of the master key, without which neither sessions nor sealed keys are of any use. */
  readonly keyFingerprint: string
  /** Milliseconds since 1970. Sessions that have expired by then are left out. */
  readonly now: number
  /** Takes one line with its end. Nothing more is read before it has resolved. */
  readonly write: (line: string) => Promise<void>
  readonly lineBytesMax?: number
}

export interface ArchiveCounts {
  readonly sessions: number
  /** Left out, because they have expired. */
  readonly expired: number
}

const format = 'maya-state'
const formatVersion = 1
const pageMax = 100
/** As session tokens have them. */
const idPattern = /^[\w-]{22}$/

/** Writes a backup, one session after the other. Its last line says how many there are, so that a cut one is known. */
export async function writeArchive(options: ArchiveOptions): Promise<ArchiveCounts> {
  const { store, keyFingerprint, now, write, lineBytesMax = defaultLineBytesMax } = options
  await write(lineOf({ format, version: formatVersion, exported_at: now, key_fingerprint: keyFingerprint }))
  const counts = { sessions: 0, expired: 0 }
  for await (const id of idsOf(store)) {
    const session = await readSession(store, id)
    if (session === undefined) continue // It ended a moment ago.
    if (session.expiresAt > now) {
      await write(sessionLine(session, lineBytesMax))
      counts.sessions++
    } else counts.expired++
  }
  await write(lineOf({ sessions: counts.sessions }))
  return counts
}

async function* idsOf(store: Store): AsyncGenerator<string> {
  let ids = await store.ids(undefined, pageMax)
  while (ids.length > 0) {
    yield* ids
    ids = await store.ids(ids.at(-1), pageMax)
  }
}

async function readSession(store: Store, id: string): Promise<ArchivedSession | undefined> {
  const events = await store.events(id)
  // After the events: others may go on with the session meanwhile.
  const log = await store.load(id)
  return log && events.length > 0 ? { id, expiresAt: log.expiresAt, events } : undefined
}

/** Agent and workspace are in the log, too: they are for people and their tools. */
function sessionLine({ id, expiresAt, events }: ArchivedSession, lineBytesMax: number): string {
  const created = events.find((event) => event.type === 'session-created')
  const { agent, workspace } = created ?? {}
  const head = { id, agent, workspace, expires_at: expiresAt, version: events.length }
  const line = shortLineOf({ ...head, events }, lineBytesMax)
  if (line !== undefined) return line
  throw new ArchiveError(
    `The session ${hashOfId(id)} has ${events.length} events, which are more than ${lineBytesMax} bytes: ` +
      'a backup holds no line as long as this.',
  )
}

function shortLineOf(value: object, bytesMax: number): string | undefined {
  try {
    const line = lineOf(value)
    return Buffer.byteLength(line) <= bytesMax ? line : undefined
  } catch (error) {
    if (error instanceof RangeError) return undefined // Longer than any text may be.
    throw error
  }
}

function lineOf(value: object): string {
  return `${JSON.stringify(value)}\n`
}

/**
 * The sessions of a backup that was made under one of these keys. Throws `ArchiveError` at the line that is not as
 * it should be, at the latest at the end, and `MasterKeyError` where it was made under another key.
 */
export async function* readArchive(
  lines: AsyncIterable<Line>,
  keyFingerprints: readonly string[],
): AsyncGenerator<ArchivedSession> {
  let part: 'before' | 'sessions' | 'after' = 'before'
  let sessions = 0
  for await (const line of lines) {
    if (part !== 'sessions' && isNoise(line)) continue
    const fields = fieldsOf(line)
    if (part === 'before') {
      assertBeginning(fields, keyFingerprints)
      part = 'sessions'
    } else if (part === 'after') {
      throw new ArchiveError(`Line ${line.number} follows the last one of the backup.`)
    } else if ('sessions' in fields) {
      assertCount(fields.sessions, sessions)
      part = 'after'
    } else {
      sessions++
      yield sessionOf(fields, line.number)
    }
  }
  if (part === 'before') throw new ArchiveError('There is no backup in what came: it is empty.')
  if (part === 'sessions') {
    throw new ArchiveError(
      'The backup is cut off: its last line, which says how many sessions it holds, is missing.',
    )
  }
}

/** npm announces what it runs where the backup is written to. */
function isNoise({ text }: Line): boolean {
  return text.startsWith('> ') || text.trim() === ''
}

type Fields = Readonly<Record<string, unknown>>

function fieldsOf({ number, text }: Line): Fields {
  const value = parse(text)
  if (isFields(value)) return value
  throw new ArchiveError(`Line ${number} is no JSON object: the backup was cut off or changed.`)
}

/** Without the reason: it would quote what a guest said. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function assertBeginning(fields: Fields, keyFingerprints: readonly string[]): void {
  const { version, key_fingerprint: fingerprint } = fields
  if (fields.format !== format) {
    throw new ArchiveError(`This is no backup of Maya: its first line does not name the format ${format}.`)
  }
  if (version !== formatVersion) {
    const came = Number.isSafeInteger(version) ? String(version) : 'none'
    throw new ArchiveError(`The backup has the version ${came} of its format, allowed is ${formatVersion}.`)
  }
  if (typeof fingerprint !== 'string' || !keyFingerprints.includes(fingerprint)) {
    throw new MasterKeyError(
      'The backup was made under another master key, so that neither its sessions nor the keys sealed in it would be ' +
        'of any use here. Set MAYA_MASTER_KEY to that key, or MAYA_MASTER_KEY_PREVIOUS where there is a new one.',
    )
  }
}

function assertCount(said: unknown, held: number): void {
  if (said === held) return
  const came = Number.isSafeInteger(said) ? String(said) : 'no number'
  throw new ArchiveError(
    `The backup holds ${held} sessions and its last line says ${came}: it was cut off or changed.`,
  )
}

function sessionOf(fields: Fields, line: number): ArchivedSession {
  const { id, expires_at: expiresAt, version, events } = fields
  const isSession =
    typeof id === 'string' &&
    idPattern.test(id) &&
    typeof expiresAt === 'number' &&
    isLog(events) &&
    events.length === version
  if (isSession) return { id, expiresAt, events }
  throw new ArchiveError(`Line ${line} is no session with its whole log: the backup was changed.`)
}

/** A first look: whoever folds it sees whether it fits together. */
function isLog(events: unknown): events is readonly SessionEvent[] {
  return (
    Array.isArray(events) &&
    events.length > 0 &&
    events.every((event) => isFields(event) && typeof event.type === 'string' && typeof event.at === 'number')
  )
}
