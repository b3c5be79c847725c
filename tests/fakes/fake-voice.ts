import type { TurnVoice } from '../../src/conversation/turn-context.ts'
import type { SpeechEvent, SpeechRequest, TextToSpeech } from '../../src/voice/text-to-speech.ts'

/** How long every word of the fake voice is, and the sound of one. */
export const wordMs = 100
const bytesPerMs = 16

export interface FakeVoiceOptions {
  /** Called with each sentence before it sounds: it may wait, or throw. */
  readonly before?: (sentence: string, signal: AbortSignal) => Promise<void> | void
  /** Takes every sentence as soon as there is one, whether or not those before it have sounded. */
  readonly isEager?: boolean
}

/** Speaks at once, every word for a tenth of a second, and remembers what it was asked for. */
export class FakeVoice implements TextToSpeech {
  readonly name = 'fake'
  readonly sampleRate = 8000
  readonly requests: Pick<SpeechRequest, 'voice' | 'speed'>[] = []
  /** The sentences in the order in which they were spoken. */
  readonly spoken: string[] = []
  /** The reasons for which its signals were aborted. */
  readonly aborts: unknown[] = []
  /** Turns that have it and have not given it back. */
  lentCount = 0
  readonly #options: FakeVoiceOptions

  constructor(options: FakeVoiceOptions = {}) {
    this.#options = options
  }

  lend(): TurnVoice {
    this.lentCount++
    return { textToSpeech: this, release: () => void this.lentCount-- }
  }

  async voices() {
    return [{ id: 'fake', name: 'Fake' }]
  }

  async *speak({ sentences, voice, speed }: SpeechRequest, signal: AbortSignal): AsyncGenerator<SpeechEvent> {
    this.requests.push({ voice, speed })
    signal.addEventListener('abort', () => this.aborts.push(signal.reason), { once: true })
    let startMs = 0
    let sentence = 0
    for await (const text of this.#options.isEager === true ? ahead(sentences) : sentences) {
      signal.throwIfAborted()
      this.spoken.push(text)
      await this.#options.before?.(text, signal)
      for (const event of soundOf(text, sentence, startMs)) yield event
      startMs += wordsOf(text).length * wordMs
      sentence++
    }
  }

  async close(): Promise<void> {}
}

function* soundOf(text: string, sentence: number, startMs: number): Generator<SpeechEvent> {
  const words = wordsOf(text)
  yield {
    type: 'audio',
    sentence,
    startMs,
    audio: Buffer.alloc(words.length * wordMs * bytesPerMs, sentence),
  }
  const marks = words.map((word, at) => ({
    text: word,
    startMs: startMs + at * wordMs,
    endMs: startMs + (at + 1) * wordMs,
  }))
  yield {
    type: 'marks',
    sentence,
    words: marks,
    phonemes: [{ text: 'AH', startMs, endMs: startMs + wordMs }],
  }
}

function wordsOf(text: string): readonly string[] {
  return text.split(/\s+/).map((word) => word.replaceAll(/[^\w$]/g, ''))
}

/** The same, each taken as soon as it is known. */
async function* ahead(sentences: AsyncIterable<string>): AsyncGenerator<string> {
  const known: string[] = []
  let more = Promise.withResolvers<void>()
  const take = async () => {
    for await (const sentence of sentences) {
      known.push(sentence)
      more.resolve()
      more = Promise.withResolvers()
    }
  }
  const over = take().then(
    () => true,
    () => true, // The speech was ended.
  )
  for (;;) {
    yield* known.splice(0)
    const isOver = await Promise.race([over, more.promise.then(() => false)])
    if (isOver && known.length === 0) return
  }
}

/** Waits until the signal is aborted, and then says why. */
export function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
