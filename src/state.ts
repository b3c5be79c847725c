// Backup and restore of all sessions, in lines of JSON on standard output and input. Words for people go to stderr.
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { ArchiveError } from './backup/archive-error.ts'
import { readArchive, writeArchive } from './backup/archive.ts'
import { fingerprintOf } from './backup/key-fingerprint.ts'
import { linesOf } from './backup/lines.ts'
import { restoreAll, type Restored } from './backup/restore.ts'
import { spool, type Spool } from './backup/spool.ts'
import { systemClock } from './clock.ts'
import { limits } from './config/limits.ts'
import { describeProblem, readSettings, type Settings } from './config/settings.ts'
import { readVariables, VariablesError } from './config/variables.ts'
import { StoreError, type Store } from './log/store.ts'
import { loadMasterKey, MasterKeyError } from './security/master-key.ts'
import { keyFileOf, openStore } from './service-store.ts'

/** `usage` is EX_USAGE of sysexits.h, `configuration` EX_CONFIG. */
const exitCodes = { success: 0, failure: 1, usage: 64, configuration: 78 } as const

const usage = `Keeps all sessions of the store that MAYA_STORE_URL names, or brings them back:

  npm run state -- export > maya-state.jsonl
  npm run state -- import < maya-state.jsonl

Both need the master key of the server. A SQLite file belongs to one process, so stop its server before.
The backup holds what guests said, and their keys, sealed: keep it like the store.
`

/** How long a database is waited for: a server may just be closing it. */
const storeWaitMs = 5000

const commands: ReadonlyMap<string, (settings: Settings) => Promise<string>> = new Map([
  ['export', exportState],
  ['import', importState],
])

const wordsOf = {
  imported: 'imported',
  present: 'already there',
  expired: 'expired',
  different: 'there with another log',
  changed: 'in use at this moment',
  unreadable: 'not readable by this version of Maya',
} as const satisfies Record<Restored, string>

/** Settings with which nothing can be kept or brought back. */
class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

const configurationErrors = [SettingsError, VariablesError, MasterKeyError]

process.exitCode = await run(process.argv.slice(2))

async function run(words: readonly string[]): Promise<number> {
  if (words.includes('--help') || words.includes('-h')) return tell(usage, exitCodes.success)
  const [name = '', ...others] = words
  const command = commands.get(name)
  const isTyped = name === 'import' && process.stdin.isTTY
  if (command === undefined || others.length > 0 || isTyped) return tell(usage, exitCodes.usage)
  try {
    return tell(`${await command(settingsOfProcess())}\n`, exitCodes.success)
  } catch (error) {
    return tell(`The ${name} has failed. ${messageOf(error)}\n`, exitCodeOf(error))
  }
}

function tell(text: string, exitCode: number): number {
  process.stderr.write(text)
  return exitCode
}

function exitCodeOf(error: unknown): number {
  const isConfiguration = configurationErrors.some((kind) => error instanceof kind)
  return isConfiguration ? exitCodes.configuration : exitCodes.failure
}

/** Of what can be expected to fail; anything else is a defect, which shows itself with its stack. */
function messageOf(error: unknown): string {
  const isOurs = [...configurationErrors, StoreError, ArchiveError].some((kind) => error instanceof kind)
  if (error instanceof Error && isOurs) return error.message
  if (!(error instanceof Error && 'syscall' in error && 'code' in error)) throw error
  return 'path' in error ? error.message : streamMessage(String(error.code))
}

/** Of standard input and output, which have no path. */
function streamMessage(code: string): string {
  if (code === 'EPIPE') return 'Whoever reads the backup has stopped reading: it is not whole.'
  if (code === 'ENOSPC') return 'There is no room left where the backup is written: it is not whole.'
  return `Standard input or output has failed (${code}).`
}

