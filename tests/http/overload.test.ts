import { describe, expect, it } from 'vitest'
import { changesOf, scrape, seriesOf } from '../fakes/exposition.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { FakeEventLoop } from '../fakes/fake-event-loop.ts'
import { newGuest } from '../fakes/guest.ts'
import { hanging, says, ScriptedModel } from '../fakes/scripted-model.ts'
import { startService } from '../fakes/test-service.ts'

/** A service whose event loop the test makes late. */
async function setup(environment: Record<string, string> = {}) {
  const clock = new FakeClock()
  const loop = new FakeEventLoop()
  const model = new ScriptedModel()
  const service = await startService({
    clock,
    watchLoop: loop.watch,
    model,
    environment: { MAYA_EVENT_LOOP_DELAY_MS: '150', ...environment },
  })
  const pass = (seconds: number, delayMs: number) =>
    loop.pass(
      clock,
      Array.from({ length: seconds }, () => delayMs),
    )
  const create = () => service.app.inject({ method: 'POST', url: '/api/v1/sessions' })
  const ask = async (path: string) => {
    const response = await service.app.inject(path)
    return [response.statusCode, response.json().checks]
  }
  return { ...service, service, clock, model, loop, pass, create, ask }
}

const wellDone = [200, []]

describe('an event loop that is late', () => {
  it('admits nobody new, and says when to come back', async () => {
    const { app, service, pass } = await setup()
    await pass(5, 151)
    const changes = await changesOf(service, async () => {
      for (const request of [
        { url: '/api/v1/sessions', payload: {} },
        { url: '/api/v1/chat', payload: { user_input: 'hi' } },
        { url: '/api/v1/chat/stream', payload: { user_input: 'hi' } },
      ]) {
        const response = await app.inject({ method: 'POST', ...request })
        expect([response.statusCode, response.json()]).toMatchObject([
          503,
          { code: 'OVERLOADED', detail: 'The bar is very busy at this moment. Please try again shortly.' },
        ])
        expect(response.headers['retry-after']).toBe('5')
        expect(response.headers['set-cookie']).toBeUndefined()
      }
    })
    expect(changes).toMatchObject({ 'maya_sessions_rejected_total{reason="OVERLOADED"}': 3 })
    expect(changes).not.toHaveProperty('maya_sessions_created_total')
  })

  it('is told by health, readiness and metrics, and the process is alive', async () => {
    const { service, pass, ask } = await setup()
    await pass(5, 149)
    expect([await ask('/healthz'), await ask('/readyz')]).toEqual([wellDone, wellDone])
    const well = seriesOf(await scrape(service))
    expect(well.get('maya_event_loop_overloaded')).toBe(0)
    expect(well.get('maya_event_loop_delay_bound_seconds')).toBe(0.15)
    expect(well.get('maya_sessions_admissible')).toBe(50)
    await pass(3, 300)
    expect(await ask('/healthz')).toEqual([503, ['Event loop overload detected']])
    expect(await ask('/readyz')).toEqual([503, ['The event loop is overloaded']])
    expect(await ask('/livez')).toEqual(wellDone)
    const overloaded = seriesOf(await scrape(service))
    expect(overloaded.get('maya_event_loop_overloaded')).toBe(1)
    expect(overloaded.get('maya_sessions_admissible')).toBe(0)
    expect(overloaded.get('maya_event_loop_delay_seconds{quantile="0.5"}')).toBe(0.149)
    expect(overloaded.get('maya_event_loop_delay_seconds{quantile="1"}')).toBe(0.3)
  })

  it('lets who is there go on: their turns run, new ones begin, sleeping sessions wake', async () => {
    const { service, model, pass, create } = await setup({ MAYA_SESSIONS_PER_CONTAINER: '2' })
    const sleeping = await newGuest(service)
    await pass(61, 0)
    const [running, idle] = [await newGuest(service), await newGuest(service)]
    await pass(61, 0)
    const { reply, heard } = hanging('Let me')
    model.add(reply)
    const asked = running.post('/chat/stream', { user_input: 'hi' })
    await heard
    await pass(5, 900)
    expect((await create()).json().code).toBe('OVERLOADED')
    model.add(says('Hello.'), says('Awake.'))
    expect((await idle.post('/chat', { user_input: 'hi' })).json().response_text).toBe('Hello.')
    await pass(61, 900)
    const woken = await changesOf(service, async () => {
      const answer = await sleeping.post('/chat', { user_input: 'hi' })
      expect(answer.json().response_text).toBe('Awake.')
    })
    expect(woken).toMatchObject({ maya_sessions_woken_total: 1 })
    await running.post('/chat/stop')
    expect((await asked).body).toContain('"finish_reason":"stopped"')
  })

  it('admits again when it has been quick for some seconds', async () => {
    const { pass, create, ask } = await setup()
    await pass(5, 900)
    await pass(2, 0)
    expect((await create()).statusCode).toBe(503)
    await pass(1, 0)
    expect((await create()).statusCode).toBe(201)
    expect([await ask('/healthz'), await ask('/readyz')]).toEqual([wellDone, wellDone])
  })

  it('says that it closes when it does, whatever the loop does', async () => {
    const { sessions, pass, create, ask } = await setup()
    await pass(5, 900)
    await sessions.drain(AbortSignal.abort())
    expect((await create()).json().code).toBe('DRAINING')
    expect(await ask('/readyz')).toEqual([503, ['Draining']])
  })

  it('makes no idle session leave: that would help nobody', async () => {
    const { service, pass, create } = await setup({ MAYA_SESSIONS_PER_CONTAINER: '1' })
    await newGuest(service)
    await pass(61, 0)
    await pass(5, 900)
    expect(await changesOf(service, create)).not.toHaveProperty('maya_sessions_hibernated_total')
  })

  it('may be as late as it is where the bound is 0', async () => {
    const { service, pass, create, ask } = await setup({ MAYA_EVENT_LOOP_DELAY_MS: '0' })
    await pass(9, 5000)
    expect((await create()).statusCode).toBe(201)
    expect(await ask('/healthz')).toEqual(wellDone)
    expect(seriesOf(await scrape(service)).get('maya_event_loop_delay_bound_seconds')).toBe(0)
  })
})

it('is measured as long as the service is open', async () => {
  const { service, clock, loop } = await setup()
  expect(loop.watchers).toBeGreaterThan(0)
  const closed = service.close(0)
  await clock.advanceAsync(0)
  await closed
  expect(loop.watchers).toBe(0)
})

it('shows the delay to several who read it', async () => {
  const { service, loop } = await setup()
  loop.tick(40)
  const read = async () => seriesOf(await scrape(service)).get('maya_event_loop_delay_seconds{quantile="1"}')
  expect([await read(), await read()]).toEqual([0.04, 0.04])
})
