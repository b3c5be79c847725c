import { createClient } from '@redis/client'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { StoreError, type Store } from '../../src/log/store.ts'
import { RedisConnection, type RedisConnectionOptions } from '../../src/store/redis-connection.ts'
import { appendScript } from '../../src/store/redis-scripts.ts'
import { openRedisStore } from '../../src/store/redis.ts'
import { RedisServer } from './redis-server.ts'
import { said, stateAt, textOf } from './samples.ts'
import { storeContract } from './store.contract.ts'
import { TcpRelay } from './tcp-relay.ts'

const expiresAt = 1_000_000
const hourMs = 60 * 60_000

// It looks at what is over a hundred times a second, so that little more time passes than is meant.
const shared = await RedisServer.start({ settings: ['--hz', '100'] })
const admin = await createClient({ url: shared.url }).connect()
afterAll(async () => {
  admin.destroy()
  await shared.stop()
})

async function open(options: Partial<RedisConnectionOptions> = {}): Promise<Store> {
  const store = await openRedisStore({
    address: shared.address,
    clock: systemClock,
    random: () => 0,
    waitMs: 0,
    ...options,
  })
  onTestFinished(() => store.close())
  return store
}

async function openEmpty(options: Partial<RedisConnectionOptions> = {}): Promise<Store> {
  await admin.flushAll()
  return await open(options)
}

/** A store behind a network that can be broken. */
async function openRelayed(options: Partial<RedisConnectionOptions> = {}) {
  const relay = await TcpRelay.open({ host: '127.0.0.1', port: shared.port })
  const told: string[] = []
  const store = await openEmpty({
    address: { ...shared.address, host: '127.0.0.1', port: relay.port },
    onLost: () => told.push('lost'),
    onRestored: () => told.push('restored'),
    ...options,
  })
  // Before the store is closed, which then has nothing to wait for.
  onTestFinished(() => relay.close())
  return { store, relay, told }
}

async function redisTime(): Promise<number> {
  const [seconds, microseconds] = await admin.time()
  return Number(seconds) * 1000 + Number(microseconds) / 1000
}

/** Lets Redis wait: nobody else's clock counts. */
async function letPass(durationMs: number): Promise<void> {
  const endsAt = (await redisTime()) + durationMs
  await admin.blPop('nothing', durationMs / 1000)
  while ((await redisTime()) <= endsAt + 1) continue
}

function append(store: Store, expectedVersion: number, ...texts: readonly string[]) {
  return store.append({ id: 'a', expectedVersion, events: texts.map(said), expiresAt })
}

/** Until what was asked for is on its way. */
async function nextTick(): Promise<void> {
  for (let turns = 0; turns < 3; turns++) await new Promise((next) => setImmediate(next))
}

async function secondsOf(run: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await run()
  return (performance.now() - startedMs) / 1000
}

storeContract('Redis store', async () => ({
  store: await openEmpty(),
  advance: letPass,
  date: () => Date.now(),
}))

describe('a Redis store', () => {
  it('is shared, and says where it is', async () => {
    const store = await open()
    expect(store).toMatchObject({ description: `redis://localhost:${shared.port}/0`, shared: true })
  })

  it('is the same to every process', async () => {
    const [one, other] = [await openEmpty(), await open()]
    await append(one, 0, 'one')
    expect(await append(other, 0, 'two')).toEqual({ ok: false, reason: 'conflict' })
    expect(await append(other, 1, 'two')).toEqual({ ok: true, version: 2 })
    expect(await one.acquireLease('a', 'left', 1000)).toBe(true)
    expect(await other.acquireLease('a', 'right', 1000)).toBe(false)
    await Promise.all([one, other].map((store) => store.count('n', 1, Date.now() + hourMs)))
    expect(await one.count('n', 0, 0)).toBe(2)
    expect((await one.events('a')).map(textOf)).toEqual(['one', 'two'])
  })

  it('reads a log that is longer than what is read at a time', async () => {
    const store = await openEmpty()
    const texts = Array.from({ length: 2000 }, (_, n) => `entry ${n}`)
    await append(store, 0, ...texts)
    expect((await store.events('a')).map(textOf)).toEqual(texts)
  })

  it('goes on when Redis has forgotten its scripts', async () => {
    const store = await openEmpty()
    await append(store, 0, 'one')
    await admin.scriptFlush()
    expect(await append(store, 1, 'two')).toEqual({ ok: true, version: 2 })
  })

  it('says that an entry is not readable without quoting it', async () => {
    const store = await openEmpty()
    await append(store, 0, 'one')
    const [log = ''] = await admin.keys('maya:*:log:a')
    await admin.lSet(log, 0, '01234567[secret')
    const failure: unknown = await store.load('a').catch((error: unknown) => error)
    expect(failure).toEqual(new StoreError(`${store.description} holds an entry that is not JSON.`))
    expect(failure).not.toHaveProperty('cause')
  })

  it('says that a key is of another program', async () => {
    const store = await openEmpty()
    await append(store, 0, 'one')
    const [log = ''] = await admin.keys('maya:*:log:a')
    await admin.set(log, 'a bookmark')
    await expect(store.version('a')).rejects.toThrow(/holds something of another program/)
  })

  it('keeps everything over a restart of a server that writes to its disk', async () => {
    const server = await RedisServer.start({ isAppendOnly: true })
    onTestFinished(() => server.stop())
    const store = await open({ address: server.address })
    await append(store, 0, 'one', 'two')
    await store.saveSnapshot('a', { version: 1, state: stateAt(1) })
    await store.count('n', 5, Date.now() + hourMs)
    const loaded = await store.load('a')
    await server.kill()
    await server.start()
    await expect.poll(() => store.version('a').catch(() => 'away')).toBe(2)
    expect(await store.load('a')).toEqual(loaded)
    expect(await store.count('n', 0, 0)).toBe(5)
    expect(await store.ids(undefined, 10)).toEqual(['a'])
  })
})

