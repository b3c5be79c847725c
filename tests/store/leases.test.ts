import { expect, it } from 'vitest'
import { Leases } from '../../src/store/leases.ts'
import { FakeClock } from '../fakes/fake-clock.ts'

it('keeps no more leases in memory than twice those that are held', () => {
  const clock = new FakeClock()
  const leases = new Leases(clock)
  leases.acquire('long', 'left', 1_000_000)
  for (let at = 0; at < 10_000; at++) {
    leases.acquire(`session ${at}`, 'left', 10)
    clock.advance(1)
    expect(leases.size).toBeLessThanOrEqual(65)
  }
  expect(leases.isHeldBy('long', 'left')).toBe(true)
})
