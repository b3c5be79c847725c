import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { limits } from '../../src/config/limits.ts'
import { ModelError } from '../../src/llm/model.ts'
import { MasterKeyError } from '../../src/security/master-key.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { eventsOf } from '../fakes/event-reader.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { newGuest, type Guest } from '../fakes/guest.ts'
import { GuestProvider } from '../fakes/guest-provider.ts'
import { calls, finish, says, ScriptedModel } from '../fakes/scripted-model.ts'
import { unreliable } from '../log/unreliable-store.ts'
import { openForAll, startService, type TestServiceOptions } from '../fakes/test-service.ts'
import { temporaryFile } from '../store/temporary-file.ts'

const key = 'AIza-Canary-one'
const other = 'AIza-Canary-two'
const rejected = () => new ModelError('KEY_REJECTED', 'Google does not take it.', { retryable: false })

/** A service, and guests who have brought a key. The server's own model has nothing to say. */
async function setup({ provider = new GuestProvider(), ...options }: SetupOptions = {}) {
  const own = new ScriptedModel()
  const { keyChecks, guestModel } = provider
  const service = await startService({ model: own, keyChecks, guestModel, ...options })
  const guestWith = async (brought: string): Promise<Guest> => {
    const guest = await newGuest(service)
    expect((await guest.post('/session/keys', { gemini_key: brought })).statusCode).toBe(200)
    return guest
  }
  return { service, own, provider, guestWith }
}

type SetupOptions = TestServiceOptions & { readonly provider?: GuestProvider }

/** A store that stays when its service closes. */
const keptStore = () => openForAll(unreliable(createMemoryStore({ clock: new FakeClock() })).store)

const masterKey = (character: string) => Buffer.alloc(32, character).toString('base64')

const say = async (guest: Guest) => (await guest.post('/chat', { user_input: 'hi' })).json()

/** The last event of a turn as its stream has it. */
async function lastEvent(guest: Guest) {
  return eventsOf((await guest.post('/chat/stream', { user_input: 'hi' })).body).at(-1)?.data
}

const statusOf = async (guest: Guest) =>
  (await guest.post('/session/keys', { cartesia_key: null })).json().keys.gemini

/** The same guest as another service meets it. */
async function guestAt({ service }: Awaited<ReturnType<typeof setup>>, token: string): Promise<Guest> {
  const headers = { 'x-session-id': token }
  const guest = await newGuest(service)
  return {
    token,
    get: (path, asked) => guest.get(path, { ...asked, headers }),
    post: (path, body, asked) => guest.post(path, body, { ...asked, headers }),
    delete: (path, asked) => guest.delete(path, { ...asked, headers }),
  }
}

describe('a guest’s own key', () => {
  it('answers every turn with one client, and never the server’s', async () => {
    const { provider, own, guestWith } = await setup()
    const guest = await guestWith(key)
    const order = calls(['add_to_order', { item_name: 'Gin', quantity: 1 }])
    provider.say(key, order, says('One Gin.'), says('Cheers.'))
    expect((await say(guest)).response_text).toBe('One Gin.')
    expect((await say(guest)).response_text).toBe('Cheers.')
    expect(provider.clients.map((client) => client.key)).toEqual([key])
    expect(own.requests).toEqual([])
  })

  it('shares its client with all who have the same one; the last to go closes it', async () => {
    const { provider, guestWith } = await setup()
    const guests = [await guestWith(key), await guestWith(key)] as const
    const third = await guestWith(other)
    provider.say(key, says('One.'), says('Two.'))
    provider.say(other, says('Three.'))
    for (const guest of [...guests, third]) await say(guest)
    expect(provider.clients.map((client) => client.key)).toEqual([key, other])
    await guests[0].delete('/session')
    expect(provider.open).toEqual([key, other])
    await guests[1].post('/session/keys', { gemini_key: null })
    expect(provider.open).toEqual([other])
  })

  it('that is replaced in the middle of a turn answers the rest of it', async () => {
    const { provider, own, guestWith } = await setup()
    const guest = await guestWith(key)
    async function* replaced() {
      await guest.post('/session/keys', { gemini_key: other })
      yield* calls(['add_to_order', { item_name: 'Gin', quantity: 1 }])
    }
    provider.say(key, replaced, says('One Gin.'))
    provider.say(other, says('Cheers.'))
    expect((await say(guest)).response_text).toBe('One Gin.')
    expect(provider.open).toEqual([])
    expect((await say(guest)).response_text).toBe('Cheers.')
    expect(own.requests).toEqual([])
  })

  it('is given back when the session leaves memory, and is there again when it wakes', async () => {
    const clock = new FakeClock()
    const environment = { MAYA_SESSIONS_PER_CONTAINER: '1' }
    const { service, provider, own, guestWith } = await setup({ clock, environment })
    const guest = await guestWith(key)
    provider.say(key, says('One.'), says('Two.'))
    await say(guest)
    clock.advance(60_001)
    await newGuest(service)
    expect(provider.open).toEqual([])
    clock.advance(60_001)
    expect((await say(guest)).response_text).toBe('Two.')
    expect(own.requests).toEqual([])
    expect(provider.open).toEqual([key])
  })

  it('leaves nothing open when the service closes', async () => {
    const provider = new GuestProvider()
    const { service, guestWith } = await setup({ provider })
    provider.say(key, says('One.'))
    await say(await guestWith(key))
    await service.close(0)
    expect(provider.open).toEqual([])
  })

  it('that cannot be told from the server’s in the answer shows in no export and no answer', async () => {
    const { provider, guestWith } = await setup()
    const guest = await guestWith(key)
    provider.say(key, says('Hello.'))
    await say(guest)
    for (const path of ['/session/export', '/session/status', '/chat/history', '/payments/tab']) {
      const { body } = await guest.get(path)
      expect(body).not.toContain('Canary')
      expect(body).not.toContain('sealed')
      expect(body).not.toContain('v1.')
    }
  })
})

