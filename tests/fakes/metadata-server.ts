import { createServer, type ServerResponse } from 'node:http'

/** Google's metadata server, as every machine of its cloud has one: it gives out the machine's own credentials. */
export interface MetadataServer {
  /** Host and port. */
  readonly host: string
  /** How often a token was asked for. */
  readonly tokensAskedFor: () => number
  readonly stop: () => Promise<void>
}

/** How a token is given: `givesToken`, `refusesToken`, or not at all. */
export type TokenAnswer = (response: ServerResponse) => void

export const givesToken =
  (token: string): TokenAnswer =>
  (response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ access_token: token, expires_in: 3600, token_type: 'Bearer' }))
  }

export const refusesToken: TokenAnswer = (response) => {
  response.writeHead(403).end('No service account here.')
}

export async function startMetadataServer(give: TokenAnswer): Promise<MetadataServer> {
  let asked = 0
  const server = createServer((request, response) => {
    response.setHeader('metadata-flavor', 'Google')
    if (request.url?.includes('/token') !== true) response.writeHead(404).end()
    else {
      asked++
      give(response)
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('The server has no address.')
  return {
    host: `127.0.0.1:${address.port}`,
    tokensAskedFor: () => asked,
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
