import { createClient } from '@redis/client'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { RedisBuckets } from '../../src/store/redis-buckets.ts'
import { RedisConnection } from '../../src/store/redis-connection.ts'
import { bucketsContract } from './buckets.contract.ts'
import { RedisServer } from './redis-server.ts'

const server = await RedisServer.start()
const admin = await createClient({ url: server.url }).connect()
afterAll(async () => {
  admin.destroy()
  await server.stop()
})

async function open(): Promise<RedisBuckets> {
  const options = { address: server.address, clock: systemClock, random: () => 0, waitMs: 0 }
  const connection = await RedisConnection.open(options)
  onTestFinished(() => connection.close())
  return new RedisBuckets(connection)
}

bucketsContract('Redis', async () => ({
  one: await open(),
  other: await open(),
  // Redis waits: nobody else's clock counts.
  pass: async (durationMs) => void (await admin.blPop('nothing', durationMs / 1000)),
}))

describe('the Redis buckets', () => {
  it('are kept by Redis only until they are full', async () => {
    const buckets = await open()
    const bucket = { limit: 'address', key: 'a', max: 4, windowMs: 40_000 }
    await buckets.take([bucket])
    const life = await admin.pTTL('maya:{rates}:address:a')
    expect(life).toBeGreaterThan(5000)
    expect(life).toBeLessThanOrEqual(10_000)
    await buckets.ask([{ ...bucket, key: 'asked only' }])
    expect(await admin.exists('maya:{rates}:address:asked only')).toBe(0)
  })
})
