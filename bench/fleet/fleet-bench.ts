/** What every part of the bench is given. */
export interface FleetBench {
  readonly rounds: number
  /** Just enough to see that everything works; the numbers mean nothing. */
  readonly isQuick: boolean
}

/** As long as a talk at a bar may be: then a stream of turns goes on in another session. */
export const turnsPerSession = 10

/** One turn with all that a turn can have: two replies, a tool's effect between them, 60 chunks of text at once. */
export const orderScript = { chunks: 60, pause: 'none', isOrder: true } as const
