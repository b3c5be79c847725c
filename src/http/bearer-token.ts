import type { IncomingHttpHeaders } from 'node:http'

/** What the request shows as `Authorization: Bearer ...`; undefined without one. */
export function bearerTokenOf({ authorization = '' }: IncomingHttpHeaders): string | undefined {
  return /^bearer +(.*)$/i.exec(authorization)?.[1]
}
