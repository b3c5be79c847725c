import {
  createHash,
  createHmac,
  createSecretKey,
  hkdfSync,
  randomBytes as systemRandomBytes,
  timingSafeEqual,
  type KeyObject,
} from 'node:crypto'

/** Mints and checks what a client shows as its session id: `<id>.<signature>`. */
export interface SessionTokens {
  /** A new id of 128 random bits, and its token. */
  mint(): { readonly token: string; readonly id: string }
  /** The token of an id that was minted before, signed with the current key. */
  tokenOf(id: string): string
  /** The id of a genuine token; undefined for every other text. */
  idOf(token: string): string | undefined
}

export interface SessionTokensOptions {
  readonly masterKey: Buffer
  /** Tokens that were signed with it stay good. */
  readonly previousMasterKey?: Buffer | null
  readonly randomBytes?: (size: number) => Buffer
}

const idBytes = 16
/** Tokens that are remembered, because every request of a session needs its token several times. */
const signedMax = 1000
const idPattern = /^[\w-]{22}$/
const tokenPattern = /^([\w-]{22})\.[\w-]{43}$/

/** The signature is over the text of the id: a token has one spelling, and decoding cannot add others. */
export function createSessionTokens(options: SessionTokensOptions): SessionTokens {
  const { masterKey, previousMasterKey = null, randomBytes = systemRandomBytes } = options
  const key = deriveKey(masterKey)
  const keys = previousMasterKey === null ? [key] : [key, deriveKey(previousMasterKey)]

  const signed = new Map<string, string>()

  function tokenOf(id: string): string {
    const known = signed.get(id)
    if (known !== undefined) return known
    if (!idPattern.test(id)) throw new Error('A session id has 22 characters of base64url.')
    const token = sign(id, key)
    if (signed.size >= signedMax) signed.clear()
    signed.set(id, token)
    return token
  }

  return {
    mint() {
      const id = randomBytes(idBytes).toString('base64url')
      return { token: tokenOf(id), id }
    },
    tokenOf,
    idOf(token) {
      const id = tokenPattern.exec(token)?.[1]
      if (id === undefined) return undefined
      // Only ids that were found genuine are remembered, so that made-up ones cannot crowd them out.
      const known = signed.get(id)
      const isGenuine =
        (known !== undefined && isSameText(token, known)) ||
        keys.some((candidate) => isSameText(token, sign(id, candidate)))
      return isGenuine ? id : undefined
    },
  }
}

/** Names a session in logs: tells sessions apart and opens none. */
export function hashOfId(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 12)
}

function sign(id: string, key: KeyObject): string {
  return `${id}.${createHmac('sha256', key).update(id).digest('base64url')}`
}

/** A key object, because Node takes several times as long to sign with the bytes. */
function deriveKey(masterKey: Buffer): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', masterKey, '', 'maya session token', 32)))
}

/** Takes the same time wherever two texts of the same length differ. Both are ASCII here. */
function isSameText(left: string, right: string): boolean {
  return timingSafeEqual(Buffer.from(left), Buffer.from(right))
}
