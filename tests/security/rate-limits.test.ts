import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RateLimits, type LimitName, type Rate } from '../../src/security/rate-limits.ts'
import { MemoryBuckets } from '../../src/store/memory-buckets.ts'
import { FakeClock } from '../fakes/fake-clock.ts'

const minuteMs = 60_000
const none: Rate = { max: 0, windowMs: minuteMs }
const messages = { session: none, burst: none, workspace: none, address: none, app: none }
const noRates = { ...messages, keys: none, listens: none }

function setup(rates: Partial<Record<LimitName, Rate>>, keysMax = 100) {
  const clock = new FakeClock()
  const buckets = new MemoryBuckets({ clock, keysMax })
  const limits = new RateLimits({ buckets, rates: { ...noRates, ...rates } })
  const takes = async (keys: Partial<Record<LimitName, string>>) => (await limits.take(keys)).ok
  /** How many of so many pass now. */
  const passing = async (count: number, keys: Partial<Record<LimitName, string>>) => {
    let passed = 0
    for (let at = 0; at < count; at++) passed += Number(await takes(keys))
    return passed
  }
  return { clock, limits, buckets, takes, passing }
}

const ten: Rate = { max: 10, windowMs: minuteMs }

describe('a limit', () => {
  it('lets as many pass at once as it says, and then one in each part of its window', async () => {
    const { clock, passing } = setup({ session: ten })
    expect(await passing(50, { session: 'a' })).toBe(10)
    clock.advance(5999)
    expect(await passing(50, { session: 'a' })).toBe(0)
    clock.advance(1)
    expect(await passing(50, { session: 'a' })).toBe(1)
    clock.advance(minuteMs * 10)
    expect(await passing(50, { session: 'a' })).toBe(10)
  })

  it('says how many are left, when there is one more, and that waiting so long is enough', async () => {
    const { clock, limits } = setup({ session: { max: 3, windowMs: 10_000 } })
    const said = async () => (await limits.take({ session: 'a' })).tightest
    const standing = { limit: 'session', max: 3 }
    expect(await said()).toEqual({ ...standing, remaining: 2, waitMs: expect.closeTo(10_000 / 3) })
    clock.advance(1000)
    expect(await said()).toEqual({ ...standing, remaining: 1, waitMs: expect.closeTo(10_000 / 3 - 1000) })
    await said()
    const { ok, tightest } = await limits.take({ session: 'a' })
    expect([ok, tightest]).toEqual([
      false,
      { ...standing, remaining: 0, waitMs: expect.closeTo(10_000 / 3 - 1000) },
    ])
    clock.advance(tightest?.waitMs ?? 0)
    expect(await limits.take({ session: 'a' })).toMatchObject({ ok: true, tightest: { remaining: 0 } })
  })

  it('counts each key apart', async () => {
    const { passing } = setup({ session: ten })
    expect(await passing(11, { session: 'a' })).toBe(10)
    expect(await passing(11, { session: 'b' })).toBe(10)
  })

  it('of 0 is none', async () => {
    const { limits, buckets, passing } = setup({})
    expect(await passing(1000, { session: 'a', app: '' })).toBe(1000)
    expect(await limits.take({ session: 'a', app: '' })).toEqual({ ok: true, tightest: null })
    expect(buckets.size).toBe(0)
  })

  it('is asked without being taken from', async () => {
    const { limits, passing } = setup({ session: ten })
    for (let at = 0; at < 20; at++) {
      expect(await limits.ask({ session: 'a' })).toMatchObject({
        ok: true,
        tightest: { remaining: 10, waitMs: 0 },
      })
    }
    expect(await passing(20, { session: 'a' })).toBe(10)
    expect(await limits.ask({ session: 'a' })).toMatchObject({ ok: false, tightest: { waitMs: 6000 } })
  })
})

describe('several limits', () => {
  it('are taken from together: what one refuses costs nothing with the others', async () => {
    const { passing } = setup({
      session: { max: 2, windowMs: minuteMs },
      app: { max: 4, windowMs: minuteMs },
    })
    expect(await passing(100, { session: 'a', app: '' })).toBe(2)
    expect(await passing(100, { session: 'b', app: '' })).toBe(2)
    expect(await passing(100, { session: 'c', app: '' })).toBe(0)
    // Those that the app refused have cost this session nothing.
    expect(await passing(100, { session: 'c' })).toBe(2)
  })

  it('speak through the tightest', async () => {
    const { limits } = setup({ session: { max: 3, windowMs: minuteMs }, burst: { max: 5, windowMs: 10_000 } })
    const keys = { session: 'a', burst: 'a' }
    expect(await limits.take(keys)).toMatchObject({ tightest: { limit: 'session', remaining: 2 } })
    const even = setup({ session: { max: 3, windowMs: minuteMs }, burst: { max: 3, windowMs: 10_000 } })
    expect(await even.limits.take(keys)).toMatchObject({ tightest: { limit: 'session', waitMs: 20_000 } })
  })

  it('refuse also where what is missing was rounded on its way until it looked like enough', async () => {
    const taken = { ok: false, missingMs: [40_000.001] }
    const buckets = { ask: async () => taken, take: async () => taken, letGo: () => {} }
    const limits = new RateLimits({
      buckets,
      rates: { ...noRates, session: { max: 3, windowMs: minuteMs } },
    })
    expect(await limits.take({ session: 'a' })).toMatchObject({ ok: false, tightest: { limit: 'session' } })
  })

  it('refuse through the one that takes longest, so that waiting for it is enough', async () => {
    const { clock, limits, passing } = setup({
      burst: { max: 2, windowMs: 10_000 },
      session: { max: 2, windowMs: minuteMs },
    })
    const keys = { burst: 'a', session: 'a' }
    expect(await passing(3, keys)).toBe(2)
    const { tightest } = await limits.take(keys)
    expect(tightest).toMatchObject({ limit: 'session', waitMs: 30_000 })
    clock.advance(30_000)
    expect(await passing(3, keys)).toBe(1)
  })
})

