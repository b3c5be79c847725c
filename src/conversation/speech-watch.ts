import type { Clock } from '../clock.ts'
import type { Limits } from '../config/limits.ts'
import { VoiceError } from '../voice/text-to-speech.ts'

export interface SpeechWatchOptions {
  readonly clock: Clock
  readonly limits: Pick<Limits, 'speechSilenceMs' | 'speechTailMs'>
  /** Called with what the guest is told. */
  readonly onSilence: (error: VoiceError) => void
}

/** Notices a voice that makes no sound for too long, or that does not come to its end. */
export class SpeechWatch {
  readonly #options: SpeechWatchOptions
  #cancelSilence: (() => void) | undefined
  #cancelTail: (() => void) | undefined

  constructor(options: SpeechWatchOptions) {
    this.#options = options
  }

  /** What the voice has to do now. To be expected to do it once more gives it no more time. */
  expect({ sound, end }: { readonly sound: boolean; readonly end: boolean }): void {
    const { clock, limits } = this.#options
    if (!sound && !end) this.heard()
    else {
      this.#cancelSilence ??= clock.after(limits.speechSilenceMs, () =>
        this.#fail('The voice is silent. The text goes on without it.'),
      )
    }
    if (end)
      this.#cancelTail ??= clock.after(limits.speechTailMs, () => this.#fail('The voice took too long.'))
    else this.#forgetTail()
  }

  /** The voice has made sound. */
  heard(): void {
    this.#cancelSilence?.()
    this.#cancelSilence = undefined
  }

  close(): void {
    this.heard()
    this.#forgetTail()
  }

  #forgetTail(): void {
    this.#cancelTail?.()
    this.#cancelTail = undefined
  }

  #fail(message: string): void {
    this.#options.onSilence(new VoiceError('VOICE_UNAVAILABLE', message))
  }
}
