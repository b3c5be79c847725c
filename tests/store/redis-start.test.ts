import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { createClient } from '@redis/client'
import { expect, describe, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { StoreError, type Store } from '../../src/log/store.ts'
import type { RedisAddress, RedisConnectionOptions } from '../../src/store/redis-connection.ts'
import { openRedisStore } from '../../src/store/redis.ts'
import { freePort, RedisServer, type RedisServerOptions } from './redis-server.ts'
import { said } from './samples.ts'
import { portOf } from './tcp-relay.ts'

const local: RedisAddress = {
  host: '127.0.0.1',
  port: 1,
  isTls: false,
  user: null,
  password: null,
  database: 0,
}

async function start(options: RedisServerOptions = {}): Promise<RedisServer> {
  const server = await RedisServer.start(options)
  onTestFinished(() => server.stop())
  return server
}

async function open(
  address: Partial<RedisAddress>,
  options: Partial<RedisConnectionOptions> = {},
): Promise<Store> {
  const store = await openRedisStore({
    address: { ...local, ...address },
    clock: systemClock,
    random: () => 0,
    ...options,
  })
  onTestFinished(() => store.close())
  return store
}

/** A server that is none of ours. */
async function listen(answer: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    answer(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return portOf(server)
}

function append(store: Store) {
  return store.append({ id: 'a', expectedVersion: 0, events: [said('one')], expiresAt: 1 })
}

/** What an operator is told. */
async function refusalOf(
  address: Partial<RedisAddress>,
  options: Partial<RedisConnectionOptions> = { waitMs: 0 },
): Promise<string> {
  const failure: unknown = await open(address, options).catch((error: unknown) => error)
  if (!(failure instanceof StoreError)) throw new Error('It was not refused.', { cause: failure })
  expect(failure).not.toHaveProperty('cause')
  expect(failure.message).not.toContain('hunter2')
  return failure.message
}

describe('a Redis with a password', () => {
  it('is used with it, and refused without, with a wrong one, and as a wrong user', async () => {
    const { address } = await start({ password: 'hunter2/@:?' })
    const store = await open(address)
    expect(await append(store)).toEqual({ ok: true, version: 1 })
    expect(store.description).toBe(`redis://localhost:${address.port}/0`)
    expect(await refusalOf({ ...address, password: null })).toMatch(/^redis:\S+ wants a password\.$/)
    const wrong = /does not accept the user or the password\.$/
    expect(await refusalOf({ ...address, password: 'hunter2' })).toMatch(wrong)
    expect(await refusalOf({ ...address, user: 'nobody' })).toMatch(wrong)
  })

  it('may let a user do no more than is needed', async () => {
    const server = await start()
    const admin = await createClient({ url: server.url }).connect()
    onTestFinished(() => admin.destroy())
    await admin.aclSetUser('maya', ['on', '>hunter2', '~maya:*', '+@all', '-@dangerous', '-@admin'])
    await admin.aclSetUser('reader', ['on', '>hunter2', '~maya:*', '+@read', '+info'])
    const store = await open({ ...server.address, user: 'maya', password: 'hunter2' })
    expect(await append(store)).toEqual({ ok: true, version: 1 })
    const reader = await open({ ...server.address, user: 'reader', password: 'hunter2' })
    expect(await reader.version('a')).toBe(1)
    await expect(append(reader)).rejects.toThrow(/does not let this user do what is needed/)
  })

  it('is not expected where one was given', async () => {
    const { address } = await start()
    expect(await refusalOf({ ...address, password: 'hunter2' })).toMatch(
      /has no password, and was given one\.$/,
    )
  })
})

describe('a Redis with TLS', () => {
  it('is used when its certificate is trusted for its name', async () => {
    const server = await start({ isTls: true, password: 'hunter2' })
    trust(server.certificate)
    const store = await open(server.address)
    expect(store.description).toBe(`rediss://localhost:${server.port}/0`)
    expect(await append(store)).toEqual({ ok: true, version: 1 })
    expect(await refusalOf({ ...server.address, host: '127.0.0.1' })).toMatch(
      /shows a certificate that is not trusted: ERR_TLS_CERT_ALTNAME_INVALID\.$/,
    )
  })

  it('is refused when its certificate is not trusted, and where only one side speaks TLS', async () => {
    const server = await start({ isTls: true })
    const refused = /shows a certificate that is not trusted: DEPTH_ZERO_SELF_SIGNED_CERT\.$/
    expect(await refusalOf(server.address)).toMatch(refused)
    expect(await refusalOf({ ...server.address, isTls: false })).toMatch(/closed the connection\.$/)
    const { address } = await start()
    expect(await refusalOf({ ...address, isTls: true })).toMatch(
      /does not (speak TLS|answer)\.$|closed the connection\.$/,
    )
  })
})

describe('a Redis that cannot be used', () => {
  it('is refused after the wait, which is told once, with a reason', async () => {
    const port = await freePort()
    const reasons: string[] = []
    const refusal = await refusalOf({ port }, { waitMs: 300, onWaiting: (reason) => reasons.push(reason) })
    expect(refusal).toMatch(/^redis:\/\/127\.0\.0\.1:\d+\/0 refuses connections\.$/)
    expect(reasons).toEqual([`redis://127.0.0.1:${port}/0 refuses connections.`])
  })

  it('is used as soon as it is there', async () => {
    const server = await start()
    await server.kill()
    let restarted: Promise<void> | undefined
    const onWaiting = (): void => void (restarted = server.start())
    const store = await open(server.address, { waitMs: 20_000, onWaiting })
    await restarted
    expect(await append(store)).toEqual({ ok: true, version: 1 })
  })

  it('has a name that nobody knows', async () => {
    expect(await refusalOf({ host: 'nowhere.invalid', password: 'hunter2' })).toMatch(
      /^redis:\/\/nowhere\.invalid:1\/0 has a name that cannot be resolved\.$/,
    )
  })

  it('has no such database', async () => {
    const { address } = await start()
    expect(await refusalOf({ ...address, database: 99 })).toMatch(/\/99 has no such database\.$/)
  })

  it('is none: it speaks something else, nothing, or an older protocol', async () => {
    const web = await listen((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    expect(await refusalOf({ port: web })).toMatch(/is not a Redis server\.$/)
    const silent = await listen(() => {})
    expect(await refusalOf({ port: silent })).toMatch(/does not answer\.$/)
    const closing = await listen((socket) => socket.end())
    expect(await refusalOf({ port: closing })).toMatch(/closed the connection\.$/)
    const unknown = "-ERR unknown command 'AUTH', with args beginning with: 'hunter2'\r\n"
    const quoting = await listen((socket) => socket.on('data', () => socket.write(unknown)))
    const refused = /does not know a command that is needed\.$/
    expect(await refusalOf({ port: quoting, password: 'hunter2' })).toMatch(refused)
  })

  it.each<[string, readonly string[], RegExp]>([
    ['a replica', ['--replicaof', '127.0.0.1', '1'], /is a replica, which nothing can be written to\.$/],
    ['a cluster', ['--cluster-enabled', 'yes'], /is a cluster, which cannot be used yet\.$/],
    [
      'one that forgets',
      ['--maxmemory', '1gb', '--maxmemory-policy', 'volatile-lru'],
      /would throw sessions away to make room: its maxmemory-policy is volatile-lru and has to be noeviction\.$/,
    ],
  ])('is %s', async (_, settings, sentence) => {
    const { address } = await start({ settings })
    expect(await refusalOf(address)).toMatch(sentence)
  })
})

describe('a Redis that takes no changes', () => {
  it('because its memory is full refuses the whole append, and goes on with what needs none', async () => {
    const server = await start()
    const admin = await createClient({ url: server.url }).connect()
    onTestFinished(() => admin.destroy())
    const store = await open(server.address)
    await store.append({ id: 'b', expectedVersion: 0, events: [said('one')], expiresAt: 1 })
    await admin.configSet('maxmemory', '1mb')
    await expect(append(store)).rejects.toThrow(/has no memory left/)
    expect(await store.ids(undefined, 10)).toEqual(['b'])
    expect(await store.load('a')).toBeUndefined()
    expect(await store.remove('b', 1)).toBe(true)
    await admin.configSet('maxmemory', '0')
    expect(await append(store)).toEqual({ ok: true, version: 1 })
  })

  it('because it became a replica is left for whatever is at its address then', async () => {
    const server = await start()
    const admin = await createClient({ url: server.url }).connect()
    onTestFinished(() => admin.destroy())
    const reasons: string[] = []
    const store = await open(server.address, { onLost: (reason) => reasons.push(reason) })
    await append(store)
    await admin.sendCommand(['REPLICAOF', '127.0.0.1', '1'])
    await expect(store.remove('a')).rejects.toThrow(/is a replica/)
    await expect.poll(() => store.version('a').catch(() => 'refused')).toBe('refused')
    await admin.sendCommand(['REPLICAOF', 'NO', 'ONE'])
    await expect.poll(() => store.remove('a').catch(() => 'refused')).toBe(true)
    expect(reasons).toEqual([expect.stringMatching(/is a replica, which nothing can be written to\.$/)])
  })
})

/** Beside the usual ones, as NODE_EXTRA_CA_CERTS does it for a whole process. */
function trust(certificate: string): void {
  const usual = getCACertificates()
  setDefaultCACertificates([...usual, certificate])
  onTestFinished(() => setDefaultCACertificates(usual))
}
