import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as wait } from 'node:timers/promises'
import { StoreError } from '../log/store.ts'
import { migrate } from './sqlite-schema.ts'

export interface SqliteFileOptions {
  readonly path: string
  /** How long to wait for another process to let go of the file; default 10 s. */
  readonly waitMs?: number
  /** Called once, when the wait begins. */
  readonly onWaiting?: () => void
}

const retryMs = 250

/** Opens the file for this process alone, in the newest version. Waits for another owner, but not for ever. */
export async function openSqliteFile(options: SqliteFileOptions): Promise<DatabaseSync> {
  const { path, waitMs = 10_000, onWaiting } = options
  // Real time on purpose: another process is waited for, and the wait has to keep this one alive.
  for (let waitedMs = 0; ; waitedMs += retryMs) {
    try {
      return openNow(path)
    } catch (error) {
      if (!isBusy(error) || waitedMs >= waitMs) throw toStoreError(error, path)
    }
    if (waitedMs === 0) onWaiting?.()
    await wait(retryMs)
  }
}

/** What SQLite or the file system said, in our words. */
export function toStoreError(error: unknown, path: string): StoreError {
  if (error instanceof StoreError) return error
  const meaning = meanings[resultCode(error) ?? -1] ?? `could not be read or written: ${reasonOf(error)}`
  return new StoreError(`${path} ${meaning}.`, { cause: error })
}

// https://www.sqlite.org/rescode.html
const busy = 5
const meanings: Readonly<Record<number, string>> = {
  [busy]: 'is in use by another process',
  8: 'is not writable',
  11: 'is damaged',
  13: 'has no room left on its disk',
  14: 'could not be opened',
  26: 'is not a database',
}

function isBusy(error: unknown): boolean {
  return resultCode(error) === busy
}

function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number')
    return undefined
  return error.errcode & 0xff // The upper bytes only say more about the same.
}

/** A fixed text of SQLite's or a code such as `EACCES`. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  if ('errstr' in error) return String(error.errstr)
  return 'code' in error ? String(error.code) : error.name
}

function openNow(path: string): DatabaseSync {
  const file = resolve(path) // An absolute path is never taken for a URI or `:memory:`.
  createFile(file)
  const database = new DatabaseSync(file)
  try {
    configure(database)
    migrate(database, path)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

/** A new file is for this user only; SQLite gives its companions the same mode. */
function createFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  try {
    closeSync(openSync(file, 'wx', 0o600))
  } catch (error) {
    // Never opened when it exists: closing it again would free the lock of an owner in this very process.
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}

function configure(database: DatabaseSync): void {
  database.exec('PRAGMA page_size = 8192') // Takes effect in a new file only.
  // Before the first access: the lock is then never given back, and the index of the WAL lies in memory.
  database.exec('PRAGMA locking_mode = EXCLUSIVE')
  database.exec('PRAGMA journal_mode = WAL')
  database.exec('PRAGMA synchronous = FULL') // An acknowledged append survives the machine's fall, too.
  database.exec('PRAGMA secure_delete = ON') // What is removed is overwritten.
  // A checkpoint holds up everything else: many short ones instead of a long one now and then.
  database.exec('PRAGMA wal_autocheckpoint = 200')
  database.exec(`PRAGMA journal_size_limit = ${4 * 1024 * 1024}`)
}
