import { describe, expect, it } from 'vitest'
import type { Bucket, Buckets } from '../../src/log/buckets.ts'

export interface OpenBuckets {
  /** Two containers that count together. */
  readonly one: Buckets
  readonly other: Buckets
  /** Lets the time of the buckets go on. */
  readonly pass: (durationMs: number) => Promise<void>
}

let made = 0

/** A bucket that no other test takes from. */
function bucket(max: number, windowMs: number): Bucket {
  return { limit: 'session', key: `guest ${++made}`, max, windowMs }
}

/** What buckets of every kind do. Windows are long where nothing may come back meanwhile. */
export function bucketsContract(name: string, open: () => Promise<OpenBuckets>): void {
  describe(`the ${name} buckets`, () => {
    const hourMs = 3600_000

    it('give out what they hold, also where two containers take at once, and no more', async () => {
      const { one, other } = await open()
      const ten = bucket(10, hourMs)
      const taking = Array.from({ length: 40 }, (_, index) => (index % 2 ? one : other).take([ten]))
      const taken = await Promise.all(taking)
      expect(taken.filter(({ ok }) => ok)).toHaveLength(10)
      expect((await other.ask([ten])).ok).toBe(false)
    })

    it('say how long each takes until it is full again', async () => {
      const { one, other } = await open()
      const [two, four] = [bucket(2, hourMs), bucket(4, hourMs)]
      expect(await one.ask([two, four])).toEqual({ ok: true, missingMs: [0, 0] })
      const first = await one.take([two, four])
      expect(first).toEqual({ ok: true, missingMs: [hourMs / 2, hourMs / 4] })
      const [ofTwo = 0, ofFour = 0] = (await other.take([two])).missingMs
      expect(ofTwo).toBeGreaterThan(hourMs - 10_000)
      expect(ofTwo).toBeLessThanOrEqual(hourMs)
      expect(ofFour).toBe(0)
    })

    it('take from all or from none', async () => {
      const { one } = await open()
      const [empty, full] = [bucket(1, hourMs), bucket(3, hourMs)]
      await one.take([empty])
      const refused = await one.take([full, empty])
      expect([refused.ok, refused.missingMs[0]]).toEqual([false, 0])
      expect(await one.ask([full])).toEqual({ ok: true, missingMs: [0] })
    })

    it('fill again bit by bit, up to what they hold', async () => {
      const { one, pass } = await open()
      const quick = bucket(2, 400)
      const take = async () => (await one.take([quick])).ok
      expect([await take(), await take(), await take()]).toEqual([true, true, false])
      await pass(250)
      expect([await take(), await take()]).toEqual([true, false])
      await pass(2000)
      expect([await take(), await take(), await take()]).toEqual([true, true, false])
    })

    it('keep limits and keys apart', async () => {
      const { one } = await open()
      const here = bucket(1, hourMs)
      expect((await one.take([here])).ok).toBe(true)
      expect((await one.take([{ ...here, limit: 'burst' }])).ok).toBe(true)
      expect((await one.take([{ ...here, key: `${here.key} {x}:y` }])).ok).toBe(true)
      expect((await one.take([here])).ok).toBe(false)
    })
  })
}
