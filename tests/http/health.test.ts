import { describe, expect, it } from 'vitest'
import type { MemoryReading } from '../../src/memory/readers.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { StoreError } from '../../src/log/store.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { newGuest } from '../fakes/guest.ts'
import { hanging, says, ScriptedModel } from '../fakes/scripted-model.ts'
import { startService } from '../fakes/test-service.ts'

const mb = 1024 * 1024

/** A service in a container of 1000 MB whose usage the test sets. */
async function setup(environment: Record<string, string> = {}) {
  const clock = new FakeClock()
  const container = { usageBytes: 100 * mb }
  const readMemory = (): MemoryReading => ({
    usageBytes: container.usageBytes,
    usageSource: 'cgroup-v2',
    limitBytes: 1000 * mb,
    limitSource: 'cgroup-v2',
  })
  const model = new ScriptedModel()
  const service = await startService({ clock, readMemory, model, environment })
  const statusOf = async (path: string) => (await service.app.inject(path)).statusCode
  const use = (usageMb: number) => {
    container.usageBytes = usageMb * mb
    clock.advance(1001)
  }
  return { ...service, service, clock, model, statusOf, use }
}

describe('health', () => {
  it('of a service that is well', async () => {
    const { app } = await setup()
    for (const path of ['/healthz', '/livez', '/readyz']) {
      const response = await app.inject(path)
      expect(response.statusCode).toBe(200)
      expect(response.headers['content-type']).toBe('application/json; charset=utf-8')
      expect(response.json()).toEqual({
        status: 'healthy',
        checks: [],
        timestamp: '2026-01-01T00:00:00.000Z',
      })
    }
  })

  it('under memory pressure is bad, but the process is alive', async () => {
    const { app, statusOf, use } = await setup()
    use(800)
    const response = await app.inject('/healthz')
    expect(response.statusCode).toBe(503)
    expect(response.json()).toEqual({
      status: 'unhealthy',
      checks: ['Container memory pressure detected'],
      timestamp: '2026-01-01T00:00:01.001Z',
    })
    expect([await statusOf('/livez'), await statusOf('/readyz')]).toEqual([200, 503])
    use(760)
    expect(await statusOf('/healthz')).toBe(503)
    use(749)
    expect([await statusOf('/healthz'), await statusOf('/readyz')]).toEqual([200, 200])
  })

  it('of a store that is away says so', async () => {
    const store = createMemoryStore({ clock: new FakeClock() })
    const { app } = await startService({ store })
    await store.close()
    const response = await app.inject('/healthz')
    expect([response.statusCode, response.json().checks]).toEqual([503, ['The store cannot be reached']])
    expect((await app.inject('/livez')).statusCode).toBe(200)
  })
})

describe('without room', () => {
  it('nobody new is let in, and is told when to come back', async () => {
    const { app, statusOf } = await setup({ MAYA_SESSIONS_PER_CONTAINER: '1' })
    expect((await app.inject({ method: 'POST', url: '/api/v1/sessions' })).statusCode).toBe(201)
    expect(await statusOf('/readyz')).toBe(503)
    for (const request of [
      { url: '/api/v1/sessions', payload: {} },
      { url: '/api/v1/chat', payload: { user_input: 'hi' } },
      { url: '/api/v1/chat/stream', payload: { user_input: 'hi' } },
    ]) {
      const response = await app.inject({ method: 'POST', ...request })
      expect([response.statusCode, response.json().code]).toEqual([503, 'SESSION_LIMIT'])
      expect(response.headers['retry-after']).toBe('5')
      expect(response.headers['set-cookie']).toBeUndefined()
    }
    expect(await statusOf('/healthz')).toBe(200)
  })

  it('for lack of memory the reason is another one, and who is there goes on', async () => {
    const { app, service, model, use } = await setup()
    const guest = await newGuest(service)
    use(800)
    const response = await app.inject({ method: 'POST', url: '/api/v1/sessions' })
    expect([response.statusCode, response.json().code]).toEqual([503, 'MEMORY_PRESSURE'])
    model.add(says('Hello.'))
    expect((await guest.post('/chat', { user_input: 'hi' })).statusCode).toBe(200)
  })

  it('an idle session leaves for a new one, and is woken when there is room again', async () => {
    const { service, statusOf, clock } = await setup({ MAYA_SESSIONS_PER_CONTAINER: '1' })
    const guest = await newGuest(service)
    clock.advance(61_000)
    expect(await statusOf('/readyz')).toBe(200)
    const other = await newGuest(service)
    expect((await guest.get('/session/status')).json().code).toBe('SESSION_LIMIT')
    await other.delete('/session')
    expect((await guest.get('/session/status')).json()).toMatchObject({ is_active: true })
  })
})

