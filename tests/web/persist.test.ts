import { describe, expect, it } from 'vitest'
import { persist } from '../../web/src/api/persist.ts'
import { Problem } from '../../web/src/api/problem.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'

/** An attempt that fails in these ways, one after the other, and then succeeds. */
function setup(problems: readonly unknown[]) {
  const clock = new FakeClock()
  const told: string[] = []
  const online = new Set<() => void>()
  const stopped = new AbortController()
  const attempts: number[] = []
  const rest = [...problems]
  const result = persist(
    async () => {
      attempts.push(clock.now())
      if (rest.length > 0) throw rest.shift()
      return 'done'
    },
    {
      clock,
      onOnline(callback) {
        online.add(callback)
        return () => online.delete(callback)
      },
      tell: (problem, seconds) => void told.push(problem === null ? 'over' : `${problem.code} ${seconds}`),
      signal: stopped.signal,
    },
  )
  result.catch(() => {})
  return { clock, told, online, stopped, attempts, result }
}

const full = new Problem({ status: 503, code: 'SESSION_LIMIT', retryAfterSeconds: 3 })
const offline = new Problem()

describe('trying again', () => {
  it('counts down the seconds that the server asked for, and says when it is over', async () => {
    const { clock, told, attempts, result } = setup([full])
    await clock.advanceAsync(3000)
    expect(await result).toBe('done')
    expect(told).toEqual(['SESSION_LIMIT 3', 'SESSION_LIMIT 2', 'SESSION_LIMIT 1', 'over'])
    expect(attempts).toEqual([0, 3000])
    expect(clock.pending).toBe(0)
  })

  it('takes longer with every failure, up to a bound', async () => {
    const { clock, attempts } = setup(Array.from({ length: 8 }, () => offline))
    await clock.advanceAsync(60_000)
    const pauses = attempts.map((at, index) => at - (attempts[index - 1] ?? 0)).slice(1)
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000])
  })

  it('is done at once when the network comes back, and waits for it only when it was lost', async () => {
    const { online, attempts, result, clock } = setup([offline, full])
    await settle()
    expect(online.size).toBe(1)
    for (const callback of online) callback()
    await settle()
    expect(attempts).toEqual([0, 0])
    expect(online.size).toBe(0)
    await clock.advanceAsync(3000)
    expect(await result).toBe('done')
  })

  it('ends when the guest takes it back, with nothing left behind', async () => {
    const { clock, stopped, result, told, online } = setup([offline])
    await settle()
    stopped.abort()
    await expect(result).rejects.toMatchObject({ name: 'AbortError' })
    expect(told.at(-1)).toBe('over')
    expect([clock.pending, online.size]).toEqual([0, 0])
  })

  it.each([
    ['a refusal that waiting cannot mend', new Problem({ status: 422, code: 'KEY_REJECTED' })],
    ['a payment that failed', new Problem({ status: 502, code: 'PAYMENT_FAILED', retryAfterSeconds: 1 })],
    ['a wait of hours', new Problem({ status: 429, code: 'BUDGET_EXHAUSTED', retryAfterSeconds: 7200 })],
    ['a defect', new TypeError('of ours')],
  ])('is not done for %s', async (_, problem) => {
    const { attempts, result } = setup([problem])
    await expect(result).rejects.toBe(problem)
    expect(attempts).toHaveLength(1)
  })
})
