import { describe, expect, it } from 'vitest'
import { messagesMax, runLoad, type LoadPlan } from '../../src/operator/load-run.ts'
import { LoadTally } from '../../src/operator/load-tally.ts'
import { NoAnswerError } from '../../src/operator/no-answer.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { FakeBar, refusal } from './fake-bar.ts'

const minuteMs = 60_000
const chat = '/api/v1/chat/stream'
const pay = '/api/v1/payments/pay'

function setup(wishes: Partial<LoadPlan> & { readonly isSpoken?: boolean; readonly mayPay?: boolean } = {}) {
  const { isSpoken = false, mayPay = true, ...planned } = wishes
  const plan = { guests: 4, durationMs: 2 * minuteMs, rampMs: 8000, thinkMs: 8000, ...planned }
  const clock = new FakeClock()
  const bar = new FakeBar(clock)
  const tally = new LoadTally()
  const stopping = new AbortController()
  const till = { isOpen: mayPay }
  let [keys, picks] = [0, 0]
  const party = { clock, tally, till, isSpoken, apiKey: undefined, connect: bar.connect }
  const options = { ...party, plan, newKey: () => `key-${keys++}`, random: () => (picks++ * 0.37) % 1 }
  const run = async (durationMs = plan.durationMs + minuteMs): Promise<void> => {
    const ended = runLoad(options, stopping.signal)
    await Promise.all([ended, clock.advanceAsync(durationMs)])
  }
  return { plan, clock, bar, tally, stopping, till, run }
}

