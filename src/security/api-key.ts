import { createHash } from 'node:crypto'

/** What is kept of a tenant's key: long random keys need no slow hash. */
export function hashOfApiKey(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}
