import type { DatabaseSync } from 'node:sqlite'
import { StoreError } from '../log/store.ts'

/** Written into every file of ours, so that somebody else's database is never changed: `Maya` in ASCII. */
const applicationId = 0x4d617961

/**
 * The n-th entry brings a file from version n to n + 1. Entries are never changed, only added.
 *
 * An entry is what one append added; its `version` is the log's after it. Entries lie in the file in the order in
 * which they were written, and sessions are named by small numbers, so that appends of one transaction touch few
 * pages: a third of the time and of the file that entries clustered by session id took.
 * Snapshots have a table of their own: every append updates the row of its session, and would rewrite them, too.
 */
const migrations: readonly string[] = [
  `CREATE TABLE sessions (
     key INTEGER PRIMARY KEY,
     id TEXT NOT NULL UNIQUE,
     version INTEGER NOT NULL,
     expires_at REAL NOT NULL
   ) STRICT;
   CREATE INDEX sessions_by_expiry ON sessions (expires_at);
   CREATE TABLE entries (
     session INTEGER NOT NULL,
     version INTEGER NOT NULL,
     events TEXT NOT NULL,
     UNIQUE (session, version)
   ) STRICT;
   CREATE TABLE snapshots (
     session INTEGER PRIMARY KEY,
     version INTEGER NOT NULL,
     state TEXT NOT NULL
   ) STRICT;
   PRAGMA application_id = ${applicationId};`,
  `CREATE TABLE counters (
     name TEXT PRIMARY KEY,
     sum REAL NOT NULL,
     expires_at REAL NOT NULL
   ) STRICT;
   CREATE INDEX counters_by_expiry ON counters (expires_at);`,
]

/** Brings the file to the version that this program writes, or refuses one that it does not know. */
export function migrate(database: DatabaseSync, path: string): void {
  const present = numberOf(database, 'PRAGMA user_version')
  if (present > migrations.length) {
    throw new StoreError(
      `${path} was written by a newer Maya: it has version ${present}, this one knows up to ${migrations.length}.`,
    )
  }
  const isEmpty = present === 0 && numberOf(database, 'SELECT count(*) FROM sqlite_schema') === 0
  if (!isEmpty && numberOf(database, 'PRAGMA application_id') !== applicationId) {
    throw new StoreError(`${path} is the database of another program.`)
  }
  for (const [version, migration] of migrations.entries()) {
    if (version < present) continue
    database.exec(`BEGIN IMMEDIATE; ${migration}; PRAGMA user_version = ${version + 1}; COMMIT`)
  }
}

function numberOf(database: DatabaseSync, query: string): number {
  const [value] = Object.values(database.prepare(query).get() ?? {})
  return Number(value)
}
