/** A stretch of a speech that plays without a break. */
interface Stretch {
  /** When it begins, in milliseconds of the context's clock. */
  readonly playsFromMs: number
  /** What it begins with, in milliseconds of the speech. */
  readonly startMs: number
  readonly durationMs: number
}

/** Rounded times of the server make no new stretch. */
const roundingMs = 20
/** More are only kept while they can still be asked for: old ones have long been played. */
const stretchesMax = 64

/**
 * Which moment of a speech is heard when. It differs from the clock by a constant, until sound came late (the rest plays
 * later) or was lost (the rest plays earlier).
 */
export class SpeechTimeline {
  #stretches: readonly Stretch[] = []

  add(stretch: Stretch): void {
    const last = this.#stretches.at(-1)
    if (last !== undefined && continues(last, stretch)) {
      const durationMs = stretch.playsFromMs + stretch.durationMs - last.playsFromMs
      this.#stretches = [...this.#stretches.slice(0, -1), { ...last, durationMs }]
    } else {
      this.#stretches = [...this.#stretches.slice(1 - stretchesMax), stretch]
    }
  }

  /** The moment of the speech that is heard, and whether there is sound; null before its beginning. */
  at(clockMs: number): { readonly speechMs: number; readonly isSounding: boolean } | null {
    const stretch = this.#stretches.findLast(({ playsFromMs }) => playsFromMs <= clockMs)
    if (stretch === undefined) return null
    const elapsedMs = clockMs - stretch.playsFromMs
    const isSounding = elapsedMs < stretch.durationMs
    // In a gap it stays just before what is to come: that has not begun.
    return { speechMs: stretch.startMs + Math.min(elapsedMs, stretch.durationMs - 1), isSounding }
  }
}

function continues(last: Stretch, next: Stretch): boolean {
  const pauseMs = next.playsFromMs - (last.playsFromMs + last.durationMs)
  const shiftMs = next.playsFromMs - next.startMs - (last.playsFromMs - last.startMs)
  return pauseMs < 1 && Math.abs(shiftMs) < roundingMs
}