describe('a service that closes', () => {
  it('is not ready, takes nothing new, and lets what runs come to its end', async () => {
    const { app, service, model, statusOf, clock } = await setup()
    const [guest, idle] = [await newGuest(service), await newGuest(service)]
    const { reply, heard } = hanging('Let me')
    model.add(reply)
    const asked = guest.post('/chat/stream', { user_input: 'hi' })
    await heard
    const closed = service.close(10_000)
    expect(await statusOf('/livez')).toBe(200)
    expect((await app.inject('/readyz')).json().checks).toEqual(['Draining'])
    for (const response of [
      await app.inject({ method: 'POST', url: '/api/v1/sessions' }),
      await guest.post('/chat', { user_input: 'more' }),
      await idle.post('/chat', { user_input: 'hi' }),
    ]) {
      expect([response.statusCode, response.json().code]).toEqual([503, 'DRAINING'])
      expect(response.headers['retry-after']).toBe('5')
    }
    await clock.advanceAsync(10_000)
    expect((await asked).body).toContain('"code":"INTERRUPTED"')
    await closed
  })
})

describe('a store that fails', () => {
  it('is an error that passes, and nothing was changed', async () => {
    const store = createMemoryStore({ clock: new FakeClock() })
    let isAway = false
    const failing = new Proxy(store, {
      get(target, name) {
        const method: unknown = Reflect.get(target, name)
        if (typeof method !== 'function') return method
        return async (...parts: unknown[]) => {
          if (isAway && name !== 'close') throw new StoreError('away')
          return Reflect.apply(method, target, parts)
        }
      },
    })
    const service = await startService({ store: failing, model: new ScriptedModel() })
    const guest = await newGuest(service)
    isAway = true
    for (const response of [
      await service.app.inject({ method: 'POST', url: '/api/v1/sessions' }),
      await guest.post('/payments/tip', { tip_percentage: 10 }),
      await guest.post('/session/reset'),
      await guest.post('/chat', { user_input: 'hi' }),
    ]) {
      expect([response.statusCode, response.json().code]).toEqual([503, 'STORE_UNAVAILABLE'])
      expect(Number(response.headers['retry-after'])).toBeGreaterThan(0)
    }
    isAway = false
    expect((await guest.get('/payments/tab')).json()).toMatchObject({ tip_percentage: null })
    expect((await guest.post('/payments/tip', { tip_percentage: 10 })).statusCode).toBe(200)
  })
})

describe.each(['/metrics', '/metrics/fleet'])('the metrics at %s', (url) => {
  it('are for everybody where no token is set', async () => {
    const { app } = await startService()
    const response = await app.inject(url)
    expect(response.statusCode).toBe(200)
    expect(response.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
  })

  it('are only for who has the token where one is set', async () => {
    const token = 'a-token-of-the-metrics'
    const { app } = await startService({ environment: { MAYA_METRICS_TOKEN: token } })
    const ask = (authorization?: string) =>
      app.inject({ url, headers: authorization === undefined ? {} : { authorization } })
    for (const wrong of [undefined, '', token, 'Bearer', `Bearer ${token}x`, `Basic ${token}`, 'Bearer é']) {
      const response = await ask(wrong)
      expect([response.statusCode, response.json().code]).toEqual([401, 'API_KEY_REQUIRED'])
      expect(response.headers['www-authenticate']).toBe('Bearer')
      expect(response.body).not.toContain(token)
    }
    expect((await ask(`Bearer ${token}`)).statusCode).toBe(200)
    expect((await ask(`bearer ${token}`)).statusCode).toBe(200)
    expect((await app.inject('/healthz')).statusCode).toBe(200)
  })
})
