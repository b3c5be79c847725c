import { describe, expect, it, onTestFinished } from 'vitest'
import { EventLoopMonitor } from '../../src/event-loop/monitor.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { FakeEventLoop } from '../fakes/fake-event-loop.ts'

/** Whoever is watched late: 100 ms is the bound. */
function setup({ boundMs = 100 } = {}) {
  const clock = new FakeClock()
  const loop = new FakeEventLoop()
  const changes: boolean[] = []
  const monitor = new EventLoopMonitor({
    watch: loop.watch,
    clock,
    boundSeconds: boundMs / 1000,
    onOverload: (active) => changes.push(active),
  })
  monitor.start()
  onTestFinished(() => monitor.stop())
  return { monitor, clock, loop, changes, pass: (...delaysMs: number[]) => loop.pass(clock, delaysMs) }
}

describe('overload', () => {
  it('begins when most of the last five seconds were late', async () => {
    const { monitor, pass, changes } = setup()
    await pass(0, 0, 101, 101)
    expect(monitor.overloaded).toBe(false)
    await pass(101)
    expect(monitor.overloaded).toBe(true)
    expect(changes).toEqual([true])
  })

  it('is a delay beyond the bound and not at it', async () => {
    const { monitor, pass } = setup()
    await pass(100, 100, 100, 100, 100, 100)
    expect(monitor.overloaded).toBe(false)
  })

  it('is not known before five seconds', async () => {
    const { monitor, pass } = setup()
    await pass(900, 900, 900, 900)
    expect(monitor.overloaded).toBe(false)
    await pass(900)
    expect(monitor.overloaded).toBe(true)
  })

  it.each([
    ['one long block', [0, 0, 60_000, 0, 0, 0]],
    ['two in a row', [0, 0, 900, 900, 0, 0, 0]],
    ['every other second', [900, 0, 0, 900, 0, 900, 0, 0, 900, 0]],
    ['a load that passes', [0, 900, 900, 0, 0, 0, 900, 900, 0]],
  ])('is not %s', async (_, delaysMs) => {
    const { changes, pass } = setup()
    await pass(...delaysMs)
    expect(changes).toEqual([])
  })

  it('is judged by the mean of a second: one late callback among many is no load', async () => {
    const { monitor, clock, loop } = setup()
    for (let second = 0; second < 10; second++) {
      loop.tick(...Array.from({ length: 49 }, () => 2), 800)
      await clock.advanceAsync(1000)
    }
    expect(monitor.overloaded).toBe(false)
  })

  it('ends when most of the last five seconds were clearly below the bound', async () => {
    const { monitor, pass, changes } = setup()
    await pass(900, 900, 900, 900, 900)
    await pass(99, 51, 51, 51, 51, 51, 51)
    expect(monitor.overloaded).toBe(true)
    await pass(50, 50)
    expect(monitor.overloaded).toBe(true)
    await pass(50)
    expect(monitor.overloaded).toBe(false)
    await pass(99, 99, 99, 99, 99, 99)
    expect(changes).toEqual([true, false])
  })

  it('is never where the bound is 0', async () => {
    const { monitor, pass } = setup({ boundMs: 0 })
    await pass(900, 900, 900, 900, 900, 900)
    expect(monitor.overloaded).toBe(false)
    expect(monitor.delaySeconds(1)).toBe(0.9)
  })
})

describe('the delay that is shown', () => {
  it('is that of all callbacks, and the same for everybody who asks', () => {
    const { monitor, loop } = setup()
    loop.tick(...Array.from({ length: 100 }, (_, index) => index + 1))
    for (let reader = 0; reader < 3; reader++) {
      expect([0.5, 0.99, 1].map((part) => monitor.delaySeconds(part))).toEqual([0.05, 0.099, 0.1])
    }
  })

  it.each([0, 1, 15, 29, 30, 31, 59, 60, 75])(
    'stays for half a minute at least, and a minute at most: from second %i',
    async (startSecond) => {
      const { monitor, clock, loop } = setup()
      await clock.advanceAsync(startSecond * 1000 + 500)
      loop.tick(700)
      let secondsShown = 0
      while (monitor.delaySeconds(1) === 0.7) {
        await clock.advanceAsync(1000)
        secondsShown++
      }
      expect(secondsShown).toBeGreaterThanOrEqual(30)
      expect(secondsShown).toBeLessThanOrEqual(60)
      await clock.advanceAsync(60_000)
      expect(monitor.delaySeconds(1)).toBe(0)
    },
  )

  it('is 0 before the start and after the end, and nothing is measured then', async () => {
    const clock = new FakeClock()
    const loop = new FakeEventLoop()
    const monitor = new EventLoopMonitor({ watch: loop.watch, clock, boundSeconds: 1 })
    expect([monitor.delaySeconds(1), loop.watchers, clock.pending]).toEqual([0, 0, 0])
    monitor.start()
    monitor.start()
    expect([loop.watchers, clock.pending]).toEqual([3, 1])
    loop.tick(5)
    monitor.stop()
    monitor.stop()
    expect([monitor.delaySeconds(1), loop.watchers, clock.pending]).toEqual([0, 0, 0])
  })
})
