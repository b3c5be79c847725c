import { isIP, SocketAddress } from 'node:net'

/**
 * Where a guest is, so that one guest is one place: of IPv6 only the network, because one connection has all of its
 * addresses. What a proxy passes on and is no address is one place for all.
 */
export function placeOf(ip: string): string {
  // Some proxies add the port.
  const [, plain = ip] = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(ip) ?? /^\[(.+)\]:\d+$/.exec(ip) ?? []
  const [, address = plain] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain) ?? []
  switch (isIP(address)) {
    case 4:
      return address
    case 6:
      return networkOf(address)
    default:
      return 'unknown'
  }
}

/** The first 64 bits. */
function networkOf(text: string): string {
  const { address } = new SocketAddress({ address: text, family: 'ipv6' })
  const [front = [], back = []] = address
    .split('::')
    .map((part) => part.split(':').filter((group) => group !== ''))
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => '0')
  return [...front, ...zeros, ...back].slice(0, 4).join(':')
}
