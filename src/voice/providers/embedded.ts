import type { Clock } from '../../clock.ts'
import { untilAborted } from '../until-aborted.ts'
import { fliteSampleRate, type SpokenSentence } from '../embedded/flite.ts'
import { SpeechQueue, type SpeechQueueLimits } from '../embedded/speech-queue.ts'
import { startSpeechThread, type SpeechThread } from '../embedded/speech-thread.ts'
import {
  fastest,
  slowest,
  VoiceError,
  type Mark,
  type SpeechEvent,
  type SpeechRequest,
  type TextToSpeech,
  type VoiceChoice,
} from '../text-to-speech.ts'

export interface EmbeddedVoiceOptions {
  /** The default: one of `slt`, `rms`, `awb` and `kal16`. */
  readonly voice: string
  readonly clock: Clock
  readonly limits: SpeechQueueLimits & { readonly sentenceCharactersMax: number }
  readonly startThread?: () => SpeechThread
}

const embeddedVoices: readonly VoiceChoice[] = [
  { id: 'slt', name: 'Sarah' },
  { id: 'rms', name: 'Robert' },
  { id: 'awb', name: 'Alan' },
  { id: 'kal16', name: 'Kevin, quick and tinny' },
]

/** So long is one piece of sound at most, so that the first one is small and leaves at once. */
const chunkBytes = (fliteSampleRate * 2) / 4

/** A voice that needs no key and no network: Flite, in a thread of its own. It speaks English. */
export function createEmbeddedVoice(options: EmbeddedVoiceOptions): TextToSpeech {
  return new EmbeddedVoice(options)
}

class EmbeddedVoice implements TextToSpeech {
  readonly name = 'embedded'
  readonly sampleRate = fliteSampleRate
  readonly #options: EmbeddedVoiceOptions
  readonly #queue: SpeechQueue
  readonly #closing = new AbortController()

  constructor(options: EmbeddedVoiceOptions) {
    this.#options = options
    const { clock, limits, startThread = () => startSpeechThread() } = options
    this.#queue = new SpeechQueue({ clock, limits, startThread })
  }

  async voices(): Promise<readonly VoiceChoice[]> {
    const { voice } = this.#options
    return embeddedVoices.toSorted((one, two) => Number(two.id === voice) - Number(one.id === voice))
  }

  async *speak(request: SpeechRequest, ownSignal: AbortSignal): AsyncGenerator<SpeechEvent, void, void> {
    const signal = AbortSignal.any([ownSignal, this.#closing.signal])
    signal.throwIfAborted()
    // The thread starts while the first sentence is being written.
    this.#queue.warm()
    const { clock, limits } = this.#options
    const voice = this.#voiceOf(request)
    const speed = Math.min(fastest, Math.max(slowest, request.speed))
    let sentence = 0
    let samples = 0
    let beganAt: number | undefined
    for await (const text of abortable(request.sentences, signal)) {
      const cut = text.slice(0, limits.sentenceCharactersMax)
      const neededAt = beganAt === undefined ? clock.now() : beganAt + millisecondsOf(samples)
      const wanted = { sentence: { text: cut, voice, speed }, neededAt }
      const spoken = await this.#queue.speak(wanted, signal)
      beganAt ??= clock.now()
      for (const event of eventsOf(spoken, sentence, samples)) {
        yield event
        signal.throwIfAborted()
      }
      samples += spoken.sound.length / 2
      sentence++
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new VoiceError('VOICE_UNAVAILABLE', 'The voice has left the bar.'))
    await this.#queue.close()
  }

  #voiceOf({ voice }: SpeechRequest): string {
    return embeddedVoices.find(({ id }) => id === voice)?.id ?? this.#options.voice
  }
}

/** The marks, then the sound in small pieces; nothing for a sentence that the voice cannot read. */
function* eventsOf(
  { sound, words, phonemes }: SpokenSentence,
  sentence: number,
  samplesBefore: number,
): Generator<SpeechEvent, void, void> {
  if (sound.length === 0) return
  const startMs = millisecondsOf(samplesBefore)
  yield { type: 'marks', sentence, words: moved(words, startMs), phonemes: moved(phonemes, startMs) }
  for (let from = 0; from < sound.length; from += chunkBytes) {
    const audio = Buffer.from(
      sound.buffer,
      sound.byteOffset + from,
      Math.min(chunkBytes, sound.length - from),
    )
    yield { type: 'audio', sentence, startMs: millisecondsOf(samplesBefore + from / 2), audio }
  }
}

function moved(marks: readonly Mark[], byMs: number): readonly Mark[] {
  return marks.map(({ text, startMs, endMs }) => ({
    text,
    startMs: Math.round(startMs + byMs),
    endMs: Math.round(endMs + byMs),
  }))
}

function millisecondsOf(samples: number): number {
  return Math.round((samples * 1000) / fliteSampleRate)
}

/** The same items, but an abort is not kept waiting by an item that does not come. */
async function* abortable<Item>(
  items: AsyncIterable<Item>,
  signal: AbortSignal,
): AsyncGenerator<Item, void, void> {
  const iterator = items[Symbol.asyncIterator]()
  try {
    for (;;) {
      const result = await untilAborted(iterator.next(), signal)
      if (result.done === true) return
      yield result.value
    }
  } finally {
    // Not waited for: it may still wait for its own next item. A failure of its would only repeat.
    void Promise.resolve(iterator.return?.()).catch(() => {})
  }
}
