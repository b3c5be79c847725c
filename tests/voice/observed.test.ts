import { expect, it } from 'vitest'
import { observedVoice } from '../../src/voice/observed.ts'
import type { VoiceObserver } from '../../src/voice/observer.ts'
import { VoiceError, type SpeechEvent, type TextToSpeech } from '../../src/voice/text-to-speech.ts'

/** A second of sound for every sentence; then it does what the test says. */
function voiceThat(ends: () => void): TextToSpeech {
  return {
    name: 'played',
    sampleRate: 10,
    voices: async () => [],
    async *speak({ sentences }) {
      let sentence = 0
      for await (const _ of sentences) {
        yield { type: 'audio', sentence, startMs: sentence * 1000, audio: Buffer.alloc(20) }
        sentence++
      }
      ends()
    },
    close: async () => {},
  }
}

async function* twoSentences() {
  yield 'Hello.'
  yield 'Good evening.'
}

function setup(ends: () => void = () => {}) {
  const seen: unknown[] = []
  const observer: VoiceObserver = {
    speechEnded: (...ended) => seen.push(['ended', ...ended]),
    voiceFailed: (...failed) => seen.push(['failed', ...failed]),
    sentenceSpoken: (...sentence) => seen.push(['sentence', ...sentence]),
    soundMade: (...sound) => seen.push(['sound', ...sound]),
    listeningBegan: () => seen.push('listening'),
    listeningEnded: () => seen.push('listened'),
    soundHeard: () => seen.push('heard'),
  }
  const voice = observedVoice(voiceThat(ends), observer)
  const abort = new AbortController()
  const request = { sentences: twoSentences(), voice: null, speed: 1 }
  return { seen, abort, events: voice.speak(request, abort.signal) }
}

const told = [
  ['sentence', 'played', 6],
  ['sound', 'played', 1],
  ['sentence', 'played', 13],
  ['sound', 'played', 1],
]

it('sentences, sound and the end of a speech are reported, and its events are the same', async () => {
  const { seen, events } = setup()
  const heard: SpeechEvent[] = await Array.fromAsync(events)
  expect(heard.map(({ sentence }) => sentence)).toEqual([0, 1])
  expect(seen).toEqual([...told, ['ended', 'played', 'ok']])
})

it.each([
  [new VoiceError('KEY_QUOTA', 'No quota is left.'), 'KEY_QUOTA'],
  [new Error('A defect.'), 'VOICE_UNAVAILABLE'],
])('a failure is reported with its code and goes on: %s', async (failure, code) => {
  const { seen, events } = setup(() => {
    throw failure
  })
  await expect(Array.fromAsync(events)).rejects.toBe(failure)
  expect(seen).toEqual([...told, ['failed', 'played', code], ['ended', 'played', 'error']])
})

it('a speech that is aborted has not failed', async () => {
  const { seen, abort, events } = setup(() => {
    abort.abort(new Error('Stopped.'))
    abort.signal.throwIfAborted()
  })
  await expect(Array.fromAsync(events)).rejects.toThrow('Stopped.')
  expect(seen.at(-1)).toEqual(['ended', 'played', 'aborted'])
})

it('a speech that nobody reads on was broken off', async () => {
  const { seen, events } = setup()
  for await (const _ of events) break
  expect(seen).toEqual([...told.slice(0, 2), ['ended', 'played', 'aborted']])
})
