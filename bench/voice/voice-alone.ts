import { systemClock } from '../../src/clock.ts'
import { limits } from '../../src/config/limits.ts'
import { createCartesia } from '../../src/voice/providers/cartesia.ts'
import { createEmbeddedVoice } from '../../src/voice/providers/embedded.ts'
import { spokenText } from '../../src/voice/spoken-text.ts'
import type { TextToSpeech } from '../../src/voice/text-to-speech.ts'
import { median } from '../harness/statistics.ts'
import type { VoiceName } from './speaking-server.ts'

/** The voice in this process, with no server around it: what every server adds to. */
export interface VoiceAlone {
  /** Milliseconds until the first sound of a sentence that is written already: the median of a few times. */
  firstSoundMs(sentence: string): Promise<number>
  /** CPU time of this process, with nothing else to do, for all of the sentences, and their sound. */
  speakAll(sentences: readonly string[]): Promise<{ readonly cpuMs: number; readonly soundSeconds: number }>
  close(): Promise<void>
}

/** As the server's settings have it by default. */
const embeddedVoice = 'slt'
const times = 3

export function startVoiceAlone(name: VoiceName, cartesiaUrl: string): VoiceAlone {
  const { voice, close } = name === 'embedded' ? embedded() : cartesia(cartesiaUrl)
  return {
    async firstSoundMs(sentence) {
      // As in a turn, what goes on between the sentences is not the voice's: it is warm.
      await spokenSeconds(voice, ['Yes.'])
      const measured: number[] = []
      for (let time = 0; time < times; time++) measured.push(await firstSoundOnce(voice, sentence))
      return median(measured)
    },
    async speakAll(sentences) {
      await spokenSeconds(voice, ['Yes.'])
      const before = process.cpuUsage()
      const soundSeconds = await spokenSeconds(voice, sentences)
      const { user, system } = process.cpuUsage(before)
      return { cpuMs: (user + system) / 1000, soundSeconds }
    },
    close,
  }
}

function embedded(): { readonly voice: TextToSpeech; readonly close: () => Promise<void> } {
  const voice = createEmbeddedVoice({ voice: embeddedVoice, clock: systemClock, limits })
  return { voice, close: () => voice.close() }
}

function cartesia(baseUrl: string): { readonly voice: TextToSpeech; readonly close: () => Promise<void> } {
  const client = createCartesia({
    key: 'a-key-of-the-bench',
    baseUrl,
    model: 'sonic-3',
    voice: 'voice-of-maya',
    listeningModel: 'ink-2',
    concurrency: 1,
    clock: systemClock,
    limits,
  })
  return { voice: client.textToSpeech, close: () => client.close() }
}

async function firstSoundOnce(voice: TextToSpeech, sentence: string): Promise<number> {
  const startedMs = performance.now()
  for await (const event of speak(voice, [sentence])) {
    if (event.type === 'audio') return performance.now() - startedMs
  }
  return NaN
}

async function spokenSeconds(voice: TextToSpeech, sentences: readonly string[]): Promise<number> {
  let bytes = 0
  for await (const event of speak(voice, sentences)) {
    if (event.type === 'audio') bytes += event.audio.byteLength
  }
  return bytes / 2 / voice.sampleRate
}

/** A speech of the server goes on to its end, so these do, too, but for who reads only its beginning. */
function speak(voice: TextToSpeech, contents: readonly string[]) {
  async function* sentences(): AsyncGenerator<string, void, void> {
    yield* contents.map(spokenText).filter((text) => text !== '')
  }
  return voice.speak({ sentences: sentences(), voice: null, speed: 1 }, new AbortController().signal)
}