describe('a key that its provider refuses in a turn', () => {
  it('is told, marked once, and not tried again; the server’s own is not used', async () => {
    const { provider, own, service, guestWith } = await setup()
    const guest = await guestWith(key)
    provider.say(key, rejected())
    const first = await lastEvent(guest)
    expect(first).toEqual({
      type: 'error',
      code: 'KEY_REJECTED',
      message: 'Google does not take it.',
      retryable: false,
    })
    expect((await guest.get('/session/status')).json().has_valid_keys).toBe(false)
    const second = await lastEvent(guest)
    expect(second).toMatchObject({ type: 'error', code: 'KEY_REJECTED', retryable: false })
    expect(second.message).toMatch(/enter it again, or remove it/i)
    const third = await guest.post('/chat', { user_input: 'hi' })
    expect([third.statusCode, third.json().code]).toEqual([422, 'KEY_REJECTED'])
    expect(provider.clients).toHaveLength(1)
    expect(provider.open).toEqual([])
    expect(own.requests).toEqual([])
    expect(await keyChangesOf(service, guest)).toEqual(['valid', 'rejected'])
  })

  it('can be entered again or removed', async () => {
    const { provider, own, guestWith } = await setup()
    const guest = await guestWith(key)
    provider.say(key, rejected(), says('Better.'))
    await say(guest)
    expect(await statusOf(guest)).toBe('rejected')
    await guest.post('/session/keys', { gemini_key: key })
    expect((await say(guest)).response_text).toBe('Better.')
    await guest.post('/session/keys', { gemini_key: null })
    own.add(says('The house.'))
    expect((await say(guest)).response_text).toBe('The house.')
  })

  it.each(['KEY_REJECTED', 'KEY_QUOTA'] as const)('tells %s also when it is told again', async (code) => {
    const { provider, guestWith } = await setup({ limits: { ...limits, turnEventsKeptMax: 0 } })
    const guest = await guestWith(key)
    provider.say(key, new ModelError(code, 'No.', { retryable: false }))
    const [first] = eventsOf((await guest.post('/chat/stream', { user_input: 'hi' })).body)
    const told = eventsOf((await guest.get(`/chat/stream?turn_id=${first?.data.turn_id}`)).body)
    expect(told.at(-1)?.data).toMatchObject({ type: 'error', code, retryable: false })
    expect(told.at(-1)?.data.message).toMatch(/Gemini key .*, or remove it\.$/)
  })

  it('is marked also when another model has answered earlier in the turn', async () => {
    const { provider, guestWith } = await setup()
    const guest = await guestWith(key)
    const fellBack = { type: 'progress', what: 'fell-back', provider: 'house', isGeneral: false } as const
    provider.say(key, [fellBack, ...calls(['view_menu', {}])], rejected())
    expect(await lastEvent(guest)).toMatchObject({ code: 'KEY_REJECTED' })
    expect(await statusOf(guest)).toBe('rejected')
  })

  it('that was replaced meanwhile marks nothing', async () => {
    const { provider, guestWith } = await setup()
    const guest = await guestWith(key)
    provider.say(key, async function* refuse() {
      await guest.post('/session/keys', { gemini_key: other })
      yield { type: 'text-delta', text: 'Let' } as const
      throw rejected()
    })
    expect(await lastEvent(guest)).toMatchObject({ code: 'KEY_REJECTED' })
    expect(await statusOf(guest)).toBe('valid')
    provider.say(other, says('Fine.'))
    expect((await say(guest)).response_text).toBe('Fine.')
  })
})

