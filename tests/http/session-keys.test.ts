import { describe, expect, it } from 'vitest'
import { limits } from '../../src/config/limits.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { newGuest, type Guest } from '../fakes/guest.ts'
import { GuestProvider } from '../fakes/guest-provider.ts'
import { canary, refusalOf } from '../fakes/refusal.ts'
import { hanging, says, ScriptedModel } from '../fakes/scripted-model.ts'
import { shareService, startService, type TestServiceOptions } from '../fakes/test-service.ts'

const key = `AIza-${canary}-one`
const other = `AIza-${canary}-two`

async function setup(options: TestServiceOptions = {}) {
  const own = new ScriptedModel()
  const provider = new GuestProvider()
  const { keyChecks, guestModel } = provider
  const service = await startService({ model: own, keyChecks, guestModel, ...options })
  return { service, own, provider, guest: await newGuest(service) }
}

const bring = (guest: Guest, body: object, idempotencyKey?: string) =>
  guest.post('/session/keys', body, idempotencyKey === undefined ? {} : { key: idempotencyKey })

const hasValidKeys = async (guest: Guest): Promise<boolean> =>
  (await guest.get('/session/status')).json().has_valid_keys

describe('a key', () => {
  it('that its provider takes is stored and valid', async () => {
    const { guest, provider } = await setup()
    expect(await hasValidKeys(guest)).toBe(false)
    const response = await bring(guest, { gemini_key: key })
    expect([response.statusCode, response.json()]).toEqual([
      200,
      {
        status: 'stored',
        session_id: guest.token,
        has_valid_keys: true,
        keys: { gemini: 'valid', cartesia: 'none' },
      },
    ])
    expect(response.headers['cache-control']).toBe('no-store')
    expect(provider.checked).toEqual([key])
    expect(await hasValidKeys(guest)).toBe(true)
  })

  it('for the voice alone makes no answers one’s own', async () => {
    const { guest } = await setup()
    const response = await bring(guest, { cartesia_key: other })
    expect(response.json()).toMatchObject({
      has_valid_keys: false,
      keys: { gemini: 'none', cartesia: 'valid' },
    })
    expect(await hasValidKeys(guest)).toBe(false)
    const both = await bring(guest, { gemini_key: key })
    expect(both.json()).toMatchObject({ has_valid_keys: true, keys: { gemini: 'valid', cartesia: 'valid' } })
  })

  it('that is refused is named with the reason, and nothing of the request is stored', async () => {
    const { guest, provider } = await setup()
    provider.answer(key, { status: 'rejected', reason: 'Cartesia does not know it.' })
    const response = await bring(guest, { gemini_key: other, cartesia_key: key })
    expect(response.statusCode).toBe(422)
    expect(refusalOf(response)).toMatchObject({
      code: 'KEY_REJECTED',
      detail: 'The cartesia_key was refused: Cartesia does not know it. Nothing was stored.',
    })
    expect(provider.checked.toSorted()).toEqual([key, other])
    const after = await bring(guest, { cartesia_key: null })
    expect(after.json().keys).toEqual({ gemini: 'none', cartesia: 'none' })
  })

  it('that is refused leaves the one that was there before', async () => {
    const { guest, provider } = await setup()
    await bring(guest, { gemini_key: key })
    provider.answer(other, { status: 'rejected', reason: 'Google does not know it.' })
    expect((await bring(guest, { gemini_key: other })).statusCode).toBe(422)
    expect(await hasValidKeys(guest)).toBe(true)
  })

  it('that cannot be checked is stored, and the answer says why', async () => {
    const { guest, provider, own } = await setup()
    provider.answer(key, { status: 'unverified', reason: 'Google could not be reached.' })
    const response = await bring(guest, { gemini_key: key })
    expect([response.statusCode, response.json()]).toMatchObject([
      200,
      {
        has_valid_keys: false,
        keys: { gemini: 'unverified' },
        reasons: { gemini: 'Google could not be reached.' },
      },
    ])
    provider.say(key, says('Hello.'))
    expect((await guest.post('/chat', { user_input: 'hi' })).json().response_text).toBe('Hello.')
    expect(own.requests).toEqual([])
    expect(await hasValidKeys(guest), 'it has answered').toBe(true)
  })

  it('whose provider never answers is unverified after the time for it, and no timer stays', async () => {
    const clock = new FakeClock()
    const { guest, provider } = await setup({ clock })
    const timers = clock.pending
    provider.answer(key, 'never')
    const begun = provider.whenChecked()
    const asked = bring(guest, { gemini_key: key, cartesia_key: other })
    await begun
    await clock.advanceAsync(limits.keyCheckMs)
    expect((await asked).json()).toMatchObject({
      keys: { gemini: 'unverified', cartesia: 'valid' },
      reasons: { gemini: 'The provider did not answer in time.' },
    })
    expect(clock.pending).toBe(timers)
  })

  it('is not stored when the check itself breaks', async () => {
    const { guest, provider } = await setup()
    provider.answer(key, new Error(`a defect with ${key}`))
    const response = await bring(guest, { gemini_key: key })
    expect(refusalOf(response)).toMatchObject({ status: 500, code: 'INTERNAL' })
    expect((await bring(guest, { cartesia_key: null })).json().keys.gemini).toBe('none')
  })

  it('is removed by null, and then the server’s own model answers', async () => {
    const { guest, provider, own } = await setup()
    await bring(guest, { gemini_key: key, cartesia_key: other })
    const response = await bring(guest, { gemini_key: null })
    expect(response.json()).toMatchObject({
      has_valid_keys: false,
      keys: { gemini: 'none', cartesia: 'valid' },
    })
    own.add(says('The house.'))
    expect((await guest.post('/chat', { user_input: 'hi' })).json().response_text).toBe('The house.')
    expect(provider.clients).toEqual([])
  })

  it('stays at a reset', async () => {
    const { guest } = await setup()
    await bring(guest, { gemini_key: key })
    await guest.post('/session/reset')
    expect(await hasValidKeys(guest)).toBe(true)
  })
})

