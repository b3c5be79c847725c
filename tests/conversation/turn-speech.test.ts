import { describe, expect, it } from 'vitest'
import { sleep } from '../../src/clock.ts'
import { limits } from '../../src/config/limits.ts'
import type { TurnVoice } from '../../src/conversation/turn-context.ts'
import type { TurnEvent } from '../../src/conversation/turn-events.ts'
import { ModelError } from '../../src/llm/model.ts'
import { VoiceError } from '../../src/voice/text-to-speech.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { FakeVoice, untilAborted, wordMs, type FakeVoiceOptions } from '../fakes/fake-voice.ts'
import { calls, finish, hanging, says, type ScriptedReply } from '../fakes/scripted-model.ts'
import { openSession, textOf, toldBy, type ContainerOptions } from '../sessions/container.ts'

type Options = FakeVoiceOptions & Pick<ContainerOptions, 'clock' | 'limits' | 'turnMs'>

/** A guest who asked for a spoken answer, which consists of these replies. */
async function setup({ before, isEager, ...options }: Options, ...replies: readonly ScriptedReply[]) {
  const voice = new FakeVoice({ ...(before && { before }), ...(isEager !== undefined && { isEager }) })
  const guest = await openSession({ ...options, replies, chooseVoice: () => voice.lend() })
  const events = await guest.ask('Hello')
  const stop = () => guest.use((session) => session.stop(undefined, () => ({ status: 200, body: null })))
  return { ...guest, voice, events, stop, told: () => toldBy(events) }
}

/** The same, heard to its end. */
async function hear(options: Options, ...replies: readonly ScriptedReply[]) {
  const asked = await setup(options, ...replies)
  await asked.events.whenEnded
  return { ...asked, all: asked.told() }
}

function only<Type extends TurnEvent['type']>(events: readonly TurnEvent[], type: Type) {
  return events.filter((event): event is TurnEvent & { readonly type: Type } => event.type === type)
}

const typesOf = (events: readonly TurnEvent[]) => events.map(({ type }) => type)
const failuresOf = (events: readonly TurnEvent[]) =>
  only(events, 'status').flatMap((event) => (event.status === 'voice-failed' ? [event] : []))
const sentencesOf = (events: readonly TurnEvent[]) => only(events, 'sentence').map(({ content }) => content)
const soundMsOf = (events: readonly TurnEvent[]) =>
  only(events, 'audio-chunk').reduce((sum, { audio }) => sum + audio.byteLength / 16, 0)

/** A turn that was interrupted after its first reply. */
async function openAgain() {
  const voice = new FakeVoice()
  const reply = [{ type: 'text-delta', text: 'One moment.' } as const, ...calls(['get_menu', {}])]
  const late = new ModelError('MODEL_TIMEOUT', 'Too late.', { retryable: true })
  const guest = await openSession({ replies: [reply, late], chooseVoice: () => voice.lend() })
  const events = await guest.ask('Hello', { key: 'k' })
  await events.whenEnded
  expect(toldBy(events).at(-1)).toMatchObject({ type: 'error', retryable: true })
  return { ...guest, voice }
}

const speakOfOthers: FakeVoice['speak'] = async function* speakOfOthers({ sentences }) {
  for await (const _ of sentences) yield { type: 'audio', sentence: 7, startMs: 0, audio: Buffer.alloc(2) }
}

const endAtOnce: FakeVoice['speak'] = async function* endAtOnce() {}

