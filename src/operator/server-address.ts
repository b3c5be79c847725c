import { unescape } from 'node:querystring'

/** Where a server is found. */
export interface ServerAddress {
  /** Scheme, host, port and path, without a slash at the end. Holds no secret. */
  readonly url: string
  /** Whether that is the machine that asks. */
  readonly isThisMachine: boolean
  /** The header that the credentials of the URL make; undefined without any. */
  readonly authorization: string | undefined
}

export const allowedAddress = 'an address that begins with http:// or https://, such as http://localhost:8000'

/** Undefined where the text is no such address. Query and fragment do not count. */
export function parseServerAddress(text: string): ServerAddress | undefined {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return undefined
  const { origin, pathname, hostname, username, password } = new URL(text)
  const credentials = Buffer.from(`${unescape(username)}:${unescape(password)}`).toString('base64')
  return {
    url: `${origin}${pathname}`.replace(/\/+$/, ''),
    isThisMachine: /^(?:(?:.+\.)?localhost|127\.[\d.]+|0\.0\.0\.0|\[::1?\])$/.test(hostname),
    authorization: username + password === '' ? undefined : `Basic ${credentials}`,
  }
}
