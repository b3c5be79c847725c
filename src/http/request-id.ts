import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { BlockList, isIPv6 } from 'node:net'

/** Shorter than the token of a session, and nothing that means more in a log or a header than itself. */
const wellFormed = /^[\w.-]{1,64}$/

/**
 * Names each request in its answer, its lines in the log and its trace: as a trusted proxy has named it before, or by
 * a random id.
 */
export function createRequestIds(trustedProxies: readonly string[]): (request: IncomingMessage) => string {
  const proxies = networksOf(trustedProxies)
  return ({ headers, socket }) => {
    const claimed = headers['x-request-id']
    const isTaken =
      typeof claimed === 'string' && wellFormed.test(claimed) && includes(proxies, socket.remoteAddress)
    return isTaken ? claimed : randomUUID()
  }
}

/** Addresses, and networks such as `10.0.0.0/8`. */
function networksOf(texts: readonly string[]): BlockList {
  const networks = new BlockList()
  for (const text of texts) {
    const [address = '', bits] = text.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) networks.addAddress(address, family)
    else networks.addSubnet(address, Number(bits), family)
  }
  return networks
}

function includes(networks: BlockList, address: string | undefined): boolean {
  return address !== undefined && networks.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}