describe('a key without quota', () => {
  it('is told as an event, stays valid, and the server’s own is not used', async () => {
    const { provider, own, guestWith } = await setup()
    const guest = await guestWith(key)
    const message = 'Your key has no quota left.'
    provider.say(key, new ModelError('KEY_QUOTA', message, { retryable: false }))
    expect(await lastEvent(guest)).toEqual({
      type: 'error',
      code: 'KEY_QUOTA',
      message,
      retryable: false,
    })
    expect(await statusOf(guest)).toBe('valid')
    expect(own.requests).toEqual([])
    provider.say(key, says('Again.'))
    expect((await say(guest)).response_text).toBe('Again.')
  })
})

describe('a key that could not be verified', () => {
  it('is valid after its first answer, which is written once', async () => {
    const { provider, service, guestWith } = await setup()
    provider.answer(key, { status: 'unverified', reason: 'Google could not be reached.' })
    const guest = await guestWith(key)
    expect(await statusOf(guest)).toBe('unverified')
    provider.say(key, calls(['view_menu', {}]), says('One.'), says('Two.'))
    await say(guest)
    await say(guest)
    expect(await statusOf(guest)).toBe('valid')
    expect(await keyChangesOf(service, guest)).toEqual(['unverified', 'valid'])
  })

  it('stays so while its provider cannot be reached', async () => {
    const { provider, own, guestWith } = await setup()
    provider.answer(key, { status: 'unverified', reason: 'Google could not be reached.' })
    const guest = await guestWith(key)
    provider.say(key, new ModelError('MODEL_UNAVAILABLE', 'Away.', { retryable: false }))
    expect(await lastEvent(guest)).toMatchObject({ code: 'MODEL_UNAVAILABLE' })
    expect(await statusOf(guest)).toBe('unverified')
    expect(own.requests).toEqual([])
  })
})

