import type { IncomingHttpHeaders } from 'node:http'

/** Version, trace id, span id and flags. Later versions may say more behind them, which is not read. */
const pattern = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/

/** The `traceparent` of W3C Trace Context as version 00 writes it; null where there is none or it is not valid. */
export function traceParentOf(headers: IncomingHttpHeaders): string | null {
  const header = headers['traceparent']
  if (typeof header !== 'string') return null
  const [, version, traceId = '', spanId = '', flags = '', more] = pattern.exec(header.trim()) ?? []
  const isKnown = version === '00' ? more === undefined : version !== undefined && version !== 'ff'
  if (!isKnown || isZero(traceId) || isZero(spanId)) return null
  return `00-${traceId}-${spanId}-${flags}`
}

function isZero(id: string): boolean {
  return /^0+$/.test(id)
}
