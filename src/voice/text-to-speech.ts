import type { ErrorCode } from '../errors.ts'

/** Turns sentences into timed sound. Every sound is `pcm_s16le` with one channel. */
export interface TextToSpeech {
  readonly name: string
  /** Samples of its sound in a second. */
  readonly sampleRate: number
  /** The voices to choose from, the default first. Throws a `VoiceError` where they cannot be had. */
  voices(signal: AbortSignal): Promise<readonly VoiceChoice[]>
  /**
   * Speaks the sentences in their order, each as soon as it is known, as one speech: all times count from its
   * beginning. Ends when the last sentence was spoken; throws a `VoiceError`, or the signal's reason.
   */
  speak(request: SpeechRequest, signal: AbortSignal): AsyncIterable<SpeechEvent>
  close(): Promise<void>
}

export interface VoiceChoice {
  readonly id: string
  readonly name: string
}

export interface SpeechRequest {
  /** Plain words: no markup. */
  readonly sentences: AsyncIterable<string>
  /** The id of one of its voices, or null for the default. One that it does not have is the default too. */
  readonly voice: string | null
  /** How fast: 1 is as people speak, 0.6 slow, 1.5 fast. */
  readonly speed: number
}

export type SpeechEvent =
  | {
      readonly type: 'audio'
      /** The place of the sentence among those of the request, from 0. */
      readonly sentence: number
      /** Milliseconds from the beginning of the speech. The sound of a speech has no gaps. */
      readonly startMs: number
      readonly audio: Buffer
    }
  | {
      readonly type: 'marks'
      readonly sentence: number
      /** When which word is spoken, in the order of the sentence. */
      readonly words: readonly Mark[]
      /** When which sound is spoken, as ARPABET or IPA has it; none where the provider does not say. */
      readonly phonemes: readonly Mark[]
    }

/** Milliseconds from the beginning of the speech. */
export interface Mark {
  readonly text: string
  readonly startMs: number
  readonly endMs: number
}

export const slowest = 0.6
export const fastest = 1.5

/** `VOICE_BUSY`: all places of its plan are taken. */
export type VoiceErrorCode = Extract<
  ErrorCode,
  'VOICE_UNAVAILABLE' | 'VOICE_BUSY' | 'KEY_REJECTED' | 'KEY_QUOTA'
>

/** Why a voice or an ear could not do its work, in a sentence for the guest: never with a key or a guest's words. */
export class VoiceError extends Error {
  override readonly name = 'VoiceError'
  readonly code: VoiceErrorCode

  constructor(code: VoiceErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options)
    this.code = code
  }
}
