import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../clock.ts'
import type { SessionEvent } from '../log/events.ts'
import {
  StoreError,
  type Append,
  type AppendResult,
  type Snapshot,
  type Store,
  type StoredLog,
} from '../log/store.ts'
import { Leases } from './leases.ts'
import { openSqliteFile, toStoreError, type SqliteFileOptions } from './sqlite-file.ts'

export interface SqliteStoreOptions extends SqliteFileOptions {
  readonly clock: Clock
}

/** Keeps the logs in one file that belongs to this process alone. */
export async function openSqliteStore({ clock, ...file }: SqliteStoreOptions): Promise<Store> {
  return new SqliteStore(await openSqliteFile(file), file.path, clock)
}

/** One change that waits for the next transaction. */
interface Write {
  /** Runs inside the transaction. */
  run(): void
  /** Runs after the commit. */
  succeed(): void
  fail(error: StoreError): void
}

/** How long one transaction takes up new changes, so that many of them do not hold up everything else. */
const transactionMs = 2

/**
 * Changes of the same tick share one transaction, and with it one wait for the disk. Those that wait are bounded by
 * their callers, each of whom waits for the answer. Reads see what is committed.
 * Leases live in memory: as long as this process has the file, all owners do, and those of earlier ones are dead.
 */
class SqliteStore implements Store {
  readonly description: string
  readonly shared = false
  readonly #database: DatabaseSync
  readonly #path: string
  readonly #clock: Clock
  readonly #statements: Statements
  readonly #leases: Leases
  #writes: Write[] = []
  #closed = false

  constructor(database: DatabaseSync, path: string, clock: Clock) {
    this.description = `sqlite:${path}`
    this.#database = database
    this.#path = path
    this.#clock = clock
    this.#statements = prepare(database)
    this.#leases = new Leases(clock)
  }

  async append({ id, expectedVersion, events, expiresAt, owner }: Append): Promise<AppendResult> {
    const text = JSON.stringify(events)
    const { addSession, extend, addEntry } = this.#statements
    return this.#write((): AppendResult => {
      if (owner !== undefined && !this.#leases.isHeldBy(id, owner)) return { ok: false, reason: 'lease-lost' }
      const session = this.#statements.session.get(id)
      if (Number(session?.version ?? 0) !== expectedVersion) return { ok: false, reason: 'conflict' }
      const version = expectedVersion + events.length
      if (events.length > 0) {
        const key = Number(session?.key ?? addSession.run(id, version, expiresAt).lastInsertRowid)
        if (session !== undefined) extend.run(version, expiresAt, key)
        addEntry.run(key, version, text)
      }
      return { ok: true, version }
    })
  }

  async load(id: string): Promise<StoredLog | undefined> {
    return this.#read(() => {
      const session = this.#statements.sessionWithSnapshot.get(id)
      if (session === undefined) return undefined
      const version = Number(session.version)
      const snapshot =
        session.state === null
          ? undefined
          : { version: Number(session.snapshot_version), state: this.#parse(session.state) }
      const after = snapshot?.version ?? 0
      const events = this.#eventsOf(this.#statements.entriesAfter.all(Number(session.key), after))
      // The first entry may have begun before the snapshot.
      const later = events.slice(events.length - (version - after))
      return { version, snapshot, events: later, expiresAt: Number(session.expires_at) }
    })
  }

  async events(id: string): Promise<readonly SessionEvent[]> {
    return this.#read(() => this.#eventsOf(this.#statements.entries.all(id)))
  }

  async version(id: string): Promise<number> {
    return this.#read(() => Number(this.#statements.session.get(id)?.version ?? 0))
  }

  async saveSnapshot(id: string, { version, state }: Snapshot): Promise<void> {
    const text = JSON.stringify(state)
    await this.#write(() => this.#statements.saveSnapshot.run({ id, version, state: text }))
  }

  async touch(id: string, expiresAt: number): Promise<void> {
    await this.#write(() => this.#statements.touch.run(expiresAt, id))
  }

  async expired(now: number, max: number): Promise<readonly string[]> {
    return this.#read(() => this.#statements.expired.all(now, max).map((row) => String(row.id)))
  }

  async ids(after = '', max: number): Promise<readonly string[]> {
    return this.#read(() => this.#statements.ids.all(after, max).map((row) => String(row.id)))
  }

  async remove(id: string, expiredBefore = Infinity): Promise<boolean> {
    const removed = await this.#write(() => {
      const session = this.#statements.removeSession.get(id, expiredBefore)
      if (session === undefined) return false
      const key = Number(session.key)
      this.#statements.removeEntries.run(key)
      this.#statements.removeSnapshot.run(key)
      return true
    })
    if (removed) this.#leases.forget(id)
    return removed
  }

  async acquireLease(id: string, owner: string, durationMs: number): Promise<boolean> {
    this.#assertOpen()
    return this.#leases.acquire(id, owner, durationMs)
  }

  async renewLease(id: string, owner: string, durationMs: number): Promise<boolean> {
    this.#assertOpen()
    return this.#leases.renew(id, owner, durationMs)
  }

  async releaseLease(id: string, owner: string): Promise<void> {
    this.#assertOpen()
    this.#leases.release(id, owner)
  }

  async count(name: string, amount: number, expiresAt: number): Promise<number> {
    const now = this.#clock.date()
    const { counter, count, dropCounters } = this.#statements
    if (amount === 0) return this.#read(() => Number(counter.get(name, now)?.sum ?? 0))
    return this.#write(() => {
      dropCounters.run(now)
      return Number(count.get({ name, amount, expiresAt })?.sum)
    })
  }

  /** What was asked for before is still written. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    while (this.#writes.length > 0) this.#commit()
    this.#database.close() // The last connection to go folds the WAL into the file and deletes it.
  }

  #eventsOf(rows: readonly Record<string, unknown>[]): readonly SessionEvent[] {
    return rows.flatMap<SessionEvent>((row) => this.#parse(row.events))
  }

  #parse(text: unknown) {
    try {
      return JSON.parse(String(text))
    } catch {
      // Without the cause: it would quote what a guest said.
      throw new StoreError(`${this.#path} holds an entry that is not JSON.`)
    }
  }

  #read<Result>(run: () => Result): Result {
    this.#assertOpen()
    try {
      return run()
    } catch (error) {
      throw toStoreError(error, this.#path)
    }
  }

  #write<Result>(change: () => Result): Promise<Result> {
    this.#assertOpen()
    if (this.#writes.length === 0) setImmediate(() => this.#commit())
    return new Promise((resolve, reject) => {
      let result: Result
      this.#writes.push({
        run: () => (result = change()),
        succeed: () => resolve(result),
        fail: reject,
      })
    })
  }

  /** Writes what is waiting, or as much of it as fits into the time; the rest comes at once, but after others. */
  #commit(): void {
    if (this.#writes.length === 0) return // `close` was quicker.
    const endsAt = this.#clock.now() + transactionMs
    let written: readonly Write[]
    try {
      this.#statements.beginTransaction.run()
      written = this.#runUntil(endsAt)
      this.#statements.commit.run()
    } catch (error) {
      this.#fail(toStoreError(error, this.#path))
      return
    }
    this.#writes = this.#writes.slice(written.length)
    if (this.#writes.length > 0) setImmediate(() => this.#commit())
    for (const write of written) write.succeed()
  }

  #runUntil(endsAt: number): readonly Write[] {
    for (const [index, write] of this.#writes.entries()) {
      write.run()
      if (this.#clock.now() >= endsAt) return this.#writes.slice(0, index + 1)
    }
    return this.#writes
  }

  #fail(failure: StoreError): void {
    const writes = this.#writes
    this.#writes = []
    for (const write of writes) write.fail(failure)
    if (this.#database.isTransaction) this.#statements.rollback.run()
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError('The store is closed.')
  }
}

