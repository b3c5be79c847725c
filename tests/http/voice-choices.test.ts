import { describe, expect, it } from 'vitest'
import { defaultChoice, VoiceChoices } from '../../src/http/voice-choices.ts'
import { VoiceError, type TextToSpeech, type VoiceChoice } from '../../src/voice/text-to-speech.ts'
import { FakeClock } from '../fakes/fake-clock.ts'

const choices = [
  { id: 'slt', name: 'Susan' },
  { id: 'rms', name: 'Rob' },
]

/** A voice that is asked which ones it has, and how it answers. */
function setup(answer: (signal: AbortSignal) => Promise<readonly VoiceChoice[]>) {
  const clock = new FakeClock()
  let answering = answer
  let asked = 0
  const voice: TextToSpeech = {
    name: 'scripted',
    sampleRate: 16_000,
    voices(signal) {
      asked++
      return answering(signal)
    },
    async *speak() {},
    close: async () => {},
  }
  const list = new VoiceChoices({ clock, timeoutMs: 1000 })
  return {
    clock,
    list: () => list.of(voice),
    asked: () => asked,
    answers: (next: typeof answer) => (answering = next),
  }
}

describe('the voices of a provider', () => {
  it('are asked for once for many guests, and again after a while', async () => {
    const { clock, list, asked } = setup(async () => choices)
    expect(await Promise.all([list(), list(), list()])).toEqual([choices, choices, choices])
    clock.advance(4 * 60_000)
    expect(await list()).toEqual(choices)
    expect(asked()).toBe(1)
    clock.advance(60_000)
    await list()
    expect(asked()).toBe(2)
  })

  it.each([
    ['it is away', () => Promise.reject(new VoiceError('VOICE_UNAVAILABLE', 'Away.'))],
    [
      'it fails at once',
      () => {
        throw new TypeError('broken')
      },
    ],
    ['it has none', async () => []],
  ])('are the default alone while %s, and are asked for again soon', async (_name, answer) => {
    const { clock, list, asked, answers } = setup(answer)
    expect(await list()).toEqual([defaultChoice])
    expect(await list()).toEqual([defaultChoice])
    expect(asked()).toBe(1)
    answers(async () => choices)
    clock.advance(10_000)
    expect(await list()).toEqual(choices)
  })

  it('are the default alone where it takes too long, and then it is told to stop', async () => {
    const signals: AbortSignal[] = []
    const { clock, list } = setup((signal) => {
      signals.push(signal)
      return new Promise(() => {})
    })
    const listed = list()
    await clock.advanceAsync(1000)
    expect(await listed).toEqual([defaultChoice])
    expect(signals[0]?.aborted).toBe(true)
    expect(clock.pending).toBe(0)
  })
})
