import { describe, expect, it } from 'vitest'
import { ServiceError } from '../../src/errors.ts'
import { StoreError } from '../../src/log/store.ts'
import { MemoryMonitor } from '../../src/memory/monitor.ts'
import type { MemoryReading } from '../../src/memory/readers.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { once, unreliable } from '../log/unreliable-store.ts'
import { startContainer, type Container, type ContainerOptions } from './container.ts'

const who = { agent: 'maya', workspace: 'default' }

/** Asks for so many sessions at the same instant. */
async function createAtOnce({ sessions }: Pick<Container, 'sessions'>, count: number) {
  const results = await Promise.allSettled(Array.from({ length: count }, () => sessions.create(who)))
  const refusals = results.flatMap((result) => {
    const reason: unknown = result.status === 'rejected' ? result.reason : undefined
    return reason instanceof ServiceError ? [reason] : []
  })
  return { admitted: count - refusals.length, refusals }
}

const megabyte = 1024 * 1024

/** A container whose memory is what the test says, judged by the real monitor. */
function withMemory(
  reading: { limitBytes: number | null; usageBytes: number },
  options: ContainerOptions = {},
) {
  const clock = new FakeClock()
  const memory = new MemoryMonitor({
    clock,
    threshold: 0.8,
    sampleMs: 0,
    read: (): MemoryReading => ({ ...reading, usageSource: 'rss', limitSource: 'configured' }),
  })
  return {
    ...startContainer({ clock, memory, sessionsMax: 1000, sessionBytes: 50 * megabyte, ...options }),
    memory,
  }
}

describe('admission by count', () => {
  it.each([1, 10, 100])(
    'lets exactly 10 in of 10 and more, however many come at once: %i times 10',
    async (times) => {
      const container = startContainer({ sessionsMax: 10 })
      const { admitted, refusals } = await createAtOnce(container, times * 10)
      expect(admitted).toBe(10)
      expect(container.sessions.liveCount).toBe(10)
      expect(refusals).toHaveLength(times * 10 - 10)
      expect(
        refusals.every(({ code, retryAfterSeconds }) => code === 'SESSION_LIMIT' && retryAfterSeconds === 5),
      ).toBe(true)
      expect(container.happened.filter((what) => what === 'rejected SESSION_LIMIT')).toHaveLength(
        refusals.length,
      )
      expect(container.happened.filter((what) => what === 'created')).toHaveLength(10)
    },
  )

  it('gives the place of a session that could not be made to the next one', async () => {
    const clock = new FakeClock()
    const { store, faults } = unreliable(createMemoryStore({ clock }))
    const { sessions } = startContainer({ clock, store, sessionsMax: 1 })
    faults.before = once('append', () => Promise.reject(new StoreError('away')))
    await expect(sessions.create(who)).rejects.toBeInstanceOf(StoreError)
    expect(sessions.admissible).toBe(1)
    await sessions.create(who)
    expect([sessions.liveCount, sessions.admissible]).toEqual([1, 0])
  })

  it('gives the place of a session that ended to the next one, at once', async () => {
    const { sessions } = startContainer({ sessionsMax: 1 })
    const session = await sessions.create(who)
    await sessions.end(session)
    await sessions.create(who)
    expect(sessions.liveCount).toBe(1)
  })

  it('counts waking sessions too', async () => {
    const { sessions, clock } = startContainer({ sessionsMax: 2 })
    const [one, two] = [await sessions.create(who), await sessions.create(who)]
    clock.advance(60_001)
    await createAtOnce({ sessions }, 2)
    const woken = await Promise.allSettled([one, two].map(({ id }) => sessions.use(id, 'default', () => {})))
    expect(woken.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(sessions.liveCount).toBe(2)
  })

  it('says how many could be admitted', async () => {
    const { sessions, clock } = startContainer({ sessionsMax: 3 })
    await sessions.create(who)
    expect(sessions.admissible).toBe(2)
    clock.advance(60_001)
    expect(sessions.admissible).toBe(3)
    expect((await createAtOnce({ sessions }, 10)).admitted).toBe(3)
    expect(sessions.admissible).toBe(0)
  })
})

describe('admission by memory', () => {
  it('keeps a reservation for each: usage and reservations stay below the threshold', async () => {
    // 0.8 of 1000 MB are 800; 300 are used; 50 for each of the rest: 10.
    const container = withMemory({ limitBytes: 1000 * megabyte, usageBytes: 300 * megabyte })
    expect(container.sessions.admissible).toBe(10)
    const { admitted, refusals } = await createAtOnce(container, 100)
    expect(admitted).toBe(10)
    expect(refusals.every(({ code }) => code === 'MEMORY_PRESSURE')).toBe(true)
    expect(container.sessions.admissible).toBe(0)
  })

  it('does not count twice what a session really uses', async () => {
    const reading = { limitBytes: 1000 * megabyte, usageBytes: 300 * megabyte }
    const { sessions, clock } = withMemory(reading, { sessionBytes: 4096 })
    const session = await sessions.create(who)
    // It holds more than was reserved for it, and the usage says so already.
    expect(session.bytes).toBeGreaterThanOrEqual(4096)
    reading.usageBytes = 800 * megabyte - 4096
    clock.advance(1)
    expect(sessions.admissible).toBe(1)
    reading.usageBytes += 1
    clock.advance(1)
    expect(sessions.admissible).toBe(0)
  })

  it('has no bound but the count where no limit is known', async () => {
    const container = withMemory({ limitBytes: null, usageBytes: 10_000 * megabyte }, { sessionsMax: 7 })
    expect(container.sessions.admissible).toBe(7)
    expect((await createAtOnce(container, 20)).admitted).toBe(7)
  })

  it('refuses under pressure until it is over, and sessions that are there go on', async () => {
    const reading = { limitBytes: 1000 * megabyte, usageBytes: 100 * megabyte }
    const { sessions, clock } = withMemory(reading)
    const { id } = await sessions.create(who)
    reading.usageBytes = 800 * megabyte
    clock.advance(1)
    await expect(sessions.create(who)).rejects.toMatchObject({
      code: 'MEMORY_PRESSURE',
      retryAfterSeconds: 5,
    })
    expect(await sessions.use(id, 'default', () => 'served')).toBe('served')
    reading.usageBytes = 760 * megabyte // Below the threshold, but not far enough.
    clock.advance(1)
    expect(sessions.admissible).toBe(0)
    reading.usageBytes = 700 * megabyte
    clock.advance(1)
    expect(sessions.admissible).toBe(1)
  })

  it('names the count first where both limits are reached', async () => {
    const { sessions } = withMemory(
      { limitBytes: 1000 * megabyte, usageBytes: 900 * megabyte },
      { sessionsMax: 0 },
    )
    await expect(sessions.create(who)).rejects.toMatchObject({ code: 'SESSION_LIMIT' })
  })

  it('makes room by letting idle sessions go before it refuses', async () => {
    const reading = { limitBytes: 1000 * megabyte, usageBytes: 700 * megabyte }
    const { sessions, clock, happened } = withMemory(reading)
    await createAtOnce({ sessions }, 2)
    clock.advance(60_001)
    expect(sessions.admissible).toBe(2)
    expect((await createAtOnce({ sessions }, 3)).admitted).toBe(2)
    expect(happened.filter((what) => what === 'hibernated')).toHaveLength(2)
  })
})
