import { describe, expect, it } from 'vitest'
import { limits } from '../../src/config/limits.ts'
import { eventsOf, listen, streamsAt, textOf, typesOf, type EventReader } from '../fakes/event-reader.ts'
import { newGuest } from '../fakes/guest.ts'
import { calls, says, ScriptedModel } from '../fakes/scripted-model.ts'
import { openForAll, shareService, startService } from '../fakes/test-service.ts'

const service = await shareService()
const { model } = service
const { send, listenTo } = streamsAt(await listen(service))

/** A turn that has said two words and says two more when it is released. */
async function setup() {
  const guest = await newGuest(service)
  const { promise, resolve } = Promise.withResolvers<void>()
  model.add(async function* halves() {
    yield* says('one two ').slice(0, 2)
    await promise
    yield* says('three four')
  })
  const reader = await send(guest, 'count', { 'idempotency-key': 'count' })
  await reader.heard('two ')
  const turnId: string = (await reader.saw('session')).data.turn_id
  return { guest, reader, turnId, release: resolve }
}

const lastIdOf = ({ events }: EventReader) => events.at(-1)?.id ?? ''

describe('a reader that comes back', () => {
  it.each(['header', 'query'])('goes on after what it has, without gap or repeat (%s)', async (place) => {
    const { guest, reader, turnId, release } = await setup()
    await reader.leave()
    const lastId = lastIdOf(reader)
    const again =
      place === 'header'
        ? await listenTo(guest, {}, { 'last-event-id': lastId })
        : await listenTo(guest, { last_event_id: lastId })
    release()
    const events = await again.toEnd()
    expect(events[0]).toEqual({
      id: lastId,
      data: { type: 'session', session_id: guest.token, turn_id: turnId },
    })
    expect(textOf(reader.events) + textOf(events)).toBe('one two three four')
    expect(events.slice(1).map(({ id }) => id)).toEqual([`${turnId}:4`, `${turnId}:5`, `${turnId}:6`])
  })

  it('at every place gets exactly the rest', async () => {
    const { guest, reader, turnId, release } = await setup()
    release()
    const whole = await reader.toEnd()
    for (let have = 1; have < whole.length; have++) {
      const response = await guest.get(`/chat/stream?last_event_id=${turnId}:${have}`)
      expect(eventsOf(response.body).slice(1)).toEqual(whole.slice(have))
    }
  })

  it('as EventSource does, with its message and key again, orders nothing anew', async () => {
    const guest = await newGuest(service)
    model.add(calls(['add_to_order', { item_name: 'Martini', quantity: 1 }]), says('One martini.'))
    const query = { message: 'martini', idempotency_key: 'one' }
    const whole = await (await listenTo(guest, query)).toEnd()
    const lastId = whole[2]?.id ?? ''
    const rest = await (await listenTo(guest, query, { 'last-event-id': lastId })).toEnd()
    expect(rest.slice(1)).toEqual(whole.slice(3))
    expect((await guest.get('/payments/tab')).json().total_cents).toBe(1300)
  })

  it('by POST with its key and Last-Event-ID goes on too', async () => {
    const { guest, reader, release } = await setup()
    await reader.leave()
    const headers = { 'idempotency-key': 'count', 'last-event-id': lastIdOf(reader) }
    const again = await send(guest, 'count', headers)
    release()
    expect(textOf(await again.toEnd())).toBe('three four')
  })

  it('to a turn that it has read to its end gets 204, which ends its coming back', async () => {
    const { guest, reader, turnId, release } = await setup()
    release()
    const lastId = (await reader.toEnd()).at(-1)?.id ?? ''
    for (const query of [
      `last_event_id=${lastId}`,
      `turn_id=${turnId}&last_event_id=${lastId}`,
      `message=count&idempotency_key=count&last_event_id=${lastId}`,
    ]) {
      const response = await guest.get(`/chat/stream?${query}`)
      expect([response.statusCode, response.body]).toEqual([204, ''])
      expect(response.headers['x-session-id']).toBe(guest.token)
    }
  })

  it('with the id of another turn starts from the beginning of this one', async () => {
    const { guest, reader, turnId, release } = await setup()
    release()
    const whole = await reader.toEnd()
    model.add(says('Other.'))
    const other = eventsOf((await guest.post('/chat/stream', { user_input: 'x' })).body)
    const lastId = other.at(-1)?.id ?? ''
    const again = eventsOf((await guest.get(`/chat/stream?turn_id=${turnId}&last_event_id=${lastId}`)).body)
    expect(again).toEqual(whole)
  })

  it('to a turn that is not there gets 404', async () => {
    const guest = await newGuest(service)
    for (const query of ['turn_id=none', 'last_event_id=none:1', 'turn_id=..%2f..', 'turn_id=']) {
      const response = await guest.get(`/chat/stream?${query}`)
      expect([response.statusCode, response.json().code]).toEqual([404, 'TURN_NOT_FOUND'])
    }
  })

  it('cannot come back to another session’s turn', async () => {
    const { reader, turnId, release } = await setup()
    const stranger = await newGuest(service)
    const response = await stranger.get(`/chat/stream?turn_id=${turnId}`)
    expect(response.json().code).toBe('TURN_NOT_FOUND')
    release()
    await reader.toEnd()
  })

  it('finds company: several readers get the same turn', async () => {
    const { guest, reader, turnId, release } = await setup()
    const others = [await listenTo(guest, { turn_id: turnId }), await listenTo(guest, { turn_id: turnId })]
    release()
    const whole = await reader.toEnd()
    for (const other of others) expect(await other.toEnd()).toEqual(whole)
  })

  it('waits for a turn that waits', async () => {
    const { guest, release } = await setup()
    model.add(says('Second.'))
    const waiting = await send(guest, 'second', { 'idempotency-key': 'second' })
    await waiting.saw('session')
    expect(typesOf(waiting.events)).toEqual(['session'])
    release()
    expect(textOf(await waiting.toEnd())).toBe('Second.')
  })

  it('to another server of the same store gets the turn anew, marked as a restart', async () => {
    const environment = { MAYA_MASTER_KEY: Buffer.alloc(32, 'k').toString('base64') }
    const options = { environment, store: openForAll(service.store) }
    const script = new ScriptedModel(
      calls(['add_to_order', { item_name: 'Martini', quantity: 1 }]),
      says('One martini.'),
    )
    const before = await startService({ ...options, model: script })
    const guest = await newGuest(before)
    const first = eventsOf((await guest.post('/chat/stream', { user_input: 'martini' })).body)
    const after = await startService({ ...options, model: new ScriptedModel() })
    const url = (query: string) => `/api/v1/chat/stream?session_id=${guest.token}&${query}`
    const [session, lastId] = [first[0]?.data, first.at(-1)?.id]
    const again = eventsOf((await after.app.inject(url(`last_event_id=${first[1]?.id}`))).body)
    expect(again[0]?.data).toEqual({ ...session, restart: true })
    expect(textOf(again)).toBe('One martini.')
    expect(again.at(-1)?.data).toEqual(first.at(-1)?.data)
    const fresh = eventsOf((await after.app.inject(url(`turn_id=${session.turn_id}`))).body)
    expect(fresh[0]?.data).toEqual(session)
    for (const id of [lastId, again.at(-1)?.id]) {
      expect((await after.app.inject(url(`last_event_id=${id}`))).statusCode).toBe(204)
    }
  })

  it('after its numbers were merged away starts again, and still gets every word', async () => {
    const own = new ScriptedModel()
    const small = { ...limits, turnEventBytesMax: 8000, readerLagBytesMax: 3000 }
    const guest = await newGuest(await startService({ model: own, limits: small }))
    const words = Array.from({ length: 100 }, (_word, index) => `word${index}`).join(' ')
    own.add(says(words))
    const first = eventsOf((await guest.post('/chat/stream', { user_input: 'talk' })).body)
    const turnId = first[0]?.data.turn_id
    const again = eventsOf((await guest.get(`/chat/stream?last_event_id=${turnId}:5`)).body)
    expect(again[0]?.data.restart).toBe(true)
    expect(textOf(again)).toBe(words)
    const near = Number(again.at(-1)?.id.split(':')[1]) - 2
    const rest = eventsOf((await guest.get(`/chat/stream?last_event_id=${turnId}:${near}`)).body)
    expect(typesOf(rest)).toEqual(['session', 'text_chunk', 'complete'])
    expect(rest[0]?.data.restart).toBeUndefined()
  })
})