describe('a request', async () => {
  const provider = new GuestProvider()
  const { keyChecks, guestModel } = provider
  const service = await shareService({ keyChecks, guestModel })

  it.each([
    {},
    { gemini_key: '' },
    { gemini_key: 'short' },
    { gemini_key: 'x'.repeat(513) },
    { gemini_key: `${key} ` },
    { gemini_key: `${key}é` },
    { gemini_key: `${key}\n` },
    { gemini_key: 12345678 },
    { gemini_key: true },
    { gemini_key: [key] },
    { gemini_key: { key } },
    { gemini_key: key, cartesia_key: 'short' },
    { gemini_key: key, openai_key: other },
    { cartesia: key },
  ])('with %j is refused with what is allowed, and asks nobody', async (body) => {
    const guest = await newGuest(service)
    provider.checked.length = 0
    const refusal = refusalOf(await bring(guest, body))
    expect(refusal).toMatchObject({ status: 400, code: 'BAD_REQUEST' })
    expect(refusal.detail).toContain('gemini_key')
    expect(provider.checked).toEqual([])
  })

  it.each(['x'.repeat(8), 'x'.repeat(512), '!"#$%&/()=~'])('with a key like %s is taken', async (odd) => {
    const guest = await newGuest(service)
    expect((await bring(guest, { gemini_key: odd })).statusCode).toBe(200)
  })

  it('without a session is 404', async () => {
    provider.checked.length = 0
    const payload = { gemini_key: key }
    const response = await service.app.inject({ method: 'POST', url: '/api/v1/session/keys', payload })
    expect(refusalOf(response)).toMatchObject({ status: 404, code: 'SESSION_NOT_FOUND' })
    expect(provider.checked).toEqual([])
  })
})

