/** What every part of the bench is given. */
export interface VoiceBench {
  readonly rounds: number
  /** Just enough to see that everything works; the numbers mean nothing. */
  readonly isQuick: boolean
  /** The local server that speaks Cartesia's protocol, and how long each sentence takes there to its first sound. */
  readonly cartesiaUrl: string
  readonly soundDelayMs: number
}
