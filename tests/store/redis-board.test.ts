import { createClient } from '@redis/client'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { BoardBounds } from '../../src/log/board.ts'
import { StoreError } from '../../src/log/store.ts'
import { RedisBoard } from '../../src/store/redis-board.ts'
import { RedisConnection } from '../../src/store/redis-connection.ts'
import { boardContract } from './board.contract.ts'
import { RedisServer } from './redis-server.ts'

// Redis looks this often, a second, at what has waited long enough.
const server = await RedisServer.start({ settings: ['--hz', '500'] })
const admin = await createClient({ url: server.url }).connect()
afterAll(async () => {
  admin.destroy()
  await server.stop()
})

async function open(bounds: BoardBounds = { containersMax: 100, textBytesMax: 1024 * 1024 }) {
  const options = { address: server.address, clock: systemClock, random: () => 0, waitMs: 0 }
  const connection = await RedisConnection.open(options)
  onTestFinished(() => connection.close())
  return { connection, board: new RedisBoard(connection, bounds) }
}

boardContract('Redis board', async (bounds) => {
  await admin.flushAll()
  const { board } = await open(bounds)
  return {
    board,
    // Redis waits: nobody else's clock counts.
    advance: async (durationMs) => void (await admin.blPop('nothing', durationMs / 1000)),
  }
})

describe('the Redis board', () => {
  it('is one for all containers', async () => {
    await admin.flushAll()
    const [{ board: one }, { board: other }] = [await open(), await open()]
    await one.post('a', 'one', 10_000)
    await other.post('b', 'x'.repeat(500_000), 10_000)
    expect(await one.all()).toEqual(await other.all())
    await other.remove('a')
    expect([...(await one.all()).keys()]).toEqual(['b'])
  })

  it('leaves nothing in Redis when the last text has ended, nor for longer than it lives', async () => {
    await admin.flushAll()
    const { board } = await open()
    await board.post('a', 'a', 60_000)
    await board.post('b', 'b', 100)
    for (const key of await admin.keys('*')) {
      const life = await admin.pTTL(key)
      expect([life > 50_000, life <= 60_000]).toEqual([true, true])
    }
    await admin.blPop('nothing', 0.15)
    await board.post('c', 'c', 100)
    expect(Object.keys(await admin.hGetAll('maya:{board}:texts'))).toEqual(['a', 'c'])
    await board.remove('a')
    await board.remove('c')
    expect(await admin.keys('*')).toEqual([])
  })

  it('rejects with a StoreError when Redis cannot be reached', async () => {
    const { board, connection } = await open()
    await connection.close()
    await expect(board.post('a', 'a', 1000)).rejects.toThrow(StoreError)
    await expect(board.all()).rejects.toThrow(StoreError)
    await expect(board.remove('a')).rejects.toThrow(StoreError)
  })
})
