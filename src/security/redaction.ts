/** No address of ours has a longer segment, and a session token or a provider's key is longer. */
const segmentCharactersMax = 36
const pathCharactersMax = 200

/**
 * What a log may show of a request's URL: the path, up to the first character that our own paths do not have.
 * The query can hold the session's token and a guest's words, also where it was encoded into the path.
 */
export function redactUrl(url: string): string {
  const path = /^[\w.~/-]*/.exec(url)?.[0] ?? ''
  return path
    .split('/')
    .map((segment) => (segment.length > segmentCharactersMax ? '***' : segment))
    .join('/')
    .slice(0, pathCharactersMax)
}