type Statements = ReturnType<typeof prepare>

function prepare(database: DatabaseSync) {
  return {
    beginTransaction: database.prepare('BEGIN IMMEDIATE'),
    commit: database.prepare('COMMIT'),
    rollback: database.prepare('ROLLBACK'),
    session: database.prepare('SELECT key, version FROM sessions WHERE id = ?'),
    addSession: database.prepare('INSERT INTO sessions (id, version, expires_at) VALUES (?, ?, ?)'),
    extend: database.prepare('UPDATE sessions SET version = ?, expires_at = ? WHERE key = ?'),
    addEntry: database.prepare('INSERT INTO entries (session, version, events) VALUES (?, ?, ?)'),
    sessionWithSnapshot: database.prepare(
      `SELECT key, sessions.version, expires_at, snapshots.version AS snapshot_version, state
       FROM sessions LEFT JOIN snapshots ON session = key WHERE id = ?`,
    ),
    entriesAfter: database.prepare(
      'SELECT events FROM entries WHERE session = ? AND version > ? ORDER BY version',
    ),
    entries: database.prepare(
      `SELECT events FROM entries JOIN sessions ON key = session
       WHERE id = ? ORDER BY entries.version`,
    ),
    saveSnapshot: database.prepare(
      `INSERT INTO snapshots SELECT key, :version, :state FROM sessions WHERE id = :id AND version >= :version
       ON CONFLICT DO UPDATE SET version = excluded.version, state = excluded.state
       WHERE snapshots.version < excluded.version`,
    ),
    touch: database.prepare('UPDATE sessions SET expires_at = ? WHERE id = ?'),
    expired: database.prepare('SELECT id FROM sessions WHERE expires_at <= ? ORDER BY expires_at LIMIT ?'),
    ids: database.prepare('SELECT id FROM sessions WHERE id > ? ORDER BY id LIMIT ?'),
    removeSession: database.prepare('DELETE FROM sessions WHERE id = ? AND expires_at <= ? RETURNING key'),
    removeEntries: database.prepare('DELETE FROM entries WHERE session = ?'),
    removeSnapshot: database.prepare('DELETE FROM snapshots WHERE session = ?'),
    counter: database.prepare('SELECT sum FROM counters WHERE name = ? AND expires_at > ?'),
    count: database.prepare(
      `INSERT INTO counters VALUES (:name, :amount, :expiresAt)
       ON CONFLICT DO UPDATE SET sum = sum + excluded.sum, expires_at = excluded.expires_at RETURNING sum`,
    ),
    dropCounters: database.prepare('DELETE FROM counters WHERE expires_at <= ?'),
  }
}
