import { describe, expect, it } from 'vitest'
import type { Answer } from '../../src/operator/connection.ts'
import { statusJson } from '../../src/operator/status-json.ts'
import { reportStatus } from '../../src/operator/status-report.ts'
import { statusText } from '../../src/operator/status-text.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { newGuest } from '../fakes/guest.ts'
import { startService, type TestServiceOptions } from '../fakes/test-service.ts'
import { facts } from '../fakes/test-settings.ts'
import { connectTo } from './app-connection.ts'

const { signal } = new AbortController()
const plain = (_style: string, text: string): string => text

async function setup(options: TestServiceOptions = {}) {
  const clock = new FakeClock()
  const uptimeSeconds = (): number => 100 + clock.now() / 1000
  const service = await startService({ ...options, facts: { ...facts, uptimeSeconds } })
  const connection = connectTo(service)
  const report = async (
    wishes: { readonly token?: string; readonly during?: () => Promise<unknown> } = {},
  ) => {
    const { token, during = async () => {} } = wishes
    const reported = reportStatus({ connection, clock, token, seconds: 30, timeoutMs: 1000 }, signal)
    // Both readings take real turns of the event loop; the pause between them is in the clock.
    await expect.poll(() => clock.pending).toBe(1)
    await during()
    clock.advance(30_000)
    return reported
  }
  return { clock, service, connection, report }
}

describe('a status', () => {
  it('shows what happened between its readings beside what happened since the start', async () => {
    const { service, report } = await setup()
    const guest = await newGuest(service)
    await guest.post('/chat', { user_input: 'A beer, please.' })
    const during = async (): Promise<void> => {
      await guest.post('/chat', { user_input: 'Another one, please.' })
      await guest.post('/chat', { user_input: 'What is on my tab?' })
    }
    const { isHealthy, containers, now, sinceStart } = await report({ during })
    expect(isHealthy).toBe(true)
    expect(containers).toMatchObject([{ name: '', sessions: 1, sessionsMax: 50, admissible: 49 }])
    expect(now).toMatchObject({ seconds: 30, turnsPerMinute: 4, sessionsCreatedPerMinute: 0 })
    expect(sinceStart?.turnsPerMinute).toBeCloseTo((3 / 130) * 60)
    expect(now?.firstTextBoundSeconds).toBeGreaterThan(0)
  })

  it('is not healthy where there is no room, and counts who was refused by the reason', async () => {
    const { service, report } = await setup({ environment: { MAYA_SESSIONS_PER_CONTAINER: '1' } })
    await newGuest(service)
    const refused = await service.app.inject({ method: 'POST', url: '/api/v1/sessions' })
    expect(refused.statusCode).toBe(503)
    const { isHealthy, problems, sinceStart } = await report()
    expect(isHealthy).toBe(false)
    expect(problems).toEqual(['Takes no new sessions: No room for another session'])
    expect(sinceStart?.rejectedByReason).toEqual({ SESSION_LIMIT: 1 })
  })

  it('says how to open metrics that need a token, and shows them with it', async () => {
    const token = 'a-token-of-the-metrics'
    const { clock, connection, report } = await setup({ environment: { MAYA_METRICS_TOKEN: token } })
    const ask = (given: string | undefined) =>
      reportStatus({ connection, clock, token: given, seconds: 1, timeoutMs: 1000 }, signal)
    expect((await ask(undefined)).metricsRefused).toContain('set MAYA_METRICS_TOKEN')
    expect((await ask('another-token-0123')).metricsRefused).toContain('refuse this MAYA_METRICS_TOKEN')
    expect((await ask('another-token-0123')).isHealthy).toBe(true)
    expect((await report({ token })).containers).toHaveLength(1)
  })
})

interface FleetMember {
  readonly name: string
  readonly uptime: number
  readonly turns: number
  readonly started?: number
  readonly pressure?: 0 | 1
}

const name = 'ta-01JXY0ABCDEF-00112233'

/** A fleet that shows one picture after the other. */
async function reportFleet(...pictures: readonly (readonly FleetMember[])[]) {
  const clock = new FakeClock()
  const left = [...pictures]
  const connection = {
    url: 'http://bar.test',
    ask: async ({ path }: { readonly path: string }): Promise<Answer> => {
      const isProbe = path === '/healthz' || path === '/readyz'
      return answerOf(isProbe ? '{"status":"healthy","checks":[]}' : fleetText(left.shift() ?? []))
    },
    close() {},
  }
  const reported = reportStatus(
    { connection, clock, token: undefined, seconds: null, timeoutMs: 1000 },
    signal,
  )
  await clock.advanceAsync(12_000)
  return reported
}

