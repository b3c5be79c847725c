import { describe, expect, it, onTestFinished } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { limits as allLimits } from '../../src/config/limits.ts'
import { startSpeechThread } from '../../src/voice/embedded/speech-thread.ts'
import { createEmbeddedVoice } from '../../src/voice/providers/embedded.ts'
import type { SpeechEvent, SpeechRequest } from '../../src/voice/text-to-speech.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { FakeSpeechThread } from '../fakes/fake-speech-thread.ts'
import { sharedSpeechThread } from './shared-speech-thread.ts'

const limits = { ...allLimits, speechQueueMax: 3, speechQueueMs: 5000, speechSilenceMs: 10_000 }
const startShared = sharedSpeechThread()
const never = new AbortController().signal
const unavailable = expect.objectContaining({ name: 'VoiceError', code: 'VOICE_UNAVAILABLE' })
const busy = expect.objectContaining({ name: 'VoiceError', code: 'VOICE_BUSY' })
/** Longer than guests think before they answer. */
const idleMs = 60_000

/** The voice over threads that speak when they are told to. */
function setup({ unstartable = 0 } = {}) {
  const clock = new FakeClock()
  const threads: FakeSpeechThread[] = []
  const startThread = () => {
    if (unstartable-- > 0) throw new Error('There is no thread to be had.')
    const thread = new FakeSpeechThread()
    threads.push(thread)
    return thread
  }
  const voice = createEmbeddedVoice({ voice: 'slt', clock, limits, startThread })
  onTestFinished(() => voice.close())
  const begin = (sentences: readonly string[], signal = never) =>
    handled(hear(voice.speak(request(sentences), signal)))
  return { voice, clock, threads, begin, thread: () => threads.at(-1) ?? new FakeSpeechThread() }
}

/** The voice as it is. */
function setupReal(startThread = startShared) {
  const voice = createEmbeddedVoice({ voice: 'kal16', clock: systemClock, limits, startThread })
  onTestFinished(() => voice.close())
  const begin = (sentences: readonly string[], signal = never) =>
    handled(hear(voice.speak(request(sentences), signal)))
  return { voice, begin }
}

describe('a speech', () => {
  it('begins with the marks of its sentence, and its sound comes in pieces of a quarter of a second', async () => {
    const { begin } = setupReal()
    const events = await begin(['What may I bring you this evening?'])
    expect(events.map(({ type }) => type)).toEqual(['marks', ...Array(events.length - 1).fill('audio')])
    const bytes = events.flatMap((event) => (event.type === 'audio' ? [event.audio.length] : []))
    expect(new Set(bytes.slice(0, -1))).toEqual(new Set([8000]))
    expect(bytes.at(-1)).toBeLessThanOrEqual(8000)
  })

  it('says which sounds make which word', async () => {
    const { begin } = setupReal()
    const [marks] = await begin(['Your total is $13.50, Mr. Smith.'])
    const { words, phonemes } = marks?.type === 'marks' ? marks : { words: [], phonemes: [] }
    const spoken = words.map(({ text, startMs, endMs }) => {
      const inside = phonemes.filter((sound) => sound.startMs >= startMs && sound.endMs <= endMs)
      return `${text} ${inside.map((sound) => sound.text).join(' ')}`
    })
    expect(spoken).toEqual([
      'Your y ao r',
      'total t ow t ax l',
      'is ih z',
      '$13.50, th er t iy n d aa l er z f ih f t iy s eh n t s',
      'Mr. m ih s t er',
      'Smith. s m ih th',
    ])
  })

  it('pauses shortly between its sentences, and shorter between the parts of one', async () => {
    const { begin } = setupReal()
    const events = await begin(['Good evening.', 'Take a seat,', 'please.'])
    const words = events.flatMap((event) => (event.type === 'marks' ? event.words : []))
    const pause = (index: number) => (words[index]?.startMs ?? 0) - (words[index - 1]?.endMs ?? 0)
    expect(words[0]?.startMs).toBe(30)
    expect(pause(2)).toBe(350)
    expect(pause(5)).toBe(150)
  })

  it('passes over what an English voice cannot read', async () => {
    const { begin } = setupReal()
    const events = await begin(['Good evening.', '您好。', '…', 'Bye.'])
    expect([...new Set(events.map(({ sentence }) => sentence))]).toEqual([0, 3])
  })

  it('sounds the same whatever was spoken before', async () => {
    const { voice, begin } = setupReal()
    const first = await begin(['Take a seat.'])
    for (const { id } of await voice.voices(never)) {
      await hear(voice.speak({ ...request(['A Martini is $13, sir, and no more.']), voice: id }, never))
    }
    expect(await begin(['Take a seat.'])).toEqual(first)
  })

  it('is not stopped by words that are none', async () => {
    const { begin } = setupReal()
    const odd = [
      '-o /etc/passwd',
      '-',
      '\'"`$(ls)',
      '\u0000a\u0000',
      '9'.repeat(300),
      '%s%n',
      'A\u0301\u200D',
      '\uD800x',
    ]
    const events = await begin([...odd, 'Good evening.'])
    expect(events.at(-1)?.sentence).toBe(odd.length)
  })

  it('offers its default voice first', async () => {
    const { voice } = setupReal()
    expect((await voice.voices(never)).map(({ id }) => id)).toEqual(['kal16', 'slt', 'rms', 'awb'])
  })

  it('speaks the beginning of a sentence that is too long', async () => {
    const { begin, thread } = setup()
    void begin(['a'.repeat(10_000)])
    await settle()
    expect(thread().texts).toEqual(['a'.repeat(limits.sentenceCharactersMax)])
  })
})