describe('guests of a load', () => {
  it('order, tip, pay, leave and come again, and leave no session behind', async () => {
    const { bar, tally, run } = setup()
    await run()
    expect(tally.turns.length).toBeGreaterThan(4 * 5)
    expect(tally.turns.every(({ firstTextMs, wholeMs }) => firstTextMs === 200 && wholeMs === 400)).toBe(true)
    expect([tally.failed, tally.refused, tally.otherFailures.size]).toEqual([0, 0, 0])
    expect(tally.visits).toBeGreaterThan(4)
    expect(bar.askedOf('/api/v1/payments/tip').length).toBeGreaterThan(0)
    expect(tally.payments).toBe(bar.askedOf(pay).length)
    expect(bar.askedOf(pay)[0]?.question.body).toEqual({ expected_total_cents: 1200 })
    expect(bar.sessions.size).toBe(0)
  })

  it('come one after the other', async () => {
    const { bar, run } = setup()
    await run()
    const arrivals = bar.askedOf('/api/v1/sessions').slice(0, 4)
    expect(arrivals.map(({ atMs }) => atMs)).toEqual([0, 2000, 4000, 6000])
  })

  it('think for half of the mean pause at least, and so never say more than was promised', async () => {
    const { bar, plan, run } = setup()
    await run()
    const byGuest = Map.groupBy(bar.askedOf(chat), ({ guest }) => guest)
    const pauses = [...byGuest.values()].flatMap((asked) =>
      asked.slice(1).map(({ atMs }, before) => atMs - (asked[before]?.atMs ?? 0)),
    )
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(plan.thinkMs / 2)
    expect(Math.max(...pauses)).toBeGreaterThan(plan.thinkMs)
    expect(bar.askedOf(chat).length).toBeLessThanOrEqual(messagesMax(plan))
  })

  it('ask for a voice only when it is wished', async () => {
    const [silent, spoken] = [setup(), setup({ isSpoken: true })]
    await silent.run()
    await spoken.run()
    expect(silent.bar.askedOf(chat)[0]?.question.body).not.toHaveProperty('voice')
    expect(spoken.bar.askedOf(chat)[0]?.question.body).toHaveProperty('voice', true)
  })

  it('wait as long as a refusal wishes, and say the same again under the same key', async () => {
    const { bar, tally, run } = setup({ guests: 1 })
    let refusals = 0
    bar.refuse = ({ path }) =>
      path === chat && refusals++ === 0 ? refusal(429, 'RATE_LIMITED', 30) : undefined
    await run()
    const [first, second] = bar.askedOf(chat)
    expect(second?.question.headers).toEqual(first?.question.headers)
    expect(second?.question.body).toEqual(first?.question.body)
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(30_000)
    expect([...tally.refusals]).toEqual([['RATE_LIMITED', 1]])
    expect(tally.failed).toBe(0)
  })

  it('who find no room ask again after what the server says, and are counted when they never come in', async () => {
    const { bar, tally, run } = setup({ durationMs: minuteMs / 2 })
    bar.sessionsMax = 2
    await run()
    expect([tally.insideMax, tally.neverAdmitted]).toEqual([2, 2])
    expect([...tally.refusals.keys()]).toEqual(['SESSION_LIMIT'])
    const byGuest = Map.groupBy(bar.askedOf('/api/v1/sessions'), ({ guest }) => guest)
    const [first, second] = byGuest.get(3) ?? []
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(5000)
  })

  it('pay nowhere else after the first receipt that is not of the simulated bar', async () => {
    const { bar, tally, till, run } = setup({ guests: 1, durationMs: 10 * minuteMs })
    bar.receipt = 'ch_3Q'
    await run()
    expect([tally.payments, till.isOpen]).toEqual([1, false])
    expect(tally.visits).toBeGreaterThan(2)
  })

  it('do not pay where they may not', async () => {
    const { bar, run } = setup({ mayPay: false })
    await run()
    expect([...bar.askedOf(pay), ...bar.askedOf('/api/v1/payments/tip')]).toEqual([])
  })

  it('count what fails by its code and go on', async () => {
    const { bar, tally, run } = setup({ guests: 1 })
    let turns = 0
    bar.refuse = ({ path, onEvent }) => {
      if (path !== chat) return undefined
      turns++
      if (turns === 1) throw new NoAnswerError('BROKEN_OFF', 'It broke.')
      if (turns === 2) return refusal(504, 'MODEL_TIMEOUT')
      if (turns > 4) return undefined
      // The third has an error in its stream, the fourth no end.
      if (turns === 3) onEvent?.('{"type":"error","code":"MODEL_UNAVAILABLE","message":"No."}')
      return { status: 200, header: () => undefined, text: '' }
    }
    await run()
    expect(Object.fromEntries(tally.turnFailures)).toEqual({
      BROKEN_OFF: 2,
      MODEL_TIMEOUT: 1,
      MODEL_UNAVAILABLE: 1,
    })
    expect(tally.turns.length).toBeGreaterThan(0)
    expect(bar.sessions.size).toBe(0)
  })

  it('leave a session that is no more, and come with a new one', async () => {
    const { bar, tally, run } = setup({ guests: 1 })
    let turns = 0
    bar.refuse = ({ path }) =>
      path === chat && turns++ === 0 ? refusal(404, 'SESSION_NOT_FOUND') : undefined
    await run()
    const sessions = bar.askedOf(chat).map(({ question }) => question.headers?.['x-session-id'])
    expect(sessions.slice(0, 2)).toEqual(['session-0', 'session-1'])
    expect(tally.turnFailures.get('SESSION_NOT_FOUND')).toBe(1)
  })
})

describe('a load', () => {
  it('that is stopped waits for no turn, and still ends every session', async () => {
    const { clock, bar, tally, stopping, run } = setup({ rampMs: 0 })
    bar.turnMs = 100_000
    clock.after(40_000, () => stopping.abort())
    await run(40_000)
    expect(tally.stopped).toBe(4)
    expect(tally.turns).toEqual([])
    expect(tally.failed).toBe(0)
    expect(bar.sessions.size).toBe(0)
  })

  it('waits for the turns that run when its time is over, and begins no other', async () => {
    const { bar, plan, tally, run } = setup({ rampMs: 0, durationMs: minuteMs })
    bar.turnMs = 50_000
    await run()
    expect(tally.turns).toHaveLength(4)
    expect(Math.max(...bar.askedOf(chat).map(({ atMs }) => atMs))).toBeLessThan(plan.durationMs)
    expect(bar.sessions.size).toBe(0)
  })

  it('ends at once where sessions need a key that nobody has', async () => {
    const { bar, run } = setup()
    bar.refuse = () => refusal(401, 'API_KEY_REQUIRED')
    await expect(run()).rejects.toThrow('set MAYA_API_KEYS')
    expect(bar.asked).toHaveLength(1)
  })
})