describe('a spoken turn', () => {
  it('tells its sentences, their sound and when each word is spoken', async () => {
    const { all, voice } = await hear({}, says('Good evening. What may I bring you?'))
    expect(sentencesOf(all)).toEqual(['Good evening. ', 'What may I bring you?'])
    expect(only(all, 'audio-chunk')).toMatchObject([
      { index: 0, startMs: 0, sampleRate: 8000 },
      { index: 1, startMs: 2 * wordMs },
    ])
    expect(only(all, 'speech-marks')[1]).toMatchObject({
      index: 1,
      words: [
        { text: 'What', startMs: 200, endMs: 300, from: 14, to: 18 },
        { text: 'may', from: 19, to: 22 },
        { text: 'I' },
        { text: 'bring' },
        { text: 'you', from: 31 },
      ],
      phonemes: [{ text: 'AH', startMs: 200, endMs: 300 }],
    })
    expect(all.at(-1)).toMatchObject({ type: 'complete', content: 'Good evening. What may I bring you?' })
    expect([voice.lentCount, failuresOf(all)]).toEqual([0, []])
  })

  it('is spoken by the voice and as fast as its guest wants', async () => {
    const { ask, voice, script } = await hear({}, says('Hello.'))
    script.add(says('Hello.'))
    await (
      await ask('Hello', { voice: 'other', speed: 1.5 })
    ).whenEnded
    expect(voice.requests).toEqual([
      { voice: null, speed: 1 },
      { voice: 'other', speed: 1.5 },
    ])
  })

  it('is silent where nobody asked for a voice', async () => {
    const voice = new FakeVoice()
    const { say } = await openSession({ replies: [says('Hello.')], chooseVoice: () => voice.lend() })
    expect(typesOf(await say('Hello'))).toEqual(['session', 'text-chunk', 'complete'])
    expect(voice.requests).toEqual([])
  })

  it('has all of its text in its sentences, also what cannot be said', async () => {
    const texts = ['**Sure!** 🍸🍸\n\n', '🍸\n\nThat is $13.50, e.g. for a Martini. ', 'Anything', ' else?']
    const reply = [...texts.map((text) => ({ type: 'text-delta', text }) as const), finish]
    const { all, voice } = await hear({}, reply)
    const sentences = only(all, 'sentence')
    expect(sentencesOf(all).join('')).toBe(texts.join(''))
    expect(sentences.map(({ index }) => index)).toEqual(sentences.map((_, at) => at))
    expect(voice.spoken.join(' ')).not.toContain('🍸')
    const sounding = new Set(only(all, 'audio-chunk').map(({ index }) => index))
    expect(sounding.size).toBe(voice.spoken.length)
    expect(sounding.size).toBeLessThan(sentences.length)
    const content = texts.join('')
    for (const { index, words } of only(all, 'speech-marks')) {
      const from = sentencesOf(all).slice(0, index).join('').length
      for (const word of words) {
        expect(word.from).toBeGreaterThanOrEqual(from)
        expect(content.slice(word.from, word.to)).not.toBe('')
      }
    }
  })

  it('tells text at once, however long the voice takes', async () => {
    const sounds = Promise.withResolvers<void>()
    const { told, events } = await setup({ before: () => sounds.promise }, says('One. Two. Three.'))
    await settle()
    expect([textOf(told()), only(told(), 'audio-chunk')]).toEqual(['One. Two. Three.', []])
    expect(typesOf(told())).not.toContain('complete')
    sounds.resolve()
    await events.whenEnded
    expect(told().at(-1)?.type).toBe('complete')
    expect(soundMsOf(told())).toBe(3 * wordMs)
  })

  it('stores its text before it is spoken to the end', async () => {
    const { state, stop, events } = await setup(
      { before: (_text, signal) => untilAborted(signal) },
      says('One.'),
    )
    await settle()
    expect((await state()).turns.at(-1)).toMatchObject({ outcome: 'complete', replies: [{ text: 'One.' }] })
    await stop()
    await events.whenEnded
  })

  it('says what was said before a tool while the tool runs', async () => {
    const order = calls(['add_to_order', { item_name: 'Martini', quantity: 1 }])
    const reply = [{ type: 'text-delta', text: 'Let me pour that' } as const, ...order]
    const answer = Promise.withResolvers<void>()
    const { voice, told, events } = await setup({}, reply, async function* late() {
      await answer.promise
      yield* says('Here you are.')
    })
    await settle()
    expect(voice.spoken).toEqual(['Let me pour that'])
    expect(only(told(), 'audio-chunk')).toHaveLength(1)
    answer.resolve()
    await events.whenEnded
    expect(sentencesOf(told()).join('')).toBe('Let me pour that Here you are.')
    const [, second] = only(told(), 'speech-marks')
    expect(second?.words[0]).toMatchObject({ text: 'Here', from: 17, to: 21 })
  })

  it('is told in short pieces, so that the first can be heard while the next are on their way', async () => {
    const { all } = await hear({}, says(`${'la '.repeat(40)}la.`))
    const audio = only(all, 'audio-chunk')
    expect(audio.length).toBeGreaterThan(1)
    for (const { audio: sound } of audio) expect(sound.byteLength).toBeLessThanOrEqual(32 * 1024)
    expect(audio[1]?.startMs).toBe((audio[0]?.audio.byteLength ?? 0) / 16)
    expect(soundMsOf(all)).toBe(41 * wordMs)
  })

  it('says how long its guest waited for the first sound', async () => {
    const sounds = Promise.withResolvers<void>()
    const { clock, happened, events } = await setup({ before: () => sounds.promise }, says('One. Two.'))
    await settle()
    await clock.advanceAsync(1500)
    sounds.resolve()
    await events.whenEnded
    expect(happened.filter((what) => what.startsWith('first audio'))).toEqual(['first audio 1.5'])
  })
})

