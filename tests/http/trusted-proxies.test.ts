import { describe, expect, it } from 'vitest'
import { placeOf } from '../../src/http/client-address.ts'
import type { Model } from '../../src/llm/model.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { says } from '../fakes/scripted-model.ts'
import { shareService } from '../fakes/test-service.ts'

const proxy = '10.0.0.7'
const stranger = '198.51.100.9'

const model: Model = {
  name: 'friendly',
  isGeneral: true,
  async *stream() {
    yield* says('Hello.')
  },
}

function share(trustedProxies: string) {
  const environment = { MAYA_TRUSTED_PROXIES: trustedProxies, MAYA_ADDRESS_RATE_LIMIT: '2' }
  // A clock that stands still: nothing comes back meanwhile.
  return shareService({ environment, model, clock: new FakeClock() })
}

const trusting = await share('10.0.0.0/8, 192.0.2.1, 2001:db8:feed::/48')
const plain = await share('')

type Headers = Readonly<Record<string, string>>

async function isSecure(remoteAddress: string, headers: Headers, { app } = trusting): Promise<boolean> {
  const made = await app.inject({ method: 'POST', url: '/api/v1/sessions', remoteAddress, headers })
  expect(made.statusCode).toBe(201)
  return /; Secure/.test(String(made.headers['set-cookie']))
}

/** Whether a page of that origin may make a session. */
async function isWelcome(remoteAddress: string, headers: Headers, { app } = trusting): Promise<boolean> {
  const made = await app.inject({ method: 'POST', url: '/api/v1/sessions', remoteAddress, headers })
  expect([201, 403]).toContain(made.statusCode)
  return made.statusCode === 201
}

/** How many messages pass, each by its peer and with its chain, where two may come from one address. */
async function passing(
  asked: readonly (readonly [string, (string | undefined)?])[],
  { app } = trusting,
): Promise<number> {
  let passed = 0
  for (const [remoteAddress, chain] of asked) {
    const headers = chain === undefined ? {} : { 'x-forwarded-for': chain }
    const payload = { user_input: 'Hello' }
    const response = await app.inject({
      method: 'POST',
      url: '/api/v1/chat',
      remoteAddress,
      headers,
      payload,
    })
    expect([200, 429]).toContain(response.statusCode)
    passed += Number(response.statusCode === 200)
  }
  return passed
}

