import { hkdfSync } from 'node:crypto'

const fingerprintBytes = 8

/** Tells master keys apart, in 16 hexadecimal digits that lead back to none of them. */
export function fingerprintOf(masterKey: Buffer): string {
  const derived = hkdfSync('sha256', masterKey, '', 'maya backup fingerprint', fingerprintBytes)
  return Buffer.from(derived).toString('hex')
}
