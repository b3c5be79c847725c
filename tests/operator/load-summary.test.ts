import { describe, expect, it } from 'vitest'
import { loadSummary, type LoadOutcome } from '../../src/operator/load-summary.ts'
import { LoadTally } from '../../src/operator/load-tally.ts'
import { progressLine } from '../../src/operator/progress.ts'

const megabyte = 1024 * 1024
const calm = { containers: 1, sessions: 0, turnsRunning: 0, memoryBytes: 100 * megabyte, loopDelaySeconds: 0 }

function summaryOf(change: Partial<LoadOutcome> & { readonly tally: LoadTally }): string {
  return loadSummary({
    url: 'http://bar.test',
    plan: { guests: 3, durationMs: 60_000, rampMs: 0, thinkMs: 8000 },
    seconds: 61,
    wasStopped: false,
    server: null,
    ownDelayMs: { p99: 1, max: 2 },
    wasPaymentReal: false,
    ...change,
  })
}

function tallyOf(...guests: readonly ('enters' | 'is turned away')[]): LoadTally {
  const tally = new LoadTally()
  for (const [number, guest] of guests.entries()) {
    if (guest === 'enters') tally.guestEntered(number)
    else tally.guestTurnedAway(number)
  }
  return tally
}

describe('the summary of a load', () => {
  it('says in a sentence how many fitted, and by how much the memory grew', () => {
    const tally = tallyOf('enters', 'enters', 'enters')
    const peak = { ...calm, sessions: 3, memoryBytes: 142 * megabyte }
    const server = { before: calm, peak, after: calm, cpuCores: 0.25, limited: {} }
    const text = summaryOf({ tally, server })
    expect(text).toContain('All 3 guests fitted at once.\nThe memory grew by up to 42 MB.\n')
    expect(text).toMatch(/^memory, MB +100 +142 +100$/m)
  })

  it('says of several containers that their last figures may be older than the end', () => {
    const two = { ...calm, containers: 2 }
    const server = { before: two, peak: two, after: two, cpuCores: 1, limited: {} }
    const summary = summaryOf({ tally: tallyOf('enters'), server })
    expect(summary).toContain('tell this every 10 s: "after" may be of before.')
    expect(Math.max(...summary.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80)
    const alone = { before: calm, peak: calm, after: calm, cpuCores: 1, limited: {} }
    expect(summaryOf({ tally: tallyOf('enters'), server: alone })).not.toContain('every 10 s')
  })

  it('says who was refused, with which code, and what raises that limit', () => {
    const tally = tallyOf('enters', 'enters', 'is turned away')
    tally.refusedWith('SESSION_LIMIT')
    const text = summaryOf({ tally })
    expect(text).toContain('2 of 3 guests fitted at once; refused with SESSION_LIMIT.\n1 never came in.\n')
    expect(text).toContain('Refused 1 times with SESSION_LIMIT (raised by MAYA_SESSIONS_PER_CONTAINER).')
    expect(text).toContain("The server's own metrics could not be read.")
  })

  it('names the rate limits that the metrics tell of, and all where these are closed', () => {
    const tally = tallyOf('enters')
    tally.refusedWith('RATE_LIMITED')
    const limited = { app: 1 }
    const server = { before: calm, peak: calm, after: calm, cpuCores: undefined, limited }
    expect(summaryOf({ tally, server })).toContain('with RATE_LIMITED (raised by MAYA_APP_RATE_LIMIT).')
    expect(summaryOf({ tally })).toContain('MAYA_SESSION_RATE_LIMIT, MAYA_BURST_LIMIT')
  })

  it('names failures by their code', () => {
    const tally = tallyOf('enters')
    tally.turnFailed('MODEL_TIMEOUT')
    tally.turnFailed('MODEL_TIMEOUT')
    tally.otherFailed('NOT_ENDED')
    const text = summaryOf({ tally, wasStopped: true })
    expect(text).toContain('0 turns answered, 2 failed (MODEL_TIMEOUT 2)')
    expect(text).toContain('Beside the turns there failed: (NOT_ENDED 1)')
    expect(text).toContain('1 m 1 s with 3 guests at http://bar.test, stopped early')
  })

  it('says when the load itself was too slow to measure with, and only then', () => {
    const tally = tallyOf('enters')
    expect(summaryOf({ tally, ownDelayMs: { p99: 80, max: 900 } })).toContain(
      'its event loop by 80 ms (p99), 900',
    )
    expect(summaryOf({ tally })).not.toContain('The load itself was late')
  })

  it('tells that a payment was not simulated', () => {
    expect(summaryOf({ tally: tallyOf('enters'), wasPaymentReal: true })).toContain(
      'not of the simulated bar',
    )
  })
})

describe('the progress', () => {
  it('is a line that has as many characters as there is room for', () => {
    const charactersMax = 79
    const tally = tallyOf('enters', 'is turned away')
    const line = progressLine({ elapsedMs: 65_000, durationMs: 120_000, guests: 2, tally, charactersMax })
    expect(line).toBe('[###########---------] 1:05/2:00  guests 1/2  turns 0  refused 0  failed 0')
    const late = progressLine({
      elapsedMs: 5_000_000,
      durationMs: 3_600_000,
      guests: 500,
      tally,
      charactersMax: 60,
    })
    expect(late).toContain('[####################] 60:00/60:00')
    expect(late).toHaveLength(60)
  })
})
