import { expect, it } from 'vitest'
import { Counters } from '../../src/store/counters.ts'
import { FakeClock } from '../fakes/fake-clock.ts'

it('keeps no counter longer than until the next count after its expiry', () => {
  const clock = new FakeClock()
  const counters = new Counters(clock)
  for (let n = 0; n < 1000; n++) {
    counters.count(`n${n}`, 1, clock.date() + 10)
    clock.advance(1)
  }
  expect(counters.size).toBeLessThanOrEqual(10)
  clock.advance(10)
  counters.count('last', 1, clock.date() + 10)
  expect(counters.size).toBe(1)
})

it('makes no counter by looking at one', () => {
  const counters = new Counters(new FakeClock())
  expect(counters.count('a', 0, Infinity)).toBe(0)
  expect(counters.size).toBe(0)
})