describe('a voice that fails', () => {
  it.each([
    ['with a reason', new VoiceError('KEY_QUOTA', 'Your key has no quota left.'), 'KEY_QUOTA'],
    ['by a defect', new Error('Oops'), 'VOICE_UNAVAILABLE'],
  ] as const)('%s leaves the text as it is, and that is said once', async (_how, error, code) => {
    const before = () => {
      throw error
    }
    const { all, defects, voice } = await hear({ before }, says('One. Two. Three.'))
    expect(failuresOf(all)).toMatchObject([{ code, message: expect.stringMatching(/\.$/) }])
    expect([textOf(all), all.at(-1)?.type]).toEqual(['One. Two. Three.', 'complete'])
    expect(sentencesOf(all).join('')).toBe('One. Two. Three.')
    expect(voice.lentCount).toBe(0)
    expect(defects).toEqual(error instanceof VoiceError ? [] : [error])
  })

  it.each([
    ['there is none', (): TurnVoice | null => null, 'VOICE_UNAVAILABLE'],
    [
      'the key is rejected',
      (): TurnVoice | null => {
        throw new VoiceError('KEY_REJECTED', 'Your key was refused.')
      },
      'KEY_REJECTED',
    ],
  ] as const)('before it speaks, because %s, is said once', async (_why, chooseVoice, code) => {
    const { ask } = await openSession({ replies: [says('One. Two.')], chooseVoice })
    const events = await ask('Hello')
    await events.whenEnded
    const all = toldBy(events)
    expect(typesOf(all)).toEqual(['session', 'status', 'text-chunk', 'text-chunk', 'complete'])
    expect(failuresOf(all)).toMatchObject([{ code }])
  })

  it('by speaking of sentences that it was not given is a defect', async () => {
    const voice = new FakeVoice()
    voice.speak = speakOfOthers
    const { ask, defects } = await openSession({ replies: [says('One.')], chooseVoice: () => voice.lend() })
    const events = await ask('Hello')
    await events.whenEnded
    expect([failuresOf(toldBy(events)).length, defects.length]).toEqual([1, 1])
  })

  it('by ending before the text has ended is said', async () => {
    const voice = new FakeVoice()
    voice.speak = endAtOnce
    const { heard, reply } = hanging('One. ')
    const { ask, use } = await openSession({ replies: [reply], chooseVoice: () => voice.lend() })
    const events = await ask('Hello')
    await heard
    await settle()
    expect(failuresOf(toldBy(events))).toHaveLength(1)
    await use((session) => session.stop(undefined, () => ({ status: 200, body: null })))
  })
})