describe('a stored key', () => {
  it('is read by the next process with the same master key, and is in clear nowhere on the disk', async () => {
    const file = temporaryFile('maya.db')
    const provider = new GuestProvider()
    const environment = { MAYA_STORE_URL: `sqlite:${file}` }
    const first = await setup({ provider, environment })
    const guest = await first.guestWith(key)
    await guest.post('/session/keys', { cartesia_key: other }, { key: 'once' })
    provider.say(key, says('One.'))
    await say(guest)
    await first.service.close(0)
    const bytes = readdirSync(dirname(file)).map((name) => readFileSync(join(dirname(file), name), 'latin1'))
    expect(bytes.join('')).toContain('keys-changed')
    expect(bytes.join('')).not.toContain('Canary')
    const second = await setup({ provider, environment })
    provider.say(key, says('Two.'))
    expect((await say(await guestAt(second, guest.token))).response_text).toBe('Two.')
    expect(second.own.requests).toEqual([])
  })

  it('is read by another process at the same time, and what one learns the other knows', async () => {
    const clock = new FakeClock()
    const store = openForAll(unreliable(createMemoryStore({ clock, shared: true })).store)
    const provider = new GuestProvider()
    const options = { clock, store, provider, environment: { MAYA_MASTER_KEY: masterKey('k') } }
    const [one, two] = [await setup(options), await setup(options)]
    const here = await one.guestWith(key)
    const there = await guestAt(two, here.token)
    provider.say(key, says('There.'))
    expect((await say(there)).response_text).toBe('There.')
    provider.say(key, rejected())
    await say(here)
    expect((await there.get('/session/status')).json().has_valid_keys).toBe(false)
    await there.post('/session/keys', { gemini_key: other })
    provider.say(other, says('Here.'))
    expect((await say(here)).response_text).toBe('Here.')
    expect([...one.own.requests, ...two.own.requests]).toEqual([])
  })

  it('outlives a rotation of the master key, and is sealed anew when it is used', async () => {
    const store = keptStore()
    const provider = new GuestProvider()
    const serve = (environment: Readonly<Record<string, string>>) => setup({ store, provider, environment })
    const first = await serve({ MAYA_MASTER_KEY: masterKey('a') })
    const guest = await first.guestWith(key)
    await first.service.close(0)
    const second = await serve({
      MAYA_MASTER_KEY: masterKey('b'),
      MAYA_MASTER_KEY_PREVIOUS: masterKey('a'),
    })
    const later = await guestAt(second, guest.token)
    expect((await later.get('/session/status')).json().has_valid_keys).toBe(true)
    provider.say(key, says('One.'), says('Two.'))
    const answered = await later.post('/chat', { user_input: 'hi' })
    expect(answered.json().response_text).toBe('One.')
    expect((await say(later)).response_text).toBe('Two.')
    await second.service.close(0)
    const third = await serve({ MAYA_MASTER_KEY: masterKey('b') })
    const token = String(answered.headers['x-session-id'])
    expect(token).not.toBe(guest.token)
    provider.say(key, says('Three.'))
    expect((await say(await guestAt(third, token))).response_text).toBe('Three.')
    expect(third.own.requests).toEqual([])
  })

  it('whose master key is gone is asked for again, and the server’s own is not used', async () => {
    const store = keptStore()
    const provider = new GuestProvider()
    const serve = (environment: Readonly<Record<string, string>>) => setup({ store, provider, environment })
    const first = await serve({ MAYA_MASTER_KEY: masterKey('a') })
    const { token } = await first.guestWith(key)
    await first.service.close(0)
    // The guest's token is renewed by being shown; the key would be by being used.
    const second = await serve({
      MAYA_MASTER_KEY: masterKey('b'),
      MAYA_MASTER_KEY_PREVIOUS: masterKey('a'),
    })
    const shown = await (await guestAt(second, token)).get('/session/status')
    await second.service.close(0)
    const third = await serve({
      MAYA_MASTER_KEY: masterKey('c'),
      MAYA_MASTER_KEY_PREVIOUS: masterKey('b'),
    })
    const guest = await guestAt(third, String(shown.headers['x-session-id']))
    expect((await guest.get('/session/status')).json().has_valid_keys).toBe(false)
    const told = await lastEvent(guest)
    expect(told).toMatchObject({ type: 'error', code: 'KEY_REJECTED', retryable: false })
    expect(told.message).toMatch(/cannot be read any more. Enter it again, or remove it/)
    expect(third.own.requests).toEqual([])
    expect(provider.clients).toEqual([])
    provider.say(key, says('Here I am.'))
    await guest.post('/session/keys', { gemini_key: key })
    expect((await say(guest)).response_text).toBe('Here I am.')
  })

  it('is of no use where another model answers by now: the guest is told to remove it', async () => {
    const store = keptStore()
    const provider = new GuestProvider()
    const environment = { MAYA_MASTER_KEY: masterKey('a') }
    const first = await setup({ store, provider, environment })
    const { token } = await first.guestWith(key)
    await first.service.close(0)
    const second = await setup({
      store,
      provider,
      environment: { ...environment, MAYA_LLM_PROVIDER: 'house' },
    })
    const guest = await guestAt(second, token)
    expect(await lastEvent(guest)).toMatchObject({ code: 'KEY_REJECTED', retryable: false })
    expect(second.own.requests).toEqual([])
    await guest.post('/session/keys', { gemini_key: null })
    second.own.add([{ type: 'text-delta', text: 'The house.' }, finish])
    expect((await say(guest)).response_text).toBe('The house.')
  })
})

it('a store that others share needs a master key that they have too', async () => {
  let isClosed = false
  const inner = unreliable(createMemoryStore({ clock: new FakeClock(), shared: true })).store
  const store = { ...openForAll(inner), close: async () => void (isClosed = true) }
  await expect(startService({ store, environment: { MAYA_MASTER_KEY: '' } })).rejects.toThrow(MasterKeyError)
  expect(isClosed).toBe(true)
})

/** The status of the Gemini key after each change of it, as the log has them. */
async function keyChangesOf({ store }: { readonly store: StoreOfService }, guest: Guest) {
  const events = await store.events(guest.token.split('.')[0] ?? '')
  return events.flatMap((event) =>
    event.type === 'keys-changed' && event.keys.gemini ? [event.keys.gemini.status] : [],
  )
}

type StoreOfService = Awaited<ReturnType<typeof startService>>['store']