describe('what a Redis store leaves behind', () => {
  it('goes by itself, but after the sweep had its time', async () => {
    const store = await openEmpty()
    const inAnHour = { id: 'a', expectedVersion: 0, events: [said('one')], expiresAt: Date.now() + hourMs }
    await store.append(inAnHour)
    await store.saveSnapshot('a', { version: 1, state: stateAt(1) })
    const keys = await admin.keys('maya:*:*:a')
    const hoursLeft = async (): Promise<readonly number[]> => {
      const lifetimes = await Promise.all(keys.map((key) => admin.pTTL(key)))
      return lifetimes.map((ms) => Math.round(ms / hourMs))
    }
    expect(await hoursLeft()).toEqual([25, 25])
    await append(store, 1, 'two')
    expect(await hoursLeft()).toEqual([24, 24])
    await store.touch('a', Date.now() + 48 * hourMs)
    expect(await hoursLeft()).toEqual([72, 72])
  })

  it('is taken out of the indexes when it went by itself', async () => {
    const store = await openEmpty()
    await append(store, 0, 'one')
    await admin.del(await admin.keys('maya:*:log:a'))
    expect(await store.expired(expiresAt, 10)).toEqual(['a'])
    expect(await store.load('a')).toBeUndefined()
    expect(await store.remove('a', expiresAt)).toBe(false)
    expect(await store.expired(expiresAt, 10)).toEqual([])
    expect(await store.ids(undefined, 10)).toEqual([])
  })

  it('is nothing when sessions are removed and counters and leases are over', async () => {
    const store = await openEmpty()
    await append(store, 0, 'one')
    await store.saveSnapshot('a', { version: 1, state: stateAt(1) })
    await store.acquireLease('a', 'left', 10_000)
    await store.acquireLease('b', 'left', 20)
    await store.count('n', 1, Date.now() + 20)
    await store.remove('a')
    await letPass(25)
    expect(await Promise.all((await admin.keys('*')).map((key) => admin.exists(key)))).not.toContain(1)
  })
})

