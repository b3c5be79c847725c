import { expect, it } from 'vitest'
import { withoutEcho } from '../src/interrupts.ts'
import { FakeClock } from './fakes/fake-clock.ts'

it('hears a signal that comes twice at once as one, and later ones again', () => {
  const clock = new FakeClock()
  let heard = 0
  const listener = withoutEcho(clock, () => heard++)
  listener()
  clock.advance(1)
  listener()
  expect(heard).toBe(1)
  clock.advance(1000)
  listener()
  expect(heard).toBe(2)
})