describe('the thread of the voice', () => {
  it('starts before the first sentence is known, once for everybody', async () => {
    const { voice, threads } = setup()
    const unsaid = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }
    for (let guest = 0; guest < 3; guest++) {
      void handled(hear(voice.speak({ sentences: unsaid, voice: null, speed: 1 }, never)))
    }
    await settle()
    expect(threads).toHaveLength(1)
  })

  it('is not there before somebody is spoken to', async () => {
    const { voice, threads } = setup()
    await voice.voices(never)
    expect(threads).toHaveLength(0)
  })

  it('ends when nobody was spoken to for a minute, and starts again', async () => {
    const { begin, clock, threads, thread } = setup()
    const first = begin(['one'])
    await settle()
    thread().finish()
    await first
    clock.advance(idleMs - 1)
    expect(thread().isOver).toBe(false)
    clock.advance(1)
    expect(thread().isOver).toBe(true)
    void begin(['two'])
    await settle()
    expect(threads.map(({ texts }) => texts)).toEqual([['one'], ['two']])
  })

  it('does not end under a sentence that came in the last moment', async () => {
    const { voice, clock, threads, thread } = setup()
    const { promise: sentence, resolve: say } = Promise.withResolvers<string>()
    const sentences = (async function* () {
      yield await sentence
    })()
    const speech = handled(hear(voice.speak({ sentences, voice: null, speed: 1 }, never)))
    await settle()
    clock.advance(idleMs - 1)
    say('one')
    await settle()
    clock.advance(1)
    thread().finish()
    expect(await speech).toHaveLength(2)
    expect(threads).toHaveLength(1)
  })

  it('speaks to guests in turns, a sentence each', async () => {
    const { begin, thread } = setup()
    const speeches = [begin(['a1', 'a2']), begin(['b1', 'b2']), begin(['c1'])]
    await finishAll(thread, 5)
    await Promise.all(speeches)
    expect(thread().texts).toEqual(['a1', 'b1', 'c1', 'a2', 'b2'])
  })

  it('speaks first to whom would run out of sound first', async () => {
    const { begin, thread } = setup()
    const speeches = [begin(['a1', 'a2']), begin(['b'])]
    await settle()
    // Ten seconds to listen to, while somebody else hears nothing yet.
    thread().finish(10_000)
    await settle()
    speeches.push(begin(['c']))
    await finishAll(thread, 3)
    await Promise.all(speeches)
    expect(thread().texts).toEqual(['a1', 'b', 'c', 'a2'])
  })

  it('does not speak what nobody waits for any more', async () => {
    const { begin, thread } = setup()
    const abort = new AbortController()
    const speeches = [begin(['a']), begin(['b'], abort.signal), begin(['c'])]
    await settle()
    abort.abort(new Error('The guest has left.'))
    await expect(speeches[1]).rejects.toThrow('The guest has left.')
    await finishAll(thread, 2)
    await Promise.all([speeches[0], speeches[2]])
    expect(thread().texts).toEqual(['a', 'c'])
  })

  it('speaks on to others when the guest has left whose sentence it speaks', async () => {
    const { begin, thread, threads } = setup()
    const abort = new AbortController()
    const left = begin(['a'], abort.signal)
    const other = begin(['b'])
    await settle()
    abort.abort(new Error('The guest has left.'))
    await expect(left).rejects.toThrow('The guest has left.')
    await finishAll(thread, 2)
    expect(await other).toHaveLength(2)
    expect(threads).toHaveLength(1)
  })

  it('is full when too many sentences wait', async () => {
    const { begin, thread } = setup()
    const speeches = ['a', 'b', 'c', 'd'].map((text) => begin([text]))
    await settle()
    await expect(begin(['e'])).rejects.toEqual(busy)
    await finishAll(thread, 4)
    await Promise.all(speeches)
    expect(thread().texts).toEqual(['a', 'b', 'c', 'd'])
  })

  it('lets no sentence wait for too long', async () => {
    const { begin, clock, thread } = setup()
    const first = begin(['a'])
    const second = begin(['b'])
    await settle()
    clock.advance(limits.speechQueueMs)
    await expect(second).rejects.toEqual(busy)
    thread().finish()
    expect(await first).toHaveLength(2)
  })

  it('fails whom it spoke to when it crashes, and another one speaks to the next', async () => {
    const { begin, threads, thread } = setup()
    const first = begin(['a'])
    const second = begin(['b'])
    await settle()
    thread().crash()
    await expect(first).rejects.toEqual(unavailable)
    await finishAll(thread, 1)
    expect(await second).toHaveLength(2)
    expect(threads.map(({ texts }) => texts)).toEqual([['a'], ['b']])
  })

  it('is ended when it hangs, and another one speaks to the next', async () => {
    const { begin, clock, threads, thread } = setup()
    const first = begin(['a'])
    await settle()
    clock.advance(limits.speechSilenceMs)
    await expect(first).rejects.toEqual(unavailable)
    const second = begin(['b'])
    await finishAll(thread, 1)
    expect(await second).toHaveLength(2)
    expect(threads.map(({ isOver }) => isOver)).toEqual([true, false])
  })

  it('is told of when it cannot be started, and is started for whoever comes next', async () => {
    const { begin, thread } = setup({ unstartable: 2 })
    await expect(begin(['a'])).rejects.toEqual(unavailable)
    const second = begin(['b'])
    await finishAll(thread, 1)
    expect(await second).toHaveLength(2)
  })

  it('has ended when the voice is closed, also where it was ending already', async () => {
    const { voice, begin, clock, thread } = setup()
    void begin(['a'])
    await finishAll(thread, 1)
    await settle()
    const ending = thread().endSlowly()
    clock.advance(idleMs)
    let isClosed = false
    const closed = voice.close().then(() => (isClosed = true))
    await settle()
    expect(isClosed).toBe(false)
    ending.resolve()
    await closed
  })

  it('leaves no timer behind when it is closed', async () => {
    const { voice, begin, clock } = setup()
    const speeches = [begin(['a']), begin(['b'])]
    await settle()
    await voice.close()
    for (const speech of speeches) await expect(speech).rejects.toEqual(unavailable)
    await settle()
    expect(clock.pending).toBe(0)
  })

  it.each([
    ['ends by itself', 'process.exit(3)'],
    ['throws', 'throw new Error("no")'],
    ['cannot load', 'import "nothing-of-this-name"'],
  ])('tells it when it %s', async (_, script) => {
    const { begin } = setupReal(() => startSpeechThread(new URL(`data:text/javascript,${script}`)))
    await expect(begin(['a'])).rejects.toEqual(unavailable)
  })

  it('speaks when nobody replaces it', async () => {
    const { begin } = setupReal(() => startSpeechThread())
    expect(await begin(['Good evening.'])).not.toEqual([])
  })

  it('can be ended while it does nothing but compute', async () => {
    const { voice, begin } = setupReal(() => startSpeechThread(new URL('data:text/javascript,for (;;);')))
    const speech = begin(['a'])
    await settle()
    await voice.close()
    await expect(speech).rejects.toEqual(unavailable)
  })
})

function request(sentences: readonly string[]): SpeechRequest {
  return { sentences: known(sentences), voice: null, speed: 1 }
}

async function* known(sentences: readonly string[]): AsyncIterable<string> {
  yield* sentences
}

async function hear(events: AsyncIterable<SpeechEvent>): Promise<readonly SpeechEvent[]> {
  const heard: SpeechEvent[] = []
  for await (const event of events) heard.push(event)
  return heard
}

/** The same promise; it may be looked at later, or never. */
function handled<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {})
  return promise
}

/** Lets the thread finish so many sentences, each when it has begun with it. */
async function finishAll(thread: () => FakeSpeechThread, count: number): Promise<void> {
  for (let finished = 0; finished < count; finished++) {
    await settle()
    thread().finish()
  }
}
