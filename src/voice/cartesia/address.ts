/** The version of the interface that all of this is written for. */
const apiVersion = '2026-08-14'

/** What says who asks. The key stands only here: an address is written down in too many places. */
export function headersFor(key: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${key}`, 'cartesia-version': apiVersion }
}

/** The address of one of the sockets, below whatever path the base has. */
export function socketUrl(baseUrl: string, path: string, query: Readonly<Record<string, string>> = {}): URL {
  const url = new URL(baseUrl)
  url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:'
  url.pathname = url.pathname.replace(/\/+$/, '') + path
  url.search = new URLSearchParams(query).toString()
  url.hash = ''
  return url
}
