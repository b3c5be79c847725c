import { expect, it } from 'vitest'
import { fingerprintOf } from '../../src/backup/key-fingerprint.ts'
import { spellingsOf } from '../../src/security/master-key.ts'

it('is the same for the same key, another for any other, and shows nothing of it', () => {
  const key = Buffer.alloc(32, 'k')
  expect(fingerprintOf(key)).toBe(fingerprintOf(Buffer.from(key)))
  expect(fingerprintOf(key)).toMatch(/^[0-9a-f]{16}$/)
  const other = Buffer.from(key)
  other[31] = 0
  expect(fingerprintOf(other)).not.toBe(fingerprintOf(key))
  expect(spellingsOf(key).join(' ')).not.toContain(fingerprintOf(key))
})
