import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryMonitor, type MemoryMonitorOptions } from '../../src/memory/monitor.ts'
import type { MemoryReading } from '../../src/memory/readers.ts'
import { FakeClock } from '../fakes/fake-clock.ts'

function setup(overrides: Partial<MemoryMonitorOptions> = {}) {
  const clock = new FakeClock()
  const container: { usageBytes: number; limitBytes: number | null } = { usageBytes: 300, limitBytes: 1000 }
  const changes: boolean[] = []
  let reads = 0
  const read = (): MemoryReading => {
    reads++
    return { ...container, usageSource: 'cgroup-v2', limitSource: 'cgroup-v2' }
  }
  const monitor = new MemoryMonitor({
    read,
    clock,
    threshold: 0.8,
    onPressure: (active) => changes.push(active),
    ...overrides,
  })
  return { monitor, clock, container, changes, reads: () => reads }
}

describe('reading', () => {
  it('is taken at the first question and kept for a second', () => {
    const { monitor, clock, container, reads } = setup()
    expect(monitor.reading.usageBytes).toBe(300)
    container.usageBytes = 400
    clock.advance(1000)
    expect(monitor.reading.usageBytes).toBe(300)
    expect(reads()).toBe(1)
  })

  it('is taken anew once it is older, for every question', () => {
    const questions = [
      (monitor: MemoryMonitor) => monitor.reading.usageBytes,
      (monitor: MemoryMonitor) => monitor.utilization * 1000,
      (monitor: MemoryMonitor) => 1000 - Number(monitor.availableBytes),
    ]
    for (const ask of questions) {
      const { monitor, clock, container } = setup()
      expect(ask(monitor)).toBe(300)
      container.usageBytes = 400
      clock.advance(1001)
      expect(ask(monitor)).toBe(400)
    }
  })

  it('is taken at once by sample()', () => {
    const { monitor, container } = setup()
    expect(monitor.reading.usageBytes).toBe(300)
    container.usageBytes = 400
    expect(monitor.sample().usageBytes).toBe(400)
    expect(monitor.reading.usageBytes).toBe(400)
  })

  it('keeps as long as sampleMs says', () => {
    const { monitor, clock, reads } = setup({ sampleMs: 100 })
    void monitor.reading
    clock.advance(101)
    void monitor.reading
    expect(reads()).toBe(2)
  })
})

describe('pressure', () => {
  it('begins at the threshold and ends below five points under it', () => {
    const { monitor, container, changes } = setup()
    const pressure = [799, 800, 760, 750, 749, 799, 800].map((usageBytes) => {
      container.usageBytes = usageBytes
      monitor.sample()
      return monitor.pressure
    })
    expect(pressure).toEqual([false, true, true, true, false, false, true])
    expect(changes).toEqual([true, false, true])
  })

  it('is noticed by the question itself when the reading is old', () => {
    const { monitor, clock, container } = setup()
    expect(monitor.pressure).toBe(false)
    container.usageBytes = 900
    clock.advance(1001)
    expect(monitor.pressure).toBe(true)
  })

  it('is never there without a limit, and ends when the limit is taken away', () => {
    const { monitor, container } = setup()
    container.usageBytes = 900
    monitor.sample()
    expect(monitor.pressure).toBe(true)
    container.limitBytes = null
    monitor.sample()
    expect(monitor.pressure).toBe(false)
  })

  it('is what a model of it says, for any course of usage and limit', () => {
    const course = fc.array(
      fc.record({
        usageBytes: fc.integer({ min: 0, max: 1200 }),
        limitBytes: fc.option(fc.integer({ min: 800, max: 1200 }), { freq: 8 }),
      }),
      { maxLength: 60 },
    )
    const thresholds = fc.integer({ min: 10, max: 95 }).map((percent) => percent / 100)
    fc.assert(
      fc.property(course, thresholds, (samples, threshold) => {
        const { monitor, container, changes } = setup({ threshold })
        const expected: boolean[] = []
        for (const sample of samples) {
          Object.assign(container, sample)
          monitor.sample()
          expected.push(isPressure(sample, threshold, expected.at(-1) ?? false))
          expect(monitor.pressure).toBe(expected.at(-1))
        }
        expect(changes).toEqual(expected.filter((active, at) => active !== (expected[at - 1] ?? false)))
      }),
    )
  })

  it('does not switch to and fro while usage moves within five points', () => {
    const usages = fc.array(fc.integer({ min: 750, max: 1000 }), { minLength: 1 })
    fc.assert(
      fc.property(usages, (course) => {
        const { monitor, container, changes } = setup()
        for (const usageBytes of course) {
          container.usageBytes = usageBytes
          monitor.sample()
        }
        expect(changes.length).toBeLessThanOrEqual(1)
      }),
    )
  })
})

describe('room', () => {
  it('ends at the threshold, not at the limit', () => {
    const { monitor } = setup()
    expect(monitor).toMatchObject({ availableBytes: 700, admissionBytes: 800, roomBytes: 500 })
    expect([500, 501].map((bytes) => monitor.hasRoomFor(bytes))).toEqual([true, false])
  })

  it('is none under pressure, even for nothing', () => {
    const { monitor, container } = setup()
    container.usageBytes = 800
    monitor.sample()
    container.usageBytes = 760
    monitor.sample()
    expect(monitor.roomBytes).toBe(0)
    expect(monitor.hasRoomFor(0)).toBe(false)
  })

  it('is endless without a limit', () => {
    const { monitor, container } = setup()
    container.limitBytes = null
    expect(monitor.hasRoomFor(Number.MAX_SAFE_INTEGER)).toBe(true)
    expect(monitor).toMatchObject({
      utilization: 0,
      availableBytes: null,
      admissionBytes: null,
      roomBytes: Infinity,
    })
  })

  it('is never negative', () => {
    const { monitor, container } = setup()
    container.usageBytes = 1100
    expect(monitor).toMatchObject({ availableBytes: 0, roomBytes: 0, utilization: 1.1 })
  })
})

describe('start', () => {
  it('samples at once and every second, so that pressure is noticed without a request', async () => {
    const { monitor, clock, container, changes } = setup()
    monitor.start()
    container.usageBytes = 900
    await clock.advanceAsync(999)
    expect(changes).toEqual([])
    await clock.advanceAsync(1)
    expect(changes).toEqual([true])
    container.usageBytes = 100
    await clock.advanceAsync(1000)
    expect(changes).toEqual([true, false])
  })

  it('started twice samples once, and stopped leaves no timer', async () => {
    const { monitor, clock, reads } = setup()
    monitor.start()
    monitor.start()
    expect(clock.pending).toBe(1)
    monitor.stop()
    monitor.stop()
    await clock.advanceAsync(5000)
    expect([clock.pending, reads()]).toEqual([0, 1])
  })

  it('starts again after a stop', async () => {
    const { monitor, clock, reads } = setup()
    monitor.start()
    monitor.stop()
    monitor.start()
    await clock.advanceAsync(1000)
    expect(reads()).toBe(3)
  })
})

/** The rule as DESIGN says it, by its two conditions. */
function isPressure(
  { usageBytes, limitBytes }: { usageBytes: number; limitBytes: number | null },
  threshold: number,
  before: boolean,
): boolean {
  if (limitBytes === null) return false
  if (usageBytes / limitBytes >= threshold) return true
  if (usageBytes / limitBytes < threshold - 0.05) return false
  return before
}
