import { describe, expect, it } from 'vitest'
import { limits } from '../../src/config/limits.ts'
import { EventReader, listen, textOf } from '../fakes/event-reader.ts'
import { settle } from '../fakes/fake-clock.ts'
import { newGuest } from '../fakes/guest.ts'
import { hanging, says, ScriptedModel } from '../fakes/scripted-model.ts'
import { openForAll, shareService, startService } from '../fakes/test-service.ts'

const service = await shareService()

describe('readers', () => {
  it('of one turn are at most so many; one more is refused and may come again', async () => {
    const own = new ScriptedModel()
    const { reply, heard } = hanging('Let me')
    own.add(reply)
    const bounded = await startService({ model: own, limits: { ...limits, readersPerSessionMax: 2 } })
    const guest = await newGuest(bounded)
    const url = `${await listen(bounded)}/api/v1/chat/stream`
    const headers = { 'x-session-id': guest.token }
    const first = await EventReader.open(url, { method: 'POST', headers, body: { user_input: 'hi' } })
    await heard
    const { turn_id: turnId } = (await first.saw('session')).data
    const second = await EventReader.open(`${url}?turn_id=${turnId}`, { headers })
    const refused = await guest.get(`/chat/stream?turn_id=${turnId}`)
    expect([refused.statusCode, refused.json().code]).toEqual([503, 'OVERLOADED'])
    expect(refused.headers['retry-after']).toBe('5')
    await second.leave()
    await settle()
    const third = await EventReader.open(`${url}?turn_id=${turnId}`, { headers })
    expect(third.status).toBe(200)
    await guest.post('/chat/stop')
    expect((await third.toEnd()).at(-1)?.data.type).toBe('complete')
  })

  it('that do not read are cut off, and go on from where they were', async () => {
    const own = new ScriptedModel()
    const mb = 1024 * 1024
    const roomy = { ...limits, turnCharactersMax: 64 * mb, turnEventBytesMax: 256 * mb }
    const slow = await startService({ model: own, limits: roomy })
    const guest = await newGuest(slow)
    const word = `${'x'.repeat(mb / 4)} `
    const whole = Promise.withResolvers<void>()
    const { promise: cut, resolve: release } = Promise.withResolvers<void>()
    own.add(async function* flood() {
      // Far more than the buffers of the two sockets hold.
      for (let part = 0; part < 60; part++) {
        yield { type: 'text-delta', text: word } as const
        await settle()
      }
      whole.resolve()
      await cut
      yield* says('End.')
    })
    const url = `${await listen(slow)}/api/v1/chat/stream`
    const headers = { 'x-session-id': guest.token }
    const reader = await EventReader.open(url, { method: 'POST', headers, body: { user_input: 'hi' } })
    await reader.saw('session')
    reader.pause()
    await whole.promise
    reader.resume()
    const events = await reader.toEnd()
    expect(reader.isWhole).toBe(false)
    release()
    const lastId = events.at(-1)?.id ?? ''
    const again = await EventReader.open(url, { headers: { ...headers, 'last-event-id': lastId } })
    const rest = await again.toEnd()
    expect(rest[0]?.data.restart).toBeUndefined()
    expect((textOf(events) + textOf(rest)).length).toBe(word.length * 60 + 'End.'.length)
    expect((await slow.app.inject('/metrics')).body).toContain('maya_stream_slow_readers_total 1')
  })

  it('that left before their stream began hold nothing', async () => {
    const environment = { MAYA_MASTER_KEY: Buffer.alloc(32, 'k').toString('base64') }
    const store = openForAll(service.store)
    const guest = await newGuest(await startService({ environment, store }))
    const [waking, left] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const load: typeof store.load = async (id) => {
      waking.resolve()
      await left.promise
      return store.load(id)
    }
    const own = await startService({
      environment,
      store: { ...store, load },
      model: new ScriptedModel(says('Hello.')),
    })
    own.app.server.once('connection', (socket) => socket.once('close', () => left.resolve()))
    const leaving = new AbortController()
    const asked = fetch(`${await listen(own)}/api/v1/chat/stream`, {
      method: 'POST',
      headers: { 'x-session-id': guest.token, 'content-type': 'application/json' },
      body: '{"user_input": "hi"}',
      signal: leaving.signal,
    })
    await waking.promise
    leaving.abort()
    await expect(asked).rejects.toThrow('aborted')
    await left.promise
    await settle()
    const history = await own.app.inject({
      url: '/api/v1/chat/history',
      headers: { 'x-session-id': guest.token },
    })
    expect(history.json().history).toHaveLength(2)
    expect((await own.app.inject('/metrics')).body).toContain('\nmaya_stream_readers 0\n')
  })
})
