import { describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { Bus } from '../../src/log/bus.ts'
import { createMemoryBus } from '../../src/store/memory-bus.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { listen, streamsAt, textOf } from '../fakes/event-reader.ts'
import { newGuest } from '../fakes/guest.ts'
import { calls, says, ScriptedModel } from '../fakes/scripted-model.ts'
import { openForAll, startService } from '../fakes/test-service.ts'
import { unreliable } from '../log/unreliable-store.ts'

const gin = ['add_to_order', { item_name: 'Gin', quantity: 1 }] as const

/** Two services over one store, and a guest whose answer is half made in the first one. */
async function setup() {
  const released = Promise.withResolvers<void>()
  const model = new ScriptedModel(calls(gin), async function* halves() {
    yield* says('Your gin, ').slice(0, 2)
    await released.promise
    yield* says('sir.')
  })
  const store = openForAll(unreliable(createMemoryStore({ clock: systemClock, shared: true })).store)
  const inner = createMemoryBus()
  const bus: Bus = {
    publish: (channel, message) => inner.publish(channel, message),
    subscribe: (channel, listener) => inner.subscribe(channel, listener),
    close: async () => {},
  }
  const environment = { MAYA_MASTER_KEY: Buffer.alloc(32, 7).toString('base64') }
  const one = await startService({ store, bus, environment, model })
  const other = await startService({ store, bus, environment, model: new ScriptedModel() })
  const guest = await newGuest(one)
  const there = streamsAt(await listen(one))
  const here = streamsAt(await listen(other))
  const reader = await there.send(guest, 'Gin', { 'idempotency-key': 'k' })
  await reader.heard('gin, ')
  const turnId: string = (await reader.saw('session')).data.turn_id
  const headers = { 'x-session-id': guest.token }
  const ask = async (path: string) => (await other.app.inject({ url: `/api/v1${path}`, headers })).json()
  return { guest, other, here, reader, turnId, headers, ask, release: released.resolve }
}

describe('a guest whose requests reach another container', () => {
  it('goes on reading there after the event it has, under the same ids', async () => {
    const { guest, here, reader, release } = await setup()
    const have = reader.events
    await reader.leave()
    const rest = await here.listenTo(guest, { last_event_id: have.at(-1)?.id ?? '' })
    release()
    const events = await rest.toEnd()
    expect(textOf(have) + textOf(events)).toBe('Your gin, sir.')
    expect(events[0]?.data).not.toHaveProperty('restart')
    const numbers = [...have, ...events.slice(1)].map(({ id }) => Number(id.split(':')[1]))
    expect(numbers).toEqual(numbers.map((_number, index) => index + 1))
  })

  it('gets the same events there by the same message under the same key', async () => {
    const { guest, here, reader, release } = await setup()
    const again = await here.send(guest, 'Gin', { 'idempotency-key': 'k' })
    release()
    expect(await again.toEnd()).toEqual(await reader.toEnd())
  })

  it('gets the whole answer there without a stream', async () => {
    const { other, headers, release } = await setup()
    const answer = other.app.inject({
      method: 'POST',
      url: '/api/v1/chat',
      headers: { ...headers, 'idempotency-key': 'k' },
      payload: { user_input: 'Gin' },
    })
    release()
    expect((await answer).json()).toMatchObject({
      response_text: 'Your gin, sir.',
      current_order: [{ quantity: 1 }],
    })
  })

  it('sees there that a turn runs, what was ordered, and can attach to it', async () => {
    const { guest, here, turnId, ask, release } = await setup()
    expect(await ask('/session/status')).toMatchObject({ turn_running: true })
    expect(await ask('/chat/history')).toMatchObject({ running_turn_id: turnId })
    expect(await ask('/payments/tab')).toMatchObject({ total_cents: 800 })
    const attached = await here.listenTo(guest, { turn_id: turnId })
    release()
    expect(textOf(await attached.toEnd())).toBe('Your gin, sir.')
    expect(await ask('/session/status')).toMatchObject({ turn_running: false })
    expect(await ask('/chat/history')).toMatchObject({ running_turn_id: null })
  })

  it('stops it there', async () => {
    const { other, headers, reader, ask } = await setup()
    const stopped = await other.app.inject({ method: 'POST', url: '/api/v1/chat/stop', headers, payload: {} })
    expect(stopped.json()).toEqual({ stopped: true })
    expect((await reader.toEnd()).at(-1)?.data).toMatchObject({ type: 'complete', finish_reason: 'stopped' })
    expect((await ask('/chat/history')).history.at(-1)).toMatchObject({ content: 'Your gin, ' })
  })
})
