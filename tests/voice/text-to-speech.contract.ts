import { describe, expect, it, onTestFinished } from 'vitest'
import type { Mark, SpeechEvent, SpeechRequest, TextToSpeech } from '../../src/voice/text-to-speech.ts'

export interface VoiceUnderTest {
  readonly voice: TextToSpeech
}

/** The times of two events that follow each other may be rounded. */
const roundingMs = 1

/** The promises that every voice keeps, run once for each implementation. */
export function textToSpeechContract(name: string, create: () => Promise<VoiceUnderTest>): void {
  async function setup() {
    const { voice } = await create()
    onTestFinished(() => voice.close())
    const begin = (request: Partial<SpeechRequest>, signal = never) =>
      voice.speak({ sentences: known(), voice: null, speed: 1, ...request }, signal)
    const hear = async (request: Partial<SpeechRequest>) => heard(voice, await allOf(begin(request)))
    return { voice, begin, hear }
  }

  describe(`${name}: speaking`, () => {
    it('speaks every sentence, in the order given', async () => {
      const { hear } = await setup()
      const speech = await hear({
        sentences: known('Good evening.', 'What may I bring you?', 'Take a seat.'),
      })
      expect(speech.sentences).toEqual([0, 1, 2])
      expect(speech.words).toBe('good evening what may i bring you take a seat')
    })

    it('makes sound without gaps, timed from the beginning of the speech', async () => {
      const { hear } = await setup()
      const { audio, misplaced, milliseconds } = await hear({
        sentences: known('Good evening.', 'What may I bring you?'),
      })
      expect(audio.every(({ byteLength }) => byteLength > 0 && byteLength % 2 === 0)).toBe(true)
      expect(misplaced).toEqual([])
      expect(milliseconds).toBeGreaterThan(500)
    })

    it('says when each word is spoken, in order and inside of the sound', async () => {
      const { hear } = await setup()
      const { marks, milliseconds } = await hear({
        sentences: known('Good evening.', 'What may I bring you?'),
      })
      expect(misplacedMarks(marks, milliseconds)).toEqual([])
      expect(marks).toHaveLength(7)
    })

    it('says nothing for no sentences', async () => {
      const { begin } = await setup()
      expect(await allOf(begin({}))).toEqual([])
    })

    it('speaks a sentence before the next one is known', async () => {
      const { voice, begin } = await setup()
      const gate = Promise.withResolvers<string>()
      const sentences = (async function* () {
        yield 'Good evening.'
        yield await gate.promise
      })()
      const events: SpeechEvent[] = []
      for await (const event of begin({ sentences })) {
        events.push(event)
        if (event.type === 'audio') gate.resolve('Take a seat.')
      }
      expect(heard(voice, events).words).toBe('good evening take a seat')
    })

    it('takes the default for a voice that it does not have', async () => {
      const { hear } = await setup()
      const { words } = await hear({ sentences: known('Good evening.'), voice: 'nobody-has-this-voice' })
      expect(words).toBe('good evening')
    })

    it('speaks with each of its voices', async () => {
      const { voice, hear } = await setup()
      const voices = await voice.voices(never)
      expect(voices.length).toBeGreaterThan(0)
      const speech = await hear({ sentences: known('Good evening.'), voice: voices.at(-1)?.id ?? null })
      expect(speech.words).toBe('good evening')
    })

    it('speaks slower and faster', async () => {
      const { hear } = await setup()
      const lengths: number[] = []
      for (const speed of [0.6, 1, 1.5]) {
        const { milliseconds } = await hear({ sentences: known('What may I bring you this evening?'), speed })
        lengths.push(milliseconds)
      }
      const [slow = 0, usual = 0, fast = 0] = lengths
      expect(slow).toBeGreaterThan(usual * 1.2)
      expect(fast).toBeLessThan(usual * 0.85)
    })

    it('keeps two speeches at once apart', async () => {
      const { hear } = await setup()
      const [one, two] = await Promise.all([
        hear({ sentences: known('Good evening.', 'Take a seat.') }),
        hear({ sentences: known('What may I bring you?') }),
      ])
      expect(one).toMatchObject({ sentences: [0, 1], words: 'good evening take a seat', misplaced: [] })
      expect(two).toMatchObject({ sentences: [0], words: 'what may i bring you', misplaced: [] })
    })
  })

  describe(`${name}: ending`, () => {
    it('makes no more sound from the moment it is aborted, and fails with the reason', async () => {
      const { begin } = await setup()
      const abort = new AbortController()
      const reason = new Error('The guest speaks.')
      const events = begin({ sentences: known('Good evening.', 'Take a seat.') }, abort.signal)[
        Symbol.asyncIterator
      ]()
      await untilSound(events)
      abort.abort(reason)
      await expect(events.next()).rejects.toBe(reason)
      expect(await events.next()).toEqual({ done: true, value: undefined })
    })

    it('is aborted also while it waits for a sentence', async () => {
      const { begin } = await setup()
      const abort = new AbortController()
      const reason = new Error('The guest speaks.')
      const speech = allOf(begin({ sentences: unsaid(() => abort.abort(reason)) }, abort.signal))
      await expect(speech).rejects.toBe(reason)
    })

    it('does not begin when it is aborted before', async () => {
      const { begin } = await setup()
      const reason = new Error('The guest has left.')
      const speech = allOf(begin({ sentences: known('Good evening.') }, AbortSignal.abort(reason)))
      await expect(speech).rejects.toBe(reason)
    })

    it('speaks on for others when one is aborted', async () => {
      const { hear, begin } = await setup()
      const abort = new AbortController()
      const left = allOf(begin({ sentences: known('Good evening.', 'Take a seat.') }, abort.signal))
      const other = hear({ sentences: known('What may I bring you?') })
      abort.abort(new Error('The guest has left.'))
      await expect(left).rejects.toThrow('The guest has left.')
      expect((await other).words).toBe('what may i bring you')
    })

    it('speaks again after a listener left in the middle', async () => {
      const { hear, begin } = await setup()
      for await (const event of begin({ sentences: known('Good evening.', 'Take a seat.') })) {
        if (event.type === 'audio') break
      }
      const { words } = await hear({ sentences: known('What may I bring you?') })
      expect(words).toBe('what may i bring you')
    })

    it('fails with the error of its sentences', async () => {
      const { begin } = await setup()
      const failure = new Error('The text broke off.')
      const sentences = (async function* () {
        yield 'Good evening.'
        throw failure
      })()
      await expect(allOf(begin({ sentences }))).rejects.toBe(failure)
    })

    it('ends everything when it is closed, and begins nothing after', async () => {
      const { voice, begin } = await setup()
      const events = begin({ sentences: known('Good evening.', 'Take a seat.', 'What may I bring you?') })[
        Symbol.asyncIterator
      ]()
      await untilSound(events)
      await voice.close()
      const unavailable = expect.objectContaining({ name: 'VoiceError', code: 'VOICE_UNAVAILABLE' })
      await expect(drain(events)).rejects.toEqual(unavailable)
      await expect(allOf(begin({ sentences: known('Good evening.') }))).rejects.toEqual(unavailable)
      await voice.close()
    })
  })
}