describe('a request of which the provider makes something', () => {
  it('under the same Idempotency-Key is done once, and with another key is refused', async () => {
    const { guest, provider } = await setup()
    const first = await bring(guest, { gemini_key: key }, 'once')
    await bring(guest, { gemini_key: null })
    const again = await bring(guest, { gemini_key: key }, 'once')
    expect([again.statusCode, again.json()]).toEqual([200, first.json()])
    expect(provider.checked).toEqual([key])
    expect(await hasValidKeys(guest), 'what came later stands').toBe(false)
    const reused = await bring(guest, { gemini_key: other }, 'once')
    expect(refusalOf(reused)).toMatchObject({ status: 422, code: 'IDEMPOTENCY_KEY_REUSED' })
    const otherField = await bring(guest, { cartesia_key: key }, 'once')
    expect(refusalOf(otherField).code).toBe('IDEMPOTENCY_KEY_REUSED')
  })

  it('that was refused can be made again under its key', async () => {
    const { guest, provider } = await setup()
    provider.answer(key, { status: 'rejected', reason: 'Not yet.' })
    expect((await bring(guest, { gemini_key: key }, 'once')).statusCode).toBe(422)
    provider.answer(key, { status: 'valid' })
    expect((await bring(guest, { gemini_key: key }, 'once')).statusCode).toBe(200)
  })

  it('can try only a few keys a minute; removing one is always possible', async () => {
    const clock = new FakeClock()
    const { guest, provider } = await setup({ clock })
    provider.answer(key, { status: 'rejected', reason: 'Google does not know it.' })
    for (let count = 0; count < limits.keyChecksMax; count++) {
      expect((await bring(guest, { gemini_key: key })).statusCode).toBe(422)
    }
    const response = await bring(guest, { gemini_key: other })
    expect(refusalOf(response)).toMatchObject({ status: 429, code: 'RATE_LIMITED' })
    expect(Number(response.headers['retry-after'])).toBeGreaterThan(0)
    expect(provider.checked).not.toContain(other)
    expect((await bring(guest, { gemini_key: null })).statusCode).toBe(200)
    clock.advance(60_000)
    expect((await bring(guest, { gemini_key: other })).statusCode).toBe(200)
  })

  it('whose session ends meanwhile stores nothing, and its check is given up', async () => {
    const { guest, provider } = await setup()
    provider.answer(key, 'never')
    const begun = provider.whenChecked()
    const asked = bring(guest, { gemini_key: key })
    await begun
    expect((await guest.delete('/session')).statusCode).toBe(204)
    expect(refusalOf(await asked)).toMatchObject({ status: 404, code: 'SESSION_NOT_FOUND' })
  })

  it.each(['house', 'openai'])(
    'with a Gemini key is refused where %s answers, and one for the voice is not',
    async (llmProvider) => {
      const environment = { MAYA_LLM_PROVIDER: llmProvider, OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' }
      const { guest, provider } = await setup({ environment })
      const refusal = refusalOf(await bring(guest, { gemini_key: key, cartesia_key: other }))
      expect(refusal).toMatchObject({ status: 400, code: 'BAD_REQUEST' })
      expect(refusal.detail).toContain('gemini_key')
      expect(provider.checked).toEqual([])
      expect((await bring(guest, { gemini_key: null, cartesia_key: other })).statusCode).toBe(200)
    },
  )
})

describe('keys of other guests', () => {
  it('are of no use to anybody else', async () => {
    const { service, guest, own, provider } = await setup()
    await bring(guest, { gemini_key: key })
    const second = await newGuest(service)
    own.add(says('The house.'))
    expect((await second.post('/chat', { user_input: 'hi' })).json().response_text).toBe('The house.')
    expect(await hasValidKeys(second)).toBe(false)
    expect(provider.clients).toEqual([])
  })

  it('can come while the guest is being answered: the answer ends with the key that it began with', async () => {
    const { guest, own, provider } = await setup()
    await bring(guest, { gemini_key: key })
    const { reply, heard } = hanging('Let me')
    provider.say(key, reply)
    const asked = guest.post('/chat', { user_input: 'hi' })
    await heard
    await bring(guest, { gemini_key: other })
    expect(provider.open).toEqual([key])
    await guest.post('/chat/stop')
    expect((await asked).json().response_text).toBe('Let me')
    expect(provider.open).toEqual([])
    provider.say(other, says('Anew.'))
    expect((await guest.post('/chat', { user_input: 'hi' })).json().response_text).toBe('Anew.')
    expect(provider.open).toEqual([other])
    expect(own.requests).toEqual([])
  })
})
