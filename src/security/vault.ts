import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  randomBytes as systemRandomBytes,
  type KeyObject,
} from 'node:crypto'

/** Where a secret belongs. What was sealed for one place cannot be opened for another. */
export interface SecretPlace {
  readonly workspace: string
  readonly sessionId: string
  /** `gemini`, `cartesia`, ... */
  readonly field: string
}

/** `unknown-key`: sealed with a master key that this process does not have; `damaged`: changed, or of another place. */
export type Opened =
  | { readonly ok: true; readonly secret: string }
  | { readonly ok: false; readonly reason: 'unknown-key' | 'damaged' }

/** Seals secrets for the store. Every process with the same master key opens what another has sealed. */
export interface Vault {
  seal(secret: string, place: SecretPlace): string
  /** Never a wrong secret: whatever is not exactly what was sealed for this place is not opened. */
  open(sealed: string, place: SecretPlace): Opened
  /** False for what the previous master key has sealed. */
  isCurrent(sealed: string): boolean
  /** Tells secrets of one place apart; without the master key nobody can try which secret it is of. */
  fingerprint(secret: string, place: SecretPlace): string
}

export interface VaultOptions {
  readonly masterKey: Buffer
  /** It opens what it has sealed, and seals nothing any more. */
  readonly previousMasterKey?: Buffer | null
  readonly randomBytes?: (size: number) => Buffer
}

interface VaultKey {
  /** Says which master key it is derived from, and nothing about it. */
  readonly id: string
  readonly sealing: KeyObject
}

const cipher = 'aes-256-gcm'
const keyIdBytes = 6
/** 96 random bits: safe for 2^32 secrets under one master key. */
const nonceBytes = 12
const tagBytes = 16
const sealedPattern = /^v1\.([\w-]{8})\.([\w-]{38,})$/

/** The text of a sealed secret is `v1.<key id>.<nonce, ciphertext and tag>`. */
export function createVault(options: VaultOptions): Vault {
  const { masterKey, previousMasterKey = null, randomBytes = systemRandomBytes } = options
  const current = deriveKey(masterKey)
  const keys = previousMasterKey === null ? [current] : [current, deriveKey(previousMasterKey)]
  const fingerprinting = createSecretKey(derive(masterKey, 'maya vault fingerprint', 32))

  return {
    seal(secret, place) {
      const nonce = randomBytes(nonceBytes)
      const sealing = createCipheriv(cipher, current.sealing, nonce, { authTagLength: tagBytes })
      sealing.setAAD(boundTo(current.id, place))
      const hidden = Buffer.concat([sealing.update(secret, 'utf8'), sealing.final()])
      const bytes = Buffer.concat([nonce, hidden, sealing.getAuthTag()])
      return `v1.${current.id}.${bytes.toString('base64url')}`
    },
    open(sealed, place) {
      const [, id, text = ''] = sealedPattern.exec(sealed) ?? []
      const bytes = Buffer.from(text, 'base64url')
      // Decoding drops bits of the last character: a sealed text has one spelling.
      if (id === undefined || bytes.toString('base64url') !== text) return { ok: false, reason: 'damaged' }
      const key = keys.find((candidate) => candidate.id === id)
      return key === undefined ? { ok: false, reason: 'unknown-key' } : unseal(key, bytes, place)
    },
    isCurrent: (sealed) => sealed.startsWith(`v1.${current.id}.`),
    fingerprint: (secret, place) =>
      createHmac('sha256', fingerprinting)
        .update(boundTo(current.id, place))
        .update(secret)
        .digest('base64url'),
  }
}

function unseal({ id, sealing }: VaultKey, bytes: Buffer, place: SecretPlace): Opened {
  const unsealing = createDecipheriv(cipher, sealing, bytes.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  })
  unsealing.setAAD(boundTo(id, place))
  unsealing.setAuthTag(bytes.subarray(-tagBytes))
  const hidden = unsealing.update(bytes.subarray(nonceBytes, -tagBytes))
  try {
    return { ok: true, secret: Buffer.concat([hidden, unsealing.final()]).toString('utf8') }
  } catch {
    // `final` fails for one reason: the tag is not that of these bytes, this key and this place.
    return { ok: false, reason: 'damaged' }
  }
}

/** The one text for a place, whatever its parts hold. */
function boundTo(keyId: string, { workspace, sessionId, field }: SecretPlace): Buffer {
  return Buffer.from(JSON.stringify(['v1', keyId, workspace, sessionId, field]))
}

function deriveKey(masterKey: Buffer): VaultKey {
  return {
    id: derive(masterKey, 'maya vault key id', keyIdBytes).toString('base64url'),
    sealing: createSecretKey(derive(masterKey, 'maya vault', 32)),
  }
}

function derive(masterKey: Buffer, purpose: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', masterKey, '', purpose, bytes))
}
