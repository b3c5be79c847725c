import { expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { VoiceError } from '../../src/voice/text-to-speech.ts'
import type { VoiceClient } from '../../src/voice/voices.ts'
import { eventsOf } from '../fakes/event-reader.ts'
import { settle } from '../fakes/fake-clock.ts'
import { FakeVoice, type FakeVoiceOptions } from '../fakes/fake-voice.ts'
import { newGuest, type Guest } from '../fakes/guest.ts'
import { GuestProvider } from '../fakes/guest-provider.ts'
import { says, ScriptedModel } from '../fakes/scripted-model.ts'
import { startService } from '../fakes/test-service.ts'
import { once, unreliable } from '../log/unreliable-store.ts'

const key = 'sk_car_canary_one'
const other = 'sk_car_canary_two'

/** A service that speaks, and what guests' keys open there. */
async function setup(options: FakeVoiceOptions = {}) {
  const { store, faults } = unreliable(createMemoryStore({ clock: systemClock, shared: true }))
  const own = new FakeVoice()
  const made: { readonly key: string; readonly voice: FakeVoice; isClosed: boolean }[] = []
  const guestVoice = (brought: string): VoiceClient => {
    const client = { key: brought, voice: new FakeVoice(options), isClosed: false }
    made.push(client)
    const close = async (): Promise<void> => void (client.isClosed = true)
    return { textToSpeech: client.voice, speechToText: null, close }
  }
  const service = await startService({
    store,
    environment: { MAYA_MASTER_KEY: Buffer.alloc(32, 1).toString('base64') },
    model: new ScriptedModel(says('One.'), says('Two.'), says('Three.')),
    keyChecks: new GuestProvider().keyChecks,
    voice: { textToSpeech: own, speechToText: null, close: async () => {} },
    guestVoice,
  })
  const guest = await newGuest(service)
  const bring = (cartesiaKey: string | null) => guest.post('/session/keys', { cartesia_key: cartesiaKey })
  await bring(key)
  const open = () => made.filter(({ isClosed }) => !isClosed).map((client) => client.key)
  return { service, own, made, guest, bring, open, faults }
}

const speak = async (guest: Guest) =>
  eventsOf((await guest.post('/chat/stream', { user_input: 'hi', voice: true })).body)

it('speaks every turn of its guest, warm between them, and never the server’s', async () => {
  const { own, made, guest, open } = await setup()
  await speak(guest)
  expect(open()).toEqual([key])
  await speak(guest)
  expect(made.map(({ voice }) => voice.spoken)).toEqual([['One.', 'Two.']])
  expect(own.requests).toEqual([])
})

it('makes way for another one, and for the server’s when it is taken away', async () => {
  const { own, made, guest, bring, open } = await setup()
  await speak(guest)
  await bring(other)
  await speak(guest)
  expect(open()).toEqual([other])
  await bring(null)
  expect(open()).toEqual([])
  await speak(guest)
  expect([...made.map(({ voice }) => voice.spoken), own.spoken]).toEqual([['One.'], ['Two.'], ['Three.']])
})

it('is let go of with its session', async () => {
  const { guest, open } = await setup()
  await speak(guest)
  await guest.delete('/session')
  expect(open()).toEqual([])
})

it('is let go of also where somebody still asks about it', async () => {
  const { guest, open, faults } = await setup()
  const asked = Promise.withResolvers<void>()
  // Who asks finds the session for the last time, and goes on when it is gone.
  faults.before = once('remove', () => asked.promise.then(settle))
  const deleted = guest.delete('/session')
  await guest.get('/voice')
  asked.resolve()
  await deleted
  expect(open()).toEqual([])
})

it('that its provider refuses is said once, and the server’s does not step in', async () => {
  const refused = new VoiceError('KEY_REJECTED', 'Cartesia does not take your key.')
  const { own, guest } = await setup({
    before() {
      throw refused
    },
  })
  const events = (await speak(guest)).map(({ data }) => data)
  expect(events.filter(({ type }) => type === 'status')).toEqual([
    { type: 'status', status: 'voice_failed', code: 'KEY_REJECTED', message: refused.message },
  ])
  expect(events.at(-1)).toMatchObject({ type: 'complete', content: 'One.' })
  expect(own.requests).toEqual([])
})
