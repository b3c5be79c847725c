export type ListenMode = 'hands_free' | 'push_to_talk'
export type EarStatus = 'starting' | 'listening' | 'hearing' | 'finishing'

/** One time of listening, from the guest's press to the microphone's end. */
export interface Ear {
  /** What was said so far becomes a final, then it ends. */
  finish(): void
  /** Ends at once; no event follows. */
  stop(): void
}

export interface EarEvents {
  onStatus(status: EarStatus): void
  /** The guest has begun to speak. */
  onSpeechStart(): void
  /** What was said so far of the message that is being spoken. */
  onPartial(text: string): void
  /** Never empty. */
  onFinal(text: string): void
  /** It has ended and let everything go: why, in a sentence for the guest, or null where that is no problem. */
  onEnd(problem: string | null): void
}

/** A message by push to talk ends by itself after so long. */
export const messageMaxMs = 60_000
/** What was said is known soon after its end, or not at all. */
export const finalWithinMs = 8_000

export const notHeard = 'I did not catch that. Please try again.'
export const tooLate = 'That took too long. Please say it again, or type.'