describe('the address of a guest', () => {
  it('is the peer’s, without trusted proxies, whatever headers say', async () => {
    const claims = ['203.0.113.1', '203.0.113.2', '203.0.113.3', undefined]
    expect(
      await passing(
        claims.map((claim) => [proxy, claim]),
        plain,
      ),
    ).toBe(2)
  })

  it('is the peer’s, where that is no trusted proxy', async () => {
    const claims = ['203.0.113.11', '203.0.113.12', '10.0.0.1', '203.0.113.13, 10.0.0.1']
    expect(await passing(claims.map((claim) => [stranger, claim]))).toBe(2)
  })

  it('is what a trusted proxy says', async () => {
    const guests = ['203.0.113.21', '203.0.113.22', '203.0.113.23']
    expect(await passing([...guests, ...guests].map((guest) => [proxy, guest]))).toBe(6)
    expect(await passing(guests.map((guest) => [proxy, guest]))).toBe(0)
  })

  it('is the last one that no trusted proxy has, however long the chain', async () => {
    const guest = '203.0.113.31'
    const chains = [
      guest,
      `${guest}, 10.1.1.1`,
      `${guest}, 192.0.2.1, 10.1.1.1`,
      `${guest},10.2.2.2,10.1.1.1`,
    ]
    expect(await passing(chains.map((chain) => [proxy, chain]))).toBe(2)
  })

  it('cannot be made up by what the guest puts before it', async () => {
    const spoofed = ['1.1.1.1', '10.0.0.99', 'unknown', '2.2.2.2, 3.3.3.3', '192.0.2.1, 10.0.0.1', ', ,', '"']
    expect(await passing(spoofed.map((lie) => [proxy, `${lie}, 203.0.113.41`]))).toBe(2)
    expect(await passing(spoofed.map((lie) => [proxy, `${lie}, 203.0.113.42, 10.9.9.9`]))).toBe(2)
  })

  it('is believed of a proxy in IPv6, and of one in IPv4 that a socket of both shows', async () => {
    expect(await passing([1, 2, 3].map(() => ['2001:db8:feed::1', '203.0.113.51']))).toBe(2)
    expect(await passing([1, 2, 3].map(() => ['::ffff:10.0.0.7', '203.0.113.52']))).toBe(2)
    expect(await passing([1, 2, 3].map((at) => ['2001:db8:beef::1', `203.0.113.6${at}`]))).toBe(2)
  })

  it('is the proxy’s own, where it says none', async () => {
    expect(await passing([1, 2, 3].map(() => ['10.77.0.1']))).toBe(2)
  })

  it.each([
    ['203.0.113.1', '203.0.113.1'],
    ['203.0.113.1:52944', '203.0.113.1'],
    ['::ffff:203.0.113.1', '203.0.113.1'],
    ['::FFFF:203.0.113.1', '203.0.113.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:DB8:1:2:ffff::', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['[2001:db8::1]:443', '2001:db8:0:0'],
    ['2001:db8:1::', '2001:db8:1:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['::1', '0:0:0:0'],
    ['::', '0:0:0:0'],
    ['64:ff9b::203.0.113.1', '64:ff9b:0:0'],
    ['unknown', 'unknown'],
    ['', 'unknown'],
    ['203.0.113', 'unknown'],
    ['203.0.113.1, 10.0.0.1', 'unknown'],
    ['x'.repeat(10_000), 'unknown'],
  ])('%s is in the place %s', (address, place) => {
    expect(placeOf(address)).toBe(place)
  })
})

describe('a cookie', () => {
  it('is for https alone, where a trusted proxy was asked by https', async () => {
    expect(await isSecure(proxy, { 'x-forwarded-proto': 'https' })).toBe(true)
    expect(await isSecure(proxy, { 'x-forwarded-proto': 'http' })).toBe(false)
    expect(await isSecure(proxy, {})).toBe(false)
  })

  it('is not changed by what a stranger says', async () => {
    expect(await isSecure(stranger, { 'x-forwarded-proto': 'https' })).toBe(false)
    expect(await isSecure(proxy, { 'x-forwarded-proto': 'https' }, plain)).toBe(false)
  })

  it('follows what the nearest proxy adds, not what came before it', async () => {
    expect(await isSecure(proxy, { 'x-forwarded-proto': 'http, https' })).toBe(true)
    expect(await isSecure(proxy, { 'x-forwarded-proto': 'https, http' })).toBe(false)
  })
})

describe('a page', () => {
  const page = { origin: 'https://bar.example', host: 'maya:8000' }

  it('is our own, where a trusted proxy was asked for its host', async () => {
    expect(await isWelcome(proxy, { ...page, 'x-forwarded-host': 'bar.example' })).toBe(true)
    expect(await isWelcome(proxy, { ...page, 'x-forwarded-host': 'evil.example, bar.example' })).toBe(true)
    expect(await isWelcome(proxy, { ...page, 'x-forwarded-host': 'bar.example, evil.example' })).toBe(false)
    expect(await isWelcome(proxy, { ...page, 'x-forwarded-host': 'other.example' })).toBe(false)
    expect(await isWelcome(proxy, page)).toBe(false)
    expect(await isWelcome(proxy, { ...page, host: 'bar.example' })).toBe(true)
  })

  it('is not made our own by what a stranger says', async () => {
    expect(await isWelcome(stranger, { ...page, 'x-forwarded-host': 'bar.example' })).toBe(false)
    expect(await isWelcome(proxy, { ...page, 'x-forwarded-host': 'bar.example' }, plain)).toBe(false)
    expect(await isWelcome(stranger, { ...page, forwarded: 'host=bar.example;proto=https' })).toBe(false)
  })
})