describe('a voice that is silent', () => {
  it('is not waited for longer than it may be', async () => {
    const { clock, told, events, voice } = await setup(
      { before: (_text, signal) => untilAborted(signal) },
      says('One.'),
    )
    await settle()
    await clock.advanceAsync(limits.speechSilenceMs - 1)
    expect(events.isEnded).toBe(false)
    await clock.advanceAsync(1)
    await events.whenEnded
    expect(typesOf(told()).slice(-2)).toEqual(['status', 'complete'])
    expect([failuresOf(told()).length, voice.aborts.length, voice.lentCount]).toEqual([1, 1, 0])
  })

  it('is given up while the text is still written, also when more of it comes all the time', async () => {
    const clock = new FakeClock()
    const { told, stop } = await setup(
      { clock, before: (_text, signal) => untilAborted(signal) },
      async function* slow(_request, signal) {
        for (;;) {
          yield { type: 'text-delta', text: 'And one more. ' } as const
          await sleep(clock, 1000, signal)
        }
      },
    )
    await settle()
    // The first sentence is known when the second one begins.
    await clock.advanceAsync(1000 + limits.speechSilenceMs - 1)
    expect(failuresOf(told())).toEqual([])
    await clock.advanceAsync(1)
    expect(failuresOf(told())).toHaveLength(1)
    await stop()
  })

  it('owes nothing while there is nothing to say', async () => {
    const { heard, reply } = hanging('One. Two')
    const { clock, told, stop } = await setup({}, reply)
    await heard
    await settle()
    await clock.advanceAsync(limits.speechSilenceMs * 3)
    expect(soundMsOf(told())).toBe(wordMs)
    expect(failuresOf(told())).toEqual([])
    await stop()
  })

  it('that speaks on and on when the text has ended is ended', async () => {
    const voice = new FakeVoice()
    const { ask, clock } = await openSession({ replies: [says('One.')], chooseVoice: () => voice.lend() })
    voice.speak = async function* endless({ sentences }) {
      for await (const _ of sentences) {
        for (let at = 0; ; at++) {
          yield { type: 'audio', sentence: 0, startMs: at, audio: Buffer.alloc(16) }
          await new Promise<void>((resolve) => clock.after(1000, resolve))
        }
      }
    }
    const events = await ask('Hello')
    await settle()
    await clock.advanceAsync(limits.speechTailMs - 1)
    expect(events.isEnded).toBe(false)
    await clock.advanceAsync(1)
    await events.whenEnded
    expect(failuresOf(toldBy(events))).toHaveLength(1)
  })
})

