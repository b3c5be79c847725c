import { computed, signal } from '@preact/signals'
import type { Requests } from '../api/requests.ts'
import type { TurnEventWire, VoiceWire } from '../api/wire.ts'
import type { Heard, Speaker } from '../voice/speaker.ts'
import type { SettingsStore } from './settings.ts'

export interface SpeechOptions {
  readonly speaker: Speaker
  readonly settings: SettingsStore
  /** Called once for each turn whose voice failed, with what the guest is told. */
  readonly onVoiceFailed: (sentence: string) => void
}

/** How a message asks for its answer to be spoken. */
export interface SpeechWish {
  readonly voice?: true
  readonly voice_id?: string
  readonly voice_speed?: number
}

const voiceFailed = 'Maya has lost her voice for this answer. You can read it here.'

/** Maya's voice for the turns that this page has asked for. */
export class Speech {
  readonly #options: SpeechOptions
  /** What the server can say and hear; null until it has told. */
  readonly offer = signal<VoiceWire | null>(null)
  readonly isOn = computed(() => this.#options.settings.settings.value.voice)
  /** The turn whose sound is played; sound of any other comes too late. */
  #turnId: string | null = null

  constructor(options: SpeechOptions) {
    this.#options = options
  }

  get speaker(): Speaker {
    return this.#options.speaker
  }

  get isSpeaking(): boolean {
    return this.#options.speaker.status.value === 'speaking'
  }

  /** A gesture of the guest, after which the browser lets Maya be heard. */
  unlock(): void {
    if (this.isOn.value) this.speaker.unlock()
  }

  /** A bar that cannot say what its voice is like is as it was. */
  async readOffer(requests: Requests): Promise<void> {
    this.offer.value = await requests.receive<VoiceWire>('/voice').catch(() => this.offer.value)
  }

  wish(): SpeechWish {
    const { voice, voiceId, speed } = this.#options.settings.settings.value
    const { offer } = this
    // Who speaks before the bar has told what it can do asks for it all the same.
    if (!voice || offer.value?.speaks === false) return {}
    const isOffered = offer.value?.voices.some(({ id }) => id === voiceId) === true
    return {
      voice: true,
      ...(voiceId !== null && isOffered && { voice_id: voiceId }),
      ...(speed !== 1 && { voice_speed: speed }),
    }
  }

  /** An event of a turn that was asked to be spoken. */
  hear(turnId: string, event: TurnEventWire): void {
    const { speaker, onVoiceFailed } = this.#options
    if (event.type === 'session' && event.restart === true) return this.#begin(turnId)
    if (event.type === 'status' && event.status === 'voice_failed') {
      return onVoiceFailed(event.message ?? voiceFailed)
    }
    if (turnId !== this.#turnId) return
    if (event.type === 'sentence') speaker.sentence(event)
    else if (event.type === 'audio_chunk') speaker.sound(event)
    else if (event.type === 'speech_marks') speaker.marks(event)
    else if (event.type === 'complete') this.end(turnId)
  }

  /** No more sound of this turn follows. */
  end(turnId: string): void {
    if (turnId !== this.#turnId) return
    this.#turnId = null
    this.speaker.end()
  }

  /** Silence at once. What had been heard, if something was being spoken. */
  stop(): Heard | null {
    this.#turnId = null
    return this.speaker.stop()
  }

  #begin(turnId: string): void {
    if (!this.isOn.value) return
    this.#turnId = turnId
    this.speaker.begin(turnId)
  }
}