describe('what is remembered', () => {
  it('is only buckets that are not full', async () => {
    const { clock, buckets, takes } = setup({ address: ten })
    for (let at = 0; at < 50; at++) await takes({ address: `a${at}` })
    expect(buckets.size).toBe(50)
    clock.advance(5999)
    await takes({ address: 'b' })
    expect(buckets.size).toBe(51)
    clock.advance(1000)
    await takes({ address: 'c' })
    expect(buckets.size).toBe(2)
  })

  it('is bounded: at the bound the one that was taken from the longest ago goes', async () => {
    const { buckets, passing, takes } = setup({ address: ten }, 3)
    for (const address of ['a', 'b', 'c']) expect(await passing(11, { address })).toBe(10)
    expect(await takes({ address: 'd' })).toBe(true)
    expect(buckets.size).toBe(3)
    expect(await takes({ address: 'b' })).toBe(false)
    expect(await takes({ address: 'c' })).toBe(false)
    expect(await passing(11, { address: 'a' })).toBe(10)
    for (let at = 0; at < 1000; at++) await takes({ address: `e${at}` })
    expect(buckets.size).toBe(3)
  })

  it('is given up in the order of use, not of arrival', async () => {
    const { passing, takes } = setup({ address: ten }, 3)
    for (const address of ['a', 'b', 'c']) await passing(9, { address })
    await takes({ address: 'a' })
    await takes({ address: 'd' })
    expect(await takes({ address: 'a' })).toBe(false)
    expect(await passing(11, { address: 'b' })).toBe(10)
  })

  it('keeps those that are not full where there are full ones to forget', async () => {
    const { clock, buckets, passing, takes } = setup({ address: ten }, 3)
    expect(await passing(11, { address: 'spent' })).toBe(10)
    await takes({ address: 'b' })
    await takes({ address: 'c' })
    clock.advance(6000)
    expect(await passing(2, { address: 'spent' })).toBe(1)
    clock.advance(5000)
    await takes({ address: 'd' })
    expect(await takes({ address: 'spent' })).toBe(false)
    expect(buckets.size).toBe(2)
  })

  it('is forgotten when it is told to', async () => {
    const { limits, buckets, passing } = setup({ session: ten, app: ten })
    await passing(11, { session: 'a' })
    limits.letGo({ session: 'a', burst: 'a', keys: 'a' })
    expect(buckets.size).toBe(0)
    expect(await passing(11, { session: 'a' })).toBe(10)
  })
})

/** The plainest bucket there is, with tokens as a fraction. */
class NaiveBucket {
  #tokens: number
  #at = 0
  readonly #rate: Rate

  constructor(rate: Rate) {
    this.#tokens = rate.max
    this.#rate = rate
  }

  tokens(nowMs: number): number {
    const { max, windowMs } = this.#rate
    this.#tokens = Math.min(max, this.#tokens + ((nowMs - this.#at) * max) / windowMs)
    this.#at = nowMs
    return this.#tokens
  }

  take(): void {
    this.#tokens -= 1
  }
}

describe('any messages at any times', () => {
  const anyRate = fc.record({
    max: fc.integer({ min: 1, max: 50 }),
    windowMs: fc.constantFrom(10_000, minuteMs),
  })
  const anyPauses = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 20_000, noNaN: true })), {
    maxLength: 200,
  })

  it('pass as from a plain bucket: never more than the limit and what has come back, never fewer', async () => {
    await fc.assert(
      fc.asyncProperty(anyRate, anyPauses, async (rate, pausesMs) => {
        const { clock, takes } = setup({ session: rate })
        const naive = new NaiveBucket(rate)
        let passed = 0
        for (const pauseMs of pausesMs) {
          clock.advance(pauseMs)
          const tokens = naive.tokens(clock.now())
          const isTaken = await takes({ session: 'a' })
          // Where the two would round differently, either may be right.
          expect(isTaken).toBe(Math.abs(tokens - 1) > 1e-6 ? tokens > 1 : isTaken)
          if (!isTaken) continue
          naive.take()
          passed += 1
          expect(passed).toBeLessThanOrEqual(rate.max + (clock.now() * rate.max) / rate.windowMs + 1e-6)
        }
      }),
    )
  })

  it('are never refused where they come no faster than the limit', async () => {
    await fc.assert(
      fc.asyncProperty(anyRate, fc.array(fc.nat(20_000)), async (rate, extraMs) => {
        const { clock, takes } = setup({ session: rate })
        for (const extra of extraMs) {
          expect(await takes({ session: 'a' })).toBe(true)
          clock.advance(rate.windowMs / rate.max + extra)
        }
      }),
    )
  })
})