describe('a spoken turn that ends early', () => {
  const hangs = { before: (_text: string, signal: AbortSignal) => untilAborted(signal) }

  it('is stopped within its text: the voice, too', async () => {
    const { heard, reply } = hanging('One. Two')
    const { stop, told, voice, happened } = await setup({}, reply)
    await heard
    await settle()
    await stop()
    expect(told().at(-1)).toMatchObject({ type: 'complete', content: 'One. Two', finishReason: 'stopped' })
    expect(sentencesOf(told()).join('')).toBe('One. Two')
    expect([voice.aborts.length, voice.lentCount, failuresOf(told())]).toEqual([1, 0, []])
    expect(happened).toContain('turn stopped')
  })

  it('is complete when it is stopped after its text', async () => {
    const { stop, told, voice, happened, state } = await setup(hangs, says('One. Two.'))
    await settle()
    await stop()
    expect(told().at(-1)).toMatchObject({ type: 'complete', content: 'One. Two.', finishReason: 'stop' })
    expect([voice.aborts.length, voice.lentCount, failuresOf(told())]).toEqual([1, 0, []])
    expect(happened).toContain('turn complete')
    expect((await state()).turns.at(-1)?.outcome).toBe('complete')
  })

  it('is complete when its time is over after its text, and says why it is silent', async () => {
    const { clock, told, events } = await setup({ ...hangs, turnMs: 5000 }, says('One. Two.'))
    await settle()
    await clock.advanceAsync(5000)
    await events.whenEnded
    expect(failuresOf(told())).toHaveLength(1)
    expect(told().at(-1)).toMatchObject({ type: 'complete', finishReason: 'stop' })
  })

  it('ends also where the voice does not listen to its signal', async () => {
    const { stop, told } = await setup({ before: () => new Promise(() => {}) }, says('One. Two.'))
    await settle()
    await stop()
    expect(told().at(-1)?.type).toBe('complete')
  })

  it('is silent from there on when its model fails', async () => {
    const sounds = Promise.withResolvers<void>()
    const { told, events, defects } = await setup({ before: () => sounds.promise }, async function* breaks() {
      yield { type: 'text-delta', text: 'One. Two' } as const
      throw new Error('Oops')
    })
    await events.whenEnded
    sounds.resolve()
    await settle()
    expect(typesOf(told())).toEqual(['session', 'text-chunk', 'sentence', 'sentence', 'error'])
    expect(defects).toEqual([new Error('Oops')])
  })

  it('is spoken from its beginning when it is taken up again', async () => {
    const { ask, script, voice } = await openAgain()
    script.add(says('Here you are.'))
    const events = await ask('Hello', { key: 'k' })
    await events.whenEnded
    const told = toldBy(events)
    expect(voice.spoken).toEqual(['One moment.', 'One moment.', 'Here you are.'])
    expect(sentencesOf(told).join('')).toBe(textOf(told))
    expect(only(told, 'audio-chunk').map(({ startMs }) => startMs)).toEqual([0, 200])
  })
})

describe('a long answer', () => {
  it('is not expected of a voice that may not have the rest yet', async () => {
    const bounds = { turnAudioBytesMax: 6 * 16_000, speechSilenceMs: 1000 }
    const sentence = `So ${'la '.repeat(38)}la. `
    const { clock, told, events } = await setup({ limits: bounds }, says(sentence.repeat(3)))
    await settle()
    await clock.advanceAsync(15_000)
    await events.whenEnded
    const last = only(told(), 'audio-chunk').at(-1)
    expect((last?.startMs ?? 0) + (last?.audio.byteLength ?? 0) / 16).toBe(3 * 40 * wordMs)
    expect(failuresOf(told())).toEqual([])
  })

  const long = Array.from({ length: 40 }, (_, at) => `This is sentence number ${at} of a long answer. `).join(
    '',
  )
  const allMs = 40 * 9 * wordMs

  it.each([false, true])('is given to the voice only as it can be heard (eager: %s)', async (isEager) => {
    // Half of what is kept: five seconds.
    const bounds = { turnAudioBytesMax: 10 * 16_000, speechTailMs: 3000 }
    const { clock, told, events } = await setup({ limits: bounds, isEager }, says(long))
    await settle()
    expect(soundMsOf(told())).toBeGreaterThan(4000)
    expect(soundMsOf(told())).toBeLessThan(8000)
    await clock.advanceAsync(10_000)
    expect(only(told(), 'audio-chunk').at(-1)?.startMs).toBeLessThan(18_000)
    expect(only(told(), 'audio-chunk').at(-1)?.startMs).toBeGreaterThan(12_000)
    expect(events.isEnded).toBe(false)
    await clock.advanceAsync(allMs)
    await events.whenEnded
    expect(only(told(), 'audio-chunk').at(-1)?.startMs).toBe(allMs - 9 * wordMs)
    expect(failuresOf(told())).toEqual([])
  })
})
