import { describe, expect, it, onTestFinished } from 'vitest'
import { settle } from '../fakes/fake-clock.ts'
import type {
  ListenMode,
  ListenRequest,
  SpeechToText,
  TranscriptEvent,
} from '../../src/voice/speech-to-text.ts'

export interface EarUnderTest {
  readonly ear: SpeechToText
  /** Sound in which an ear hears these words, followed by as much silence as tells that they are all. */
  readonly say: (text: string) => Iterable<Uint8Array>
  /** Resolves when nothing is left open on the other side. */
  readonly idle: () => Promise<void>
}

const modes: readonly ListenMode[] = ['hands-free', 'push-to-talk']

/** The promises that every ear keeps, run once for each implementation. */
export function speechToTextContract(name: string, create: () => Promise<EarUnderTest>): void {
  async function setup(mode: ListenMode) {
    const { ear, say, idle } = await create()
    onTestFinished(() => ear.close())
    const listen = (audio: ListenRequest['audio'], signal = never) => ear.listen({ audio, mode }, signal)
    const hear = (...texts: readonly string[]) => all(listen(of(texts.flatMap((text) => [...say(text)]))))
    return { ear, say, idle, listen, hear }
  }

  describe.each(modes)(`${name}: %s`, (mode) => {
    it('tells what was said, and ends after it', async () => {
      const { hear, idle } = await setup(mode)
      const events = await hear('one mojito please')
      expect(finals(events)).toEqual(['one mojito please'])
      expect(events.at(-1)?.type).toBe('final')
      await idle()
    })

    it('says first that somebody speaks, and shows the words as they come', async () => {
      const { hear } = await setup(mode)
      const events = await hear('one mojito please')
      expect(events[0]).toEqual({ type: 'speech-start' })
      expect(events.filter(({ type }) => type === 'speech-start')).toHaveLength(1)
      const partials = events.flatMap((event) => (event.type === 'partial' ? [event.text] : []))
      expect(partials.length).toBeGreaterThan(0)
      expect(partials.every((text) => 'one mojito please'.startsWith(text))).toBe(true)
    })

    it('keeps two guests apart', async () => {
      const { say, listen } = await setup(mode)
      const one = await all(listen(of(say('one mojito please'))))
      const two = await all(listen(of(say('and a glass of water'))))
      expect([finals(one), finals(two)]).toEqual([['one mojito please'], ['and a glass of water']])
    })

    it('ends at once when it is aborted, with the reason, and asks for no more sound', async () => {
      const { say, listen, idle } = await setup(mode)
      const abort = new AbortController()
      const reason = new Error('The guest has left.')
      const microphone = openMicrophone(say('one mojito please'))
      const events = listen(microphone.audio, abort.signal)[Symbol.asyncIterator]()
      await events.next()
      abort.abort(reason)
      await expect(drain(events)).rejects.toBe(reason)
      expect(await events.next()).toEqual({ done: true, value: undefined })
      await settle()
      expect(microphone.isClosed).toBe(true)
      await idle()
    })

    it('does not begin when it is aborted before', async () => {
      const { listen } = await setup(mode)
      const reason = new Error('The guest has left.')
      await expect(all(listen(of([]), AbortSignal.abort(reason)))).rejects.toBe(reason)
    })

    it('lets the microphone go when nobody reads on', async () => {
      const { say, listen, idle } = await setup(mode)
      const microphone = openMicrophone(say('one mojito please'))
      for await (const event of listen(microphone.audio)) if (event.type === 'partial') break
      await settle()
      expect(microphone.isClosed).toBe(true)
      await idle()
    })

    it('fails with the error of the sound', async () => {
      const { say, listen, idle } = await setup(mode)
      const failure = new Error('The microphone is gone.')
      const audio = (async function* () {
        yield* [...say('one mojito please')].slice(0, 1)
        throw failure
      })()
      await expect(all(listen(audio))).rejects.toBe(failure)
      await idle()
    })

    it('ends everybody when it is closed, and listens to nobody after', async () => {
      const { ear, say, listen, idle } = await setup(mode)
      const events = listen(openMicrophone(say('one mojito please')).audio)[Symbol.asyncIterator]()
      await events.next()
      await ear.close()
      const unavailable = expect.objectContaining({ name: 'VoiceError', code: 'VOICE_UNAVAILABLE' })
      await expect(drain(events)).rejects.toEqual(unavailable)
      await expect(all(listen(of(say('and a glass of water'))))).rejects.toEqual(unavailable)
      await ear.close()
      await idle()
    })
  })

  it(`${name}: hands-free, it hears one message after the other`, async () => {
    const { hear } = await setup('hands-free')
    const events = await hear('one mojito please', 'and a glass of water')
    expect(finals(events)).toEqual(['one mojito please', 'and a glass of water'])
    expect(events.filter(({ type }) => type === 'speech-start')).toHaveLength(2)
  })

  it(`${name}: hands-free, it says nothing of silence`, async () => {
    const { listen } = await setup('hands-free')
    expect(await all(listen(of([new Uint8Array(3200)])))).toEqual([])
  })

  it(`${name}: push-to-talk, silence is an empty message`, async () => {
    const { listen } = await setup('push-to-talk')
    expect(await all(listen(of([new Uint8Array(3200)])))).toEqual([{ type: 'final', text: '' }])
  })
}

const never = new AbortController().signal

async function* of(sound: Iterable<Uint8Array>): AsyncIterable<Uint8Array> {
  yield* sound
}

/** A microphone that stays open, without a sound, after what was said. */
function openMicrophone(sound: Iterable<Uint8Array>) {
  const pieces = sound[Symbol.iterator]()
  const microphone = {
    isClosed: false,
    audio: {
      [Symbol.asyncIterator]: () => ({
        async next(): Promise<IteratorResult<Uint8Array>> {
          const piece = pieces.next()
          return piece.done === true ? await new Promise<never>(() => {}) : piece
        },
        async return(): Promise<IteratorResult<Uint8Array>> {
          microphone.isClosed = true
          return { done: true, value: undefined }
        },
      }),
    },
  }
  return microphone
}

async function all(events: AsyncIterable<TranscriptEvent>): Promise<readonly TranscriptEvent[]> {
  const heard: TranscriptEvent[] = []
  for await (const event of events) heard.push(event)
  return heard
}

async function drain(events: AsyncIterator<TranscriptEvent>): Promise<void> {
  while ((await events.next()).done !== true);
}

function finals(events: readonly TranscriptEvent[]): readonly string[] {
  return events.flatMap((event) => (event.type === 'final' ? [event.text] : []))
}
