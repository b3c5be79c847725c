import type { FastifyRequest } from 'fastify'

/**
 * Whether a page of another origin sent the request. Such a page can send our cookie along from another port or a
 * sibling subdomain, for which `SameSite` is no bound; what browsers say of where it came from, it cannot change.
 * The host is the one that a trusted proxy was asked for, if there is one.
 */
export function isFromOtherOrigin(
  { headers, host }: Pick<FastifyRequest, 'headers' | 'host'>,
  trustedOrigins: readonly string[],
): boolean {
  const { origin, 'sec-fetch-site': site } = headers
  if (origin !== undefined && trustedOrigins.includes(origin)) return false
  if (site !== undefined) return site !== 'same-origin' && site !== 'none'
  // No browser, one that is old, or one on plain http. What is no page sends no Origin either.
  return origin !== undefined && !isOriginOf(origin, host)
}

/** By whatever scheme: a proxy may have taken TLS off. */
function isOriginOf(origin: string, host: string): boolean {
  const [scheme] = /^https?:\/\//.exec(origin) ?? []
  if (scheme === undefined || !URL.canParse(origin) || !URL.canParse(scheme + host)) return false
  // Parsed, because both may leave out the scheme's own port.
  return new URL(origin).host === new URL(scheme + host).host
}
