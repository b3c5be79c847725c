import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSessionTokens } from '../../src/security/session-token.ts'
import { createVault, type SecretPlace } from '../../src/security/vault.ts'

const masterKey = Buffer.alloc(32, 'k')
const otherKey = Buffer.alloc(32, 'o')
const place: SecretPlace = { workspace: 'default', sessionId: 'session', field: 'gemini' }

const anyText = fc.string({ unit: 'grapheme', maxLength: 600 })
const anyPlace = fc.record({ workspace: fc.string(), sessionId: fc.string(), field: fc.string() })
const anyMasterKey = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes))

describe('a sealed secret', () => {
  it('is opened by every process with the same master key', () => {
    fc.assert(
      fc.property(anyMasterKey, anyText, anyPlace, (key, secret, where) => {
        const sealed = createVault({ masterKey: key }).seal(secret, where)
        const other = createVault({ masterKey: Buffer.from(key) })
        expect(other.open(sealed, where)).toEqual({ ok: true, secret })
        expect(other.isCurrent(sealed)).toBe(true)
      }),
    )
  })

  it('is opened in no other session, workspace or field', () => {
    const vault = createVault({ masterKey })
    fc.assert(
      fc.property(anyText, anyPlace, anyPlace, (secret, where, elsewhere) => {
        fc.pre(JSON.stringify(where) !== JSON.stringify(elsewhere))
        expect(vault.open(vault.seal(secret, where), elsewhere)).toEqual({ ok: false, reason: 'damaged' })
      }),
    )
    const sealed = vault.seal('secret', { ...place, workspace: 'a', sessionId: 'bc' })
    expect(vault.open(sealed, { ...place, workspace: 'ab', sessionId: 'c' }).ok).toBe(false)
  })

  it('is opened with no other master key, and says that it is the key that is missing', () => {
    fc.assert(
      fc.property(anyMasterKey, anyMasterKey, anyText, (key, wrong, secret) => {
        fc.pre(!key.equals(wrong))
        const sealed = createVault({ masterKey: key }).seal(secret, place)
        expect(createVault({ masterKey: wrong }).open(sealed, place)).toEqual({
          ok: false,
          reason: 'unknown-key',
        })
      }),
    )
  })

  it('that claims to be of the key at hand is still not opened', () => {
    const foreign = createVault({ masterKey: otherKey }).seal('secret', place)
    const vault = createVault({ masterKey })
    const [, keyId = ''] = vault.seal('', place).split('.')
    const forged = foreign.replace(/^v1\.[^.]+/, `v1.${keyId}`)
    expect(vault.open(forged, place)).toEqual({ ok: false, reason: 'damaged' })
  })

  it('is not opened when a single character of it is another', () => {
    const vault = createVault({ masterKey })
    fc.assert(
      fc.property(
        anyText,
        fc.nat(),
        fc.constantFrom('A', 'a', '0', '_', '-', '.', 'v', '~', ' ', '='),
        (secret, at, character) => {
          const sealed = vault.seal(secret, place)
          const index = at % sealed.length
          fc.pre(sealed[index] !== character)
          const changed = sealed.slice(0, index) + character + sealed.slice(index + 1)
          expect(vault.open(changed, place).ok).toBe(false)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('has one spelling: no other last character means the same bytes', () => {
    const vault = createVault({ masterKey })
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    for (const secret of ['secret', 'secret-', 'secret--']) {
      const sealed = vault.seal(secret, place)
      for (const character of alphabet) {
        const spelled = sealed.slice(0, -1) + character
        expect(vault.open(spelled, place).ok).toBe(spelled === sealed)
      }
    }
  })

  it('is not opened when it is cut off, longer, or no sealed secret at all', () => {
    const vault = createVault({ masterKey })
    const sealed = vault.seal('secret', place)
    for (let length = 0; length < sealed.length; length++) {
      expect(vault.open(sealed.slice(0, length), place)).toEqual({ ok: false, reason: 'damaged' })
    }
    fc.assert(fc.property(fc.string(), (text) => !vault.open(text, place).ok))
    for (const more of ['A', 'AAAA', '\n', '.']) expect(vault.open(sealed + more, place).ok).toBe(false)
  })

  it('is another text each time, and shows nothing of the secret but its length', () => {
    const vault = createVault({ masterKey })
    const sealed = Array.from({ length: 100 }, () => vault.seal('AIza-Canary-Secret', place))
    expect(new Set(sealed).size).toBe(100)
    expect(new Set(sealed.map((text) => text.slice(12, 28))).size).toBe(100)
    for (const text of sealed) {
      expect(text).toMatch(/^v1\.[\w-]{8}\.[\w-]+$/)
      const bytes = Buffer.from(text.split('.')[2] ?? '', 'base64url')
      expect(text + bytes.toString('latin1')).not.toContain('Canary')
    }
  })
})

describe('a rotated master key', () => {
  it('opens what the previous one has sealed, and seals with its own', () => {
    const before = createVault({ masterKey: otherKey })
    const after = createVault({ masterKey, previousMasterKey: otherKey })
    const sealed = before.seal('secret', place)
    expect(after.open(sealed, place)).toEqual({ ok: true, secret: 'secret' })
    expect(after.isCurrent(sealed)).toBe(false)
    const fresh = after.seal('secret', place)
    expect(after.isCurrent(fresh)).toBe(true)
    expect(createVault({ masterKey }).open(fresh, place)).toEqual({ ok: true, secret: 'secret' })
    expect(before.open(fresh, place)).toEqual({ ok: false, reason: 'unknown-key' })
  })
})

it('a fingerprint is the same for the same secret of the same place, and needs the master key', () => {
  const vault = createVault({ masterKey })
  const fingerprint = vault.fingerprint('secret', place)
  expect(createVault({ masterKey }).fingerprint('secret', place)).toBe(fingerprint)
  const others = [
    vault.fingerprint('secret2', place),
    vault.fingerprint('secret', { ...place, sessionId: 'other' }),
    vault.fingerprint('secret', { ...place, field: 'cartesia' }),
    createVault({ masterKey: otherKey }).fingerprint('secret', place),
  ]
  expect(new Set([fingerprint, ...others]).size).toBe(5)
})

it('nothing of the master key or of a session token is in what the vault makes', () => {
  const key = randomBytes(32)
  const sealed = createVault({ masterKey: key }).seal('secret', place)
  const { token } = createSessionTokens({ masterKey: key }).mint()
  const [, keyId = ''] = sealed.split('.')
  expect(key.toString('base64url')).not.toContain(keyId)
  expect(token).not.toContain(keyId)
})
