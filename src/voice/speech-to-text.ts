/** Turns sound into text. All sound is `pcm_s16le` with one channel and `listeningSampleRate`. */
export interface SpeechToText {
  readonly name: string
  /**
   * Hears the sound as it comes and tells what was said. Ends after the last words when the sound has ended; throws a
   * `VoiceError`, or the signal's reason.
   */
  listen(request: ListenRequest, signal: AbortSignal): AsyncIterable<TranscriptEvent>
  close(): Promise<void>
}

/** Samples in a second. */
export const listeningSampleRate = 16_000

export interface ListenRequest {
  readonly audio: AsyncIterable<Uint8Array>
  /** `hands-free`: it hears itself when somebody has ended; `push-to-talk`: all of the sound is one message. */
  readonly mode: ListenMode
}

export type ListenMode = 'hands-free' | 'push-to-talk'

export type TranscriptEvent =
  /** Somebody has begun to speak. */
  | { readonly type: 'speech-start' }
  /** What was said so far of the message that is being spoken; it may still change. */
  | { readonly type: 'partial'; readonly text: string }
  /** The message was spoken to its end. Empty where no words were in it. */
  | { readonly type: 'final'; readonly text: string }
