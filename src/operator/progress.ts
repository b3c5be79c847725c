import type { LoadTally } from './load-tally.ts'

export interface Progress {
  readonly elapsedMs: number
  readonly durationMs: number
  readonly guests: number
  readonly tally: LoadTally
  readonly charactersMax: number
}

const barCharacters = 20

/** One line, whose end is cut off where it has no room. */
export function progressLine(progress: Progress): string {
  const { elapsedMs, durationMs, guests, tally, charactersMax } = progress
  const part = Math.min(1, elapsedMs / durationMs)
  const done = Math.round(part * barCharacters)
  const bar = `[${'#'.repeat(done)}${'-'.repeat(barCharacters - done)}]`
  const time = `${minutes(Math.min(elapsedMs, durationMs))}/${minutes(durationMs)}`
  const { inside, turns, refused, failed } = tally
  const counts = `guests ${inside}/${guests}  turns ${turns.length}  refused ${refused}  failed ${failed}`
  return `${bar} ${time}  ${counts}`.slice(0, charactersMax)
}

/** `1:05` */
function minutes(durationMs: number): string {
  const seconds = Math.floor(durationMs / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}