const never = new AbortController().signal

async function* known(...sentences: readonly string[]): AsyncIterable<string> {
  yield* sentences
}

/** A sentence that never comes. */
function unsaid(onWait: () => void): AsyncIterable<string> {
  const next = (): Promise<never> => {
    setImmediate(onWait)
    return new Promise(() => {})
  }
  return { [Symbol.asyncIterator]: () => ({ next }) }
}

async function allOf(events: AsyncIterable<SpeechEvent>): Promise<readonly SpeechEvent[]> {
  const heardEvents: SpeechEvent[] = []
  for await (const event of events) heardEvents.push(event)
  return heardEvents
}

async function untilSound(events: AsyncIterator<SpeechEvent>): Promise<void> {
  for (;;) {
    const { value, done } = await events.next()
    if (done === true) throw new Error('The speech ended without sound.')
    if (value.type === 'audio') return
  }
}

async function drain(events: AsyncIterator<SpeechEvent>): Promise<void> {
  while ((await events.next()).done !== true);
}

/** What a guest hears of a speech. */
function heard(voice: TextToSpeech, events: readonly SpeechEvent[]) {
  const sounds = events.filter((event) => event.type === 'audio')
  const marks = events.filter((event) => event.type === 'marks').flatMap((event) => event.words)
  let milliseconds = 0
  const misplaced: number[] = []
  for (const { startMs, audio } of sounds) {
    if (Math.abs(startMs - milliseconds) > roundingMs) misplaced.push(startMs)
    milliseconds += (audio.byteLength / 2 / voice.sampleRate) * 1000
  }
  return {
    audio: sounds.map(({ audio }) => audio),
    sentences: sounds.map(({ sentence }) => sentence).filter((at, index, all) => at !== all[index - 1]),
    words: plain(marks.map(({ text }) => text).join(' ')),
    marks,
    misplaced,
    milliseconds,
  }
}

/** Marks that overlap, go back, or are outside of the sound. */
function misplacedMarks(marks: readonly Mark[], milliseconds: number): readonly Mark[] {
  let endMs = 0
  return marks.filter((mark) => {
    const isMisplaced =
      mark.startMs < endMs - roundingMs || mark.endMs < mark.startMs || mark.endMs > milliseconds + roundingMs
    endMs = mark.endMs
    return isMisplaced
  })
}

function plain(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z ]/g, '')
}