function answerOf(text: string): Answer {
  return { status: 200, header: () => undefined, text }
}

function fleetText(members: readonly FleetMember[]): string {
  const lines = members.flatMap(({ name: container, uptime, turns, started = 5, pressure = 0 }) => {
    const labels = `container="${container}"`
    return [
      `process_start_time_seconds{${labels}} ${started}`,
      `maya_process_uptime_seconds{${labels}} ${uptime}`,
      `maya_active_sessions{${labels}} 3`,
      `maya_max_sessions{${labels}} 50`,
      `maya_container_memory_pressure{${labels}} ${pressure}`,
      `maya_turns_total{${labels},outcome="complete"} ${turns}`,
    ]
  })
  return ['maya_fleet_board_up 1', ...lines, ''].join('\n')
}

describe('the status of a fleet', () => {
  it('counts by the clock of each container, whenever each has told its numbers', async () => {
    const { now, sinceStart } = await reportFleet(
      [
        { name: 'a', uptime: 100, turns: 10 },
        { name: 'b', uptime: 50, turns: 100 },
      ],
      [
        { name: 'a', uptime: 110, turns: 20 },
        { name: 'b', uptime: 70, turns: 110 },
      ],
    )
    expect(now?.turnsPerMinute).toBeCloseTo(60 + 30)
    expect(sinceStart?.turnsPerMinute).toBeCloseTo((20 / 110 + 110 / 70) * 60)
  })

  it('takes no restart and no new container for a leap', async () => {
    const { now } = await reportFleet(
      [
        { name: 'a', uptime: 100, turns: 10 },
        { name: 'b', uptime: 50, turns: 100 },
      ],
      [
        { name: 'a', uptime: 110, turns: 20 },
        { name: 'b', uptime: 3, turns: 90, started: 9 },
        { name: 'c', uptime: 2, turns: 40 },
      ],
    )
    expect(now?.turnsPerMinute).toBeCloseTo(60)
  })

  it('knows nothing of now when nobody has told anything new', async () => {
    const picture = [
      { name: 'a', uptime: 100, turns: 10 },
      { name: 'b', uptime: 50, turns: 100 },
    ]
    const { now } = await reportFleet(picture, picture)
    expect(now).toMatchObject({ seconds: 0, turnsPerMinute: undefined })
  })

  it('says which container tells nothing any more, as one that was killed', async () => {
    const { notes } = await reportFleet(
      [
        { name: 'a', uptime: 100, turns: 10 },
        { name, uptime: 50, turns: 100 },
      ],
      [
        { name: 'a', uptime: 110, turns: 20 },
        { name, uptime: 50, turns: 100 },
      ],
    )
    expect(notes).toEqual(['ta-01JXY0..-00112233 told nothing new in 12 s: it may be gone.'])
  })

  it('is not healthy while one of its containers is not, and names it', async () => {
    const picture = [
      { name: 'a', uptime: 100, turns: 10 },
      { name: 'b', uptime: 50, turns: 100, pressure: 1 },
    ] as const
    const { isHealthy, problems } = await reportFleet(picture, picture)
    expect([isHealthy, problems]).toEqual([false, ['b: container memory pressure']])
  })

  it('fits on 80 columns, and what containers say of themselves cannot move the cursor', async () => {
    const members = Array.from({ length: 3 }, (_none, at) => ({
      name: `${name}-\u001B[2J-${'x'.repeat(40)}${at}`,
      uptime: 999_999,
      turns: 1e9,
      pressure: 1 as const,
    }))
    const text = statusText(await reportFleet(members, members), plain)
    expect(Math.max(...text.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80)
    expect(text).not.toContain('\u001B')
    expect(text).toMatch(/^3 containers +9\/150 /m)
  })

  it('is the same for machines, in snake_case', async () => {
    const picture = [
      { name: 'a', uptime: 100, turns: 10 },
      { name: 'b', uptime: 50, turns: 100 },
    ]
    const json: unknown = JSON.parse(statusJson(await reportFleet(picture, picture)))
    expect(json).toMatchObject({
      url: 'http://bar.test',
      is_healthy: true,
      containers: [{ name: 'a', sessions_max: 50 }, { name: 'b' }],
      since_start: { seconds: 100, rejected_by_reason: {} },
    })
  })
})
