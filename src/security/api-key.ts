import { createHash, timingSafeEqual } from 'node:crypto'

/** A tenant's key, of which only a hash is kept. */
export interface ApiKey {
  readonly hash: Buffer
  readonly workspace: string
}

/** What is kept of a tenant's key: long random keys need no slow hash. */
export function hashOfApiKey(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

/** Whose key it is; undefined for an unknown one. Compares with every key, so that time tells nothing of any. */
export function workspaceOfApiKey(key: string, known: readonly ApiKey[]): string | undefined {
  const hash = hashOfApiKey(key)
  return known.filter((candidate) => timingSafeEqual(candidate.hash, hash))[0]?.workspace
}
