import type { Clock } from '../../clock.ts'
import { socketUrl } from '../cartesia/address.ts'
import { closed } from '../cartesia/failures.ts'
import { Listening } from '../cartesia/listening.ts'
import { abilitiesOf } from '../cartesia/models.ts'
import { Places } from '../cartesia/places.ts'
import { Speech } from '../cartesia/speech.ts'
import type { ContextRequest } from '../cartesia/speech-context.ts'
import { listVoices } from '../cartesia/voices.ts'
import { WarmSocket } from '../cartesia/warm-socket.ts'
import type { ListenRequest, SpeechToText, TranscriptEvent } from '../speech-to-text.ts'
import type { SpeechEvent, SpeechRequest, TextToSpeech, VoiceChoice } from '../text-to-speech.ts'

export interface CartesiaOptions {
  readonly key: string
  readonly baseUrl: string
  /** The model that speaks, its default voice, and the model that listens. */
  readonly model: string
  readonly voice: string
  readonly listeningModel: string
  /** Contexts that the plan of the key allows at the same time. */
  readonly concurrency: number
  readonly clock: Clock
  readonly limits: {
    readonly voiceConnectMs: number
    readonly speechSilenceMs: number
    readonly speechQueueMax: number
    readonly speechQueueMs: number
    readonly turnAudioBytesMax: number
  }
}

export interface Cartesia {
  readonly textToSpeech: TextToSpeech
  readonly speechToText: SpeechToText
  close(): Promise<void>
}

/** Cartesia's voices and its ear, with one key. The stream is spoken over sockets of our own, the rest by the SDK. */
export function createCartesia(options: CartesiaOptions): Cartesia {
  const textToSpeech = new CartesiaVoice(options)
  const speechToText = new CartesiaEar(options)
  return {
    textToSpeech,
    speechToText,
    async close() {
      await Promise.all([textToSpeech.close(), speechToText.close()])
    },
  }
}

const sampleRate = 24_000
const bytesPerMs = (sampleRate * 2) / 1000

class CartesiaVoice implements TextToSpeech {
  readonly name = 'cartesia'
  readonly sampleRate = sampleRate
  readonly #options: CartesiaOptions
  readonly #closing = new AbortController()
  readonly #socket: WarmSocket
  readonly #places: Places

  constructor(options: CartesiaOptions) {
    const { baseUrl, concurrency, clock, limits } = options
    this.#options = options
    this.#socket = new WarmSocket({ ...options, url: socketUrl(baseUrl, '/tts/websocket') })
    this.#places = new Places({
      placesMax: concurrency,
      queueMax: limits.speechQueueMax,
      queueMs: limits.speechQueueMs,
      clock,
    })
  }

  async voices(signal: AbortSignal): Promise<readonly VoiceChoice[]> {
    return await listVoices(this.#options, AbortSignal.any([signal, this.#closing.signal]))
  }

  speak(request: SpeechRequest, signal: AbortSignal): AsyncIterable<SpeechEvent> {
    const { clock, limits } = this.#options
    const speech = new Speech(request, {
      socket: this.#socket,
      places: this.#places,
      clock,
      limits,
      requests: this.#contextRequests(request),
      bytesPerMs,
    })
    return speech.speak(AbortSignal.any([signal, this.#closing.signal]))
  }

  async close(): Promise<void> {
    this.#closing.abort(closed())
    await this.#socket.close()
  }

  /** With the voice that is asked for and, in case that there is none such, with the default. */
  #contextRequests({ voice, speed }: SpeechRequest): readonly ContextRequest[] {
    const { model, voice: defaultVoice } = this.#options
    const { tellsPhonemes, takesSpeed } = abilitiesOf(model)
    const ids = voice === null ? [defaultVoice] : [...new Set([voice, defaultVoice])]
    return ids.map((id) => ({
      model_id: model,
      voice: { id },
      language: 'en',
      output_format: { container: 'raw', encoding: 'pcm_s16le', sample_rate: sampleRate },
      add_timestamps: true,
      ...(tellsPhonemes && { add_phoneme_timestamps: true }),
      ...(takesSpeed && speed !== 1 && { generation_config: { speed } }),
      // Whole sentences are sent: there is nothing to wait for.
      max_buffer_delay_ms: 0,
    }))
  }
}

class CartesiaEar implements SpeechToText {
  readonly name = 'cartesia'
  readonly #options: CartesiaOptions
  readonly #closing = new AbortController()

  constructor(options: CartesiaOptions) {
    this.#options = options
  }

  listen(request: ListenRequest, signal: AbortSignal): AsyncIterable<TranscriptEvent> {
    const { listeningModel: model } = this.#options
    const listening = new Listening(request, { ...this.#options, model })
    return listening.listen(AbortSignal.any([signal, this.#closing.signal]))
  }

  async close(): Promise<void> {
    this.#closing.abort(closed())
  }
}
