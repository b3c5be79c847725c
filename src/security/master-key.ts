import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

/** The secret that every other key of the server is derived from. */
export interface MasterKey {
  readonly key: Buffer
  /** `process`: made for this process only, everything signed with it ends with the process. */
  readonly source: 'setting' | 'file' | 'process'
}

export interface MasterKeyOptions {
  /** The operator's own key; it goes before the file. */
  readonly configured: Buffer | null
  /** Where a key is kept that the server makes for itself; null where nothing outlives the process. */
  readonly keyFile: string | null
  /** Whether other processes use the same store: then only a configured key is one that all of them have. */
  readonly isStoreShared: boolean
  readonly randomBytes: (size: number) => Buffer
}

export const masterKeyBytes = 32

/** The configured key, else the one of the file (made on the first start), else one for this process. */
export function loadMasterKey(options: MasterKeyOptions): MasterKey {
  const { configured, keyFile, isStoreShared, randomBytes } = options
  if (configured !== null) return { key: configured, source: 'setting' }
  if (isStoreShared) {
    throw new MasterKeyError(
      'The store is shared by several processes, and every one of them needs the same MAYA_MASTER_KEY. It is not set.',
    )
  }
  if (keyFile === null) return { key: randomBytes(masterKeyBytes), source: 'process' }
  try {
    const key = readKeyFile(keyFile) ?? createKeyFile(keyFile, randomBytes)
    return { key, source: 'file' }
  } catch (error) {
    if (error instanceof MasterKeyError) throw error
    const reason = error instanceof Error ? error.message : 'unknown'
    throw new MasterKeyError(
      `The key file ${keyFile} cannot be used (${reason}). With MAYA_MASTER_KEY set it is not needed.`,
      { cause: error },
    )
  }
}

/** The message names the file, never what is in it. */
export class MasterKeyError extends Error {
  override readonly name = 'MasterKeyError'
}

/** 32 bytes as base64 or base64url, with or without padding; so is a Fernet key. Undefined is anything else. */
export function parseMasterKey(text: string): Buffer | undefined {
  const unpadded = text.replace(/=$/, '').replaceAll('+', '-').replaceAll('/', '_')
  const key = Buffer.from(unpadded, 'base64url')
  // Writing it again shows characters that decoding skipped and bits that it dropped.
  return key.length === masterKeyBytes && key.toString('base64url') === unpadded ? key : undefined
}

/** How a key may be written, without padding: what nobody may ever read. */
export function spellingsOf(key: Buffer): readonly string[] {
  const base64 = key.toString('base64').replace('=', '')
  return [...new Set([base64, key.toString('base64url'), key.toString('hex')])]
}

function readKeyFile(keyFile: string): Buffer | undefined {
  const text = readIfThere(keyFile)
  if (text === undefined) return undefined
  const key = parseMasterKey(text.trim())
  if (key === undefined) {
    throw new MasterKeyError(
      `The key file ${keyFile} is damaged: it must hold 32 bytes in base64. Restore it, or set MAYA_MASTER_KEY, ` +
        'or remove it to start with a new key, which ends every session and stored key of the old one.',
    )
  }
  return key
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (isErrorWithCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/**
 * A link appears with its whole content and never replaces a file, so of several processes that start at once
 * one gives the key and all read the same.
 */
function createKeyFile(keyFile: string, randomBytes: (size: number) => Buffer): Buffer {
  mkdirSync(dirname(keyFile), { recursive: true })
  const temporary = `${keyFile}.${randomBytes(8).toString('hex')}`
  try {
    writeDurably(temporary, `${randomBytes(masterKeyBytes).toString('base64')}\n`)
    linkUnlessThere(temporary, keyFile)
  } finally {
    rmSync(temporary, { force: true })
  }
  const key = readKeyFile(keyFile)
  if (key === undefined) throw new MasterKeyError(`The key file ${keyFile} disappeared while it was made.`)
  return key
}

function writeDurably(file: string, text: string): void {
  const descriptor = openSync(file, 'wx', 0o600)
  try {
    writeSync(descriptor, text)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function linkUnlessThere(from: string, to: string): void {
  try {
    linkSync(from, to)
  } catch (error) {
    if (!isErrorWithCode(error, 'EEXIST')) throw error
  }
}

function isErrorWithCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
