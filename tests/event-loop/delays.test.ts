import { expect, it, onTestFinished } from 'vitest'
import { watchEventLoop } from '../../src/event-loop/delays.ts'

/** Keeps the loop from everything else. */
function blockFor(durationMs: number): void {
  const endMs = performance.now() + durationMs
  while (performance.now() < endMs);
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

it('measures how late a blocked loop comes to its callbacks, and forgets it when it is told to', async () => {
  const delays = watchEventLoop()
  onTestFinished(() => delays.stop())
  expect([delays.meanSeconds, delays.quantileSeconds(0.5), delays.quantileSeconds(1)]).toEqual([0, 0, 0])
  // The first callback is no interval yet.
  while (delays.quantileSeconds(1) < 0.15) {
    blockFor(200)
    await nextTurn()
  }
  expect(delays.meanSeconds).toBeGreaterThan(0.05)
  expect(delays.quantileSeconds(0.01)).toBeLessThanOrEqual(delays.quantileSeconds(1))
  delays.reset()
  expect([delays.meanSeconds, delays.quantileSeconds(1)]).toEqual([0, 0])
})
