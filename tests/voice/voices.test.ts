import { expect, it } from 'vitest'
import { Voices, type VoiceClient } from '../../src/voice/voices.ts'
import { settle } from '../fakes/fake-clock.ts'

class CountedClient implements VoiceClient {
  readonly textToSpeech = null
  readonly speechToText = null
  closings = 0

  async close(): Promise<void> {
    this.closings++
  }
}

function setup({ closing }: { readonly closing?: () => Promise<void> } = {}) {
  const own = new CountedClient()
  const made: { readonly key: string; readonly client: CountedClient }[] = []
  const defects: unknown[] = []
  const voices = new Voices({
    own,
    createForKey(key) {
      const client = new CountedClient()
      if (closing !== undefined) client.close = closing
      made.push({ key, client })
      return client
    },
    guestClientsMax: 2,
    reportDefect: (error) => defects.push(error),
  })
  const closings = () => made.map(({ key, client }) => [key, client.closings])
  return { voices, own, made, defects, closings }
}

it('the same key has one client, which is closed with its last lease', async () => {
  const { voices, made, closings } = setup()
  const [one, two, other] = [voices.lease('key-a'), voices.lease('key-a'), voices.lease('key-b')]
  expect(made.map(({ key }) => key)).toEqual(['key-a', 'key-b'])
  expect(two.client).toBe(one.client)
  expect(other.client).not.toBe(one.client)
  one.release()
  one.release()
  expect(closings()).toEqual([
    ['key-a', 0],
    ['key-b', 0],
  ])
  two.release()
  await settle()
  expect(closings()).toEqual([
    ['key-a', 1],
    ['key-b', 0],
  ])
  expect(voices.guestClientCount).toBe(1)
})

it('a key that comes back after its client was closed gets a new one', () => {
  const { voices, made } = setup()
  voices.lease('key-a').release()
  voices.lease('key-a')
  expect(made).toHaveLength(2)
})

it('there are only so many, and those that are there can still be shared', () => {
  const { voices } = setup()
  voices.lease('key-a')
  voices.lease('key-b').release()
  voices.lease('key-c')
  expect(() => voices.lease('key-d')).toThrow(expect.objectContaining({ code: 'VOICE_UNAVAILABLE' }))
  expect(() => voices.lease('key-a')).not.toThrow()
})

it('closing closes all, also what is leased, and nothing is leased after it', async () => {
  const { voices, own, closings } = setup()
  const lease = voices.lease('key-a')
  await voices.close()
  lease.release()
  expect([own.closings, closings()]).toEqual([1, [['key-a', 1]]])
  expect(() => voices.lease('key-a')).toThrow(expect.objectContaining({ code: 'VOICE_UNAVAILABLE' }))
})

it('a client that cannot be closed is reported and holds nobody up', async () => {
  const failure = new Error('It does not want to.')
  const { voices, defects } = setup({ closing: () => Promise.reject(failure) })
  voices.lease('key-a').release()
  await voices.close()
  expect(defects).toEqual([failure])
})
