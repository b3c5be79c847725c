import { afterAll, describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { Bus } from '../../src/log/bus.ts'
import { StoreError } from '../../src/log/store.ts'
import { openRedisBus } from '../../src/store/redis-bus.ts'
import { RedisConnection, type RedisAddress } from '../../src/store/redis-connection.ts'
import { busContract } from './bus.contract.ts'
import { RedisServer } from './redis-server.ts'
import { TcpRelay } from './tcp-relay.ts'

const server = await RedisServer.start()
afterAll(() => server.stop())

/** A bus over a connection that is closed at the end of the test. */
async function openAt(address: RedisAddress): Promise<Bus> {
  const options = { address, clock: systemClock, random: () => 0, waitMs: 0 }
  const speaking = await RedisConnection.open(options)
  onTestFinished(() => speaking.close())
  return openRedisBus(speaking, options)
}

busContract('Redis', async () => {
  const one = await openAt(server.address)
  const other = await openAt(server.address)
  return {
    one,
    other,
    async close() {
      await one.close()
      await other.close()
    },
  }
})

/** A bus with an own line to the server, and another one that speaks to it. */
async function setup() {
  const relay = await TcpRelay.open({ host: '127.0.0.1', port: server.port })
  const bus = await openAt({ ...server.address, host: '127.0.0.1', port: relay.port })
  const other = await openAt(server.address)
  const heard: string[] = []
  await bus.subscribe('orders', (message) => void heard.push(message))
  onTestFinished(async () => {
    await relay.close()
    await bus.close()
    await other.close()
  })
  /** Says it again and again until somebody listens; resolves with how many that were when it was heard. */
  const heardBy = async (message: string): Promise<number> => {
    let count = 0
    await expect
      .poll(async () => (count = await other.publish('orders', message)), { timeout: 10_000 })
      .not.toBe(0)
    await expect.poll(() => heard).toContain(message)
    return count
  }
  return { relay, bus, other, heardBy }
}

describe('the Redis bus over a line that breaks', () => {
  it('listens again on a new connection to everything that is listened to', async () => {
    const { relay, bus, heardBy } = await setup()
    await bus.subscribe('more', () => {})
    relay.cut()
    expect(await heardBy('after the cut')).toBe(1)
    relay.cut()
    expect(await heardBy('after the second cut')).toBe(1)
  })

  it('notices by itself that nothing comes any more, and listens on a new connection', async () => {
    const { relay, heardBy } = await setup()
    relay.part()
    // Nothing is asked meanwhile: only the bus itself can find out.
    await expect.poll(() => relay.connections, { timeout: 10_000 }).not.toBe(2)
    relay.cut()
    relay.heal()
    expect(await heardBy('healed')).toBe(1)
  })

  it('refuses with a StoreError while the server cannot be reached, and remembers nothing of it', async () => {
    const { relay, bus, other, heardBy } = await setup()
    relay.refuse()
    await expect(bus.publish('orders', 'lost')).rejects.toThrow(StoreError)
    await expect(bus.subscribe('more', () => {})).rejects.toThrow(StoreError)
    relay.refuse(false)
    expect(await heardBy('back')).toBe(1)
    expect(await other.publish('more', 'nobody')).toBe(0)
  })

  it('cannot be opened where no server is', async () => {
    const { relay } = await setup()
    relay.refuse()
    const opening = openAt({ ...server.address, host: '127.0.0.1', port: relay.port })
    await expect(opening).rejects.toThrow(StoreError)
  })
})
