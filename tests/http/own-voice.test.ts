import { expect, it } from 'vitest'
import { VoiceError } from '../../src/voice/text-to-speech.ts'
import type { VoiceClient } from '../../src/voice/voices.ts'
import { eventsOf } from '../fakes/event-reader.ts'
import { FakeVoice, type FakeVoiceOptions } from '../fakes/fake-voice.ts'
import { newGuest, type Guest } from '../fakes/guest.ts'
import { GuestProvider } from '../fakes/guest-provider.ts'
import { says, ScriptedModel } from '../fakes/scripted-model.ts'
import { startService } from '../fakes/test-service.ts'

const key = 'sk_car_canary_one'
const other = 'sk_car_canary_two'

/** A service that speaks, and what guests' keys open there. */
async function setup(options: FakeVoiceOptions = {}) {
  const own = new FakeVoice()
  const made: { readonly key: string; readonly voice: FakeVoice; isClosed: boolean }[] = []
  const guestVoice = (brought: string): VoiceClient => {
    const client = { key: brought, voice: new FakeVoice(options), isClosed: false }
    made.push(client)
    const close = async (): Promise<void> => void (client.isClosed = true)
    return { textToSpeech: client.voice, speechToText: null, close }
  }
  const service = await startService({
    model: new ScriptedModel(says('One.'), says('Two.'), says('Three.')),
    keyChecks: new GuestProvider().keyChecks,
    voice: { textToSpeech: own, speechToText: null, close: async () => {} },
    guestVoice,
  })
  const guest = await newGuest(service)
  const bring = (cartesiaKey: string | null) => guest.post('/session/keys', { cartesia_key: cartesiaKey })
  await bring(key)
  const open = () => made.filter(({ isClosed }) => !isClosed).map((client) => client.key)
  return { service, own, made, guest, bring, open }
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