describe('an append whose answer is lost', () => {
  it('is answered all the same, and was made once', async () => {
    const { store, relay, told } = await openRelayed()
    await append(store, 0, 'one')
    relay.loseNext('reply')
    expect(await append(store, 1, 'two', 'three')).toEqual({ ok: true, version: 3 })
    expect((await store.events('a')).map(textOf)).toEqual(['one', 'two', 'three'])
    expect(told).toEqual(['lost', 'restored'])
  })

  it('is made when it did not reach the server', async () => {
    const { store, relay } = await openRelayed()
    await append(store, 0, 'one')
    relay.loseNext('request')
    expect(await append(store, 1, 'two')).toEqual({ ok: true, version: 2 })
    expect((await store.events('a')).map(textOf)).toEqual(['one', 'two'])
  })

  it('is a conflict when it did not reach the server and another was faster', async () => {
    const { store, relay } = await openRelayed()
    const other = await open()
    await append(store, 0, 'one')
    relay.loseNext('request')
    const [, late] = await Promise.all([append(other, 1, 'theirs'), append(store, 1, 'ours')])
    expect(late).toEqual({ ok: false, reason: 'conflict' })
    expect((await store.events('a')).map(textOf)).toEqual(['one', 'theirs'])
  })

  it('is known again after others have appended, also when its lease is over', async () => {
    await admin.flushAll()
    const connection = await RedisConnection.open({
      address: shared.address,
      clock: systemClock,
      random: Math.random,
    })
    onTestFinished(() => connection.close())
    const keys = ['{0}log', '{0}lease', '{0}snapshot', '{0}expiry', '{0}ids']
    const run = ([appendId, expectedVersion, owner]: readonly [string, number, string]) => {
      const values = [appendId, expectedVersion, owner, 'a', expiresAt, hourMs, `${appendId}entry`]
      return connection.evaluate(appendScript, keys, values)
    }
    await admin.set('{0}lease', 'left')
    expect(await run(['append-1', 0, 'left'])).toBe(1)
    expect(await run(['append-2', 1, ''])).toBe(2)
    await admin.del('{0}lease')
    expect(await run(['append-1', 0, 'left'])).toBe(1)
    expect(await run(['append-3', 0, 'left'])).toBe('lease-lost')
    expect(await run(['append-4', 0, ''])).toBe('conflict')
    expect(await admin.lRange('{0}log', 0, -1)).toEqual(['append-1entry', 'append-2entry'])
  })

  it('is refused within two seconds when there is no other connection, and was made at most once', async () => {
    const { store, relay } = await openRelayed()
    await append(store, 0, 'one')
    relay.part()
    const taken = await secondsOf(() => expect(append(store, 1, 'two')).rejects.toThrow(StoreError))
    expect(taken).toBeLessThan(2)
    relay.heal()
    await expect.poll(() => store.version('a').catch(() => 'away')).toBeGreaterThan(0)
    const texts = (await store.events('a')).map(textOf)
    expect([['one'], ['one', 'two']]).toContainEqual(texts)
    expect(await append(store, texts.length, 'three')).toEqual({ ok: true, version: texts.length + 1 })
  })

  it('is never counted twice: a count is refused instead', async () => {
    const { store, relay } = await openRelayed()
    const later = Date.now() + hourMs
    await store.count('n', 5, later)
    relay.loseNext('reply')
    await expect(store.count('n', 5, later)).rejects.toThrow(StoreError)
    expect(await store.count('n', 0, later)).toBe(10)
  })
})

describe('a Redis that is away', () => {
  it('is told within two seconds, then at once, and used again when it is back', async () => {
    const { store, relay, told } = await openRelayed()
    await append(store, 0, 'one')
    relay.refuse()
    expect(await secondsOf(() => expect(store.version('a')).rejects.toThrow(StoreError))).toBeLessThan(2)
    expect(await secondsOf(() => expect(store.load('a')).rejects.toThrow(StoreError))).toBeLessThan(0.2)
    relay.refuse(false)
    await expect.poll(() => append(store, 1, 'two').catch(() => 'away')).toEqual({ ok: true, version: 2 })
    expect(told).toEqual(['lost', 'restored'])
    expect(relay.connections).toBe(1)
  })

  it('is asked again over a new connection when one breaks that nobody uses', async () => {
    const { store, relay, told } = await openRelayed()
    await append(store, 0, 'one')
    relay.cut()
    await expect.poll(() => told).toEqual(['lost', 'restored'])
    expect(await store.version('a')).toBe(1)
  })

  it('answers late without harm: each question to its own answer', async () => {
    const { store, relay } = await openRelayed()
    relay.delayMs = 30
    await append(store, 0, 'one')
    const answers = await Promise.all([store.version('a'), store.version('b'), store.ids(undefined, 9)])
    expect(answers).toEqual([1, 0, ['a']])
  })

  it('is no Redis that is slow: one answer is given up, and the connection goes on', async () => {
    const { store, relay, told } = await openRelayed()
    await append(store, 0, 'one')
    relay.delayMs = 500
    const first = store.version('a')
    await nextTick()
    const second = store.version('a').catch(String)
    expect(await first).toBe(1)
    expect(await second).toMatch(/does not answer\.$/)
    relay.delayMs = 0
    expect(await Promise.all([store.version('a'), store.ids(undefined, 9)])).toEqual([1, ['a']])
    expect(told).toEqual([])
  })

  it('is no Redis whose answer is there when this process goes on after it stood still', async () => {
    const store = await openEmpty()
    const appended = append(store, 0, 'one')
    await nextTick()
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1700)
    expect(await appended).toEqual({ ok: true, version: 1 })
  })

  it('does not hold up the end', async () => {
    const { store, relay } = await openRelayed()
    relay.part()
    const pending = append(store, 0, 'one').catch((error: unknown) => error)
    expect(await secondsOf(() => store.close())).toBeLessThan(2)
    expect(await pending).toBeInstanceOf(StoreError)
  })
})
