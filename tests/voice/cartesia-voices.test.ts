import { expect, it } from 'vitest'
import { limits } from '../../src/config/limits.ts'
import { failureOf, key, setupCartesia as setup } from './cartesia-setup.ts'

const own = { id: 'voice-of-maya', name: 'Maya', language: 'en' }

it('are the configured one, then those that speak English, then the others, and nothing that is no voice', async () => {
  const { server, voice } = await setup({ path: '/gateway' })
  const german = { id: 'g', name: 'Greta', language: 'de' }
  const english = { id: 'e', name: 'Emma', language: 'en' }
  const noVoices = [null, 'x', { id: 1, name: 'n' }, { id: 'n' }, { id: '', name: '' }]
  server.voices = [german, ...noVoices, english, own, { id: 'u', name: 'Unknown' }]
  expect(await voice.voices(never)).toEqual([
    { id: 'voice-of-maya', name: 'Maya' },
    { id: 'e', name: 'Emma' },
    { id: 'g', name: 'Greta' },
    { id: 'u', name: 'Unknown' },
  ])
  expect(server.requests).toMatchObject([
    { path: '/gateway/voices?limit=100', headers: { authorization: `Bearer ${key}` } },
  ])
})

it('are a hundred at most, with the configured one also when it is not among them', async () => {
  const { server, voice } = await setup()
  server.voices = Array.from({ length: 150 }, (_, at) => ({ id: `v${at}`, name: 'Voice', language: 'en' }))
  const voices = await voice.voices(never)
  expect(voices).toHaveLength(100)
  expect(voices[0]).toEqual({ id: 'voice-of-maya', name: 'Maya' })
})

it.each([
  [401, 'KEY_REJECTED', 1],
  [402, 'KEY_QUOTA', 1],
  [403, 'KEY_REJECTED', 1],
  [404, 'VOICE_UNAVAILABLE', 1],
  [429, 'VOICE_BUSY', 2],
  [500, 'VOICE_UNAVAILABLE', 2],
])('a refusal with %i is %s, after %i requests', async (status, code, requests) => {
  const { server, voice } = await setup()
  server.refusal = status
  const { code: told, message } = await failureOf(voice.voices(never))
  expect(told).toBe(code)
  expect(message).not.toContain('Canary')
  expect(server.requests).toHaveLength(requests)
})

it.each([
  ['no JSON', '<p>Canary</p>'],
  ['no list', '{"data":"Canary"}'],
  ['cut off', '{"data":['],
  ['far too much', JSON.stringify({ data: ['A'.repeat(2 * 1024 * 1024)] })],
])('an answer that is %s is no list of voices', async (_, body) => {
  const { server, voice } = await setup()
  server.answer = (_request, response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end(body)
  const { code, message } = await failureOf(voice.voices(never))
  expect(code).toBe('VOICE_UNAVAILABLE')
  expect(message).not.toContain('Canary')
})

it('nobody is followed to another place with the key', async () => {
  const { server, voice } = await setup()
  server.answer = (_request, response) => response.writeHead(302, { location: '/elsewhere' }).end()
  expect(await failureOf(voice.voices(never))).toMatchObject({ code: 'VOICE_UNAVAILABLE' })
  expect(server.requests).toHaveLength(1)
})

it('are not waited for without end', async () => {
  const { server, voice, clock } = await setup()
  server.isMute = true
  const voices = failureOf(voice.voices(never))
  await server.until(() => server.requests.length === 1)
  clock.advance(limits.voiceConnectMs * 2)
  expect(await voices).toMatchObject({ code: 'VOICE_UNAVAILABLE' })
})

it('are given up by one who leaves, and come for another one', async () => {
  const { voice } = await setup()
  const abort = new AbortController()
  const left = voice.voices(abort.signal)
  const other = voice.voices(never)
  abort.abort(new Error('The guest has left.'))
  await expect(left).rejects.toThrow('The guest has left.')
  expect((await other).length).toBeGreaterThan(0)
})

it('are given up when the voice is closed, and cannot be had after', async () => {
  const { server, voice } = await setup()
  server.isMute = true
  const voices = failureOf(voice.voices(never))
  await server.until(() => server.requests.length === 1)
  await voice.close()
  expect(await voices).toMatchObject({ code: 'VOICE_UNAVAILABLE' })
  expect(await failureOf(voice.voices(never))).toMatchObject({ code: 'VOICE_UNAVAILABLE' })
})

const never = new AbortController().signal