async function exportState(settings: Settings): Promise<string> {
  const { store: address } = settings
  if (address.kind === 'sqlite' && !existsSync(address.file)) {
    throw new StoreError(`There is no database ${address.file}: MAYA_STORE_URL names the one to keep.`)
  }
  const keyFingerprint = fingerprintOf(masterKeyOf(settings))
  // Whoever waits for a write is told when it fails.
  process.stdout.on('error', () => {})
  const now = systemClock.date()
  const { sessions, expired } = await withStore(settings, (store) =>
    writeArchive({ store, keyFingerprint, now, write: writeOut }),
  )
  return expired === 0 ? `${sessions} exported` : `${sessions} exported, ${expired} left out (expired)`
}

function writeOut(line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(line, (error) => (error ? reject(error) : resolve()))
  })
}

async function importState(settings: Settings): Promise<string> {
  const keys = [masterKeyOf(settings), settings.masterKeyPrevious]
  const fingerprints = keys.filter((key) => key !== null).map(fingerprintOf)
  const backup = await spool(process.stdin, tmpdir())
  try {
    await check(backup, fingerprints)
    return await withStore(settings, async (store) => {
      const options = { store, bounds: limits, now: systemClock.date() }
      return describeRestored(await restoreAll(sessionsOf(backup, fingerprints), options))
    })
  } finally {
    await backup.close()
  }
}

/** Reads the backup to its end, so that nothing is written of one that is not whole. */
async function check(backup: Spool, fingerprints: readonly string[]): Promise<void> {
  const sessions = sessionsOf(backup, fingerprints)
  while (!(await sessions.next()).done);
}

function sessionsOf(backup: Spool, fingerprints: readonly string[]): ReturnType<typeof readArchive> {
  return readArchive(linesOf(backup.read()), fingerprints)
}

/** `3 imported, 2 skipped (1 already there, 1 expired)` */
function describeRestored(counts: ReadonlyMap<Restored, number>): string {
  const skipped = [...counts].filter(([restored]) => restored !== 'imported')
  const sum = skipped.reduce((before, [, count]) => before + count, 0)
  const reasons = skipped.map(([restored, count]) => `${count} ${wordsOf[restored]}`)
  const why = sum === 0 ? '' : ` (${reasons.join(', ')})`
  return `${counts.get('imported') ?? 0} imported, ${sum} skipped${why}`
}

/** Read as the server does. */
function settingsOfProcess(): Settings {
  const result = readSettings(readVariables(process.env))
  if (!result.ok) {
    const problems = result.problems.map((problem) => `\n  ${describeProblem(problem)}`)
    throw new SettingsError(`These settings are wrong:${problems.join('')}`)
  }
  if (result.settings.store.kind === 'memory') {
    throw new SettingsError(
      'MAYA_STORE_URL is memory:, which only the server itself can reach and which ends with it. ' +
        'Sessions in sqlite:FILE or a shared store can be kept.',
    )
  }
  return result.settings
}

/** The key that the server has. Unlike a server, this makes none: a new one would fit no session. */
function masterKeyOf(settings: Settings): Buffer {
  const keyFile = keyFileOf(settings)
  const { masterKey: configured } = settings
  if (configured === null && keyFile !== null && !existsSync(keyFile)) {
    throw new MasterKeyError(
      `The master key of the server is needed: set MAYA_MASTER_KEY, or bring its file to ${keyFile}.`,
    )
  }
  return loadMasterKey({ configured, keyFile, isStoreShared: keyFile === null, randomBytes }).key
}

async function withStore<Result>(
  settings: Settings,
  use: (store: Store) => Promise<Result>,
): Promise<Result> {
  const store = await openOrExplain(settings)
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}

async function openOrExplain(settings: Settings): Promise<Store> {
  let hasWaited = false
  const onWaiting = (reason: string): void => {
    hasWaited = true
    process.stderr.write(`${reason} Waiting for it ...\n`)
  }
  try {
    return await openStore(settings, { clock: systemClock, waitMs: storeWaitMs, onWaiting })
  } catch (error) {
    const isHeld = hasWaited && settings.store.kind === 'sqlite'
    if (!isHeld || !(error instanceof StoreError)) throw error
    throw new StoreError(
      `${error.message} A server keeps its SQLite file to itself as long as it runs: stop it first.`,
      { cause: error },
    )
  }
}
