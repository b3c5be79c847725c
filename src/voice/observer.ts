import type { VoiceErrorCode } from './text-to-speech.ts'

/** What voices and ears report. Metrics implement it; tests record it. */
export interface VoiceObserver {
  /** The speech of one turn ended. */
  speechEnded(provider: string, outcome: VoiceOutcome): void
  /** A speech, or a hearing. */
  voiceFailed(provider: string, code: VoiceErrorCode): void
  /** One sentence was handed to the voice. */
  sentenceSpoken(provider: string, characters: number): void
  soundMade(provider: string, seconds: number): void
  listeningBegan(provider: string): void
  listeningEnded(provider: string, outcome: VoiceOutcome): void
  soundHeard(provider: string, seconds: number): void
}

export type VoiceOutcome = 'ok' | 'error' | 'aborted'
