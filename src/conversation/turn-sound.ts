import type { WordPlace } from '../voice/align-words.ts'
import type { Mark } from '../voice/text-to-speech.ts'

/** What only a reader that listens gets. All times are milliseconds from the beginning of the turn's speech. */
export type SoundEvent =
  | {
      readonly type: 'audio-chunk'
      /** The sentence's. */
      readonly index: number
      /** `pcm_s16le` with one channel. */
      readonly audio: Buffer
      readonly sampleRate: number
      readonly startMs: number
    }
  | {
      readonly type: 'speech-marks'
      readonly index: number
      /** Each with its place in the whole content of the turn. */
      readonly words: readonly WordPlace[]
      readonly phonemes: readonly Mark[]
    }

export function isSound(event: { readonly type: string }): event is SoundEvent {
  return event.type === 'audio-chunk' || event.type === 'speech-marks'
}

/** What was spoken of a turn, with the numbers that it has among the turn's events. */
export interface NumberedSound {
  readonly number: number
  readonly event: SoundEvent
  /** About how many bytes it takes in memory. */
  readonly bytes: number
}

/**
 * The sound of one turn, kept for readers that come late or come back. Bound: beyond `bytesMax` the oldest goes, and
 * whoever has not heard it goes on with what is left.
 */
export class TurnSound {
  readonly #bytesMax: number
  #sounds: NumberedSound[] = []
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  add(sound: NumberedSound): void {
    this.#sounds.push(sound)
    this.#bytes += sound.bytes
    while (this.#bytes > this.#bytesMax) this.#bytes -= this.#sounds.shift()?.bytes ?? this.#bytes
  }

  /** The first one with a higher number. */
  after(number: number): NumberedSound | undefined {
    let [from, to] = [0, this.#sounds.length]
    while (from < to) {
      const middle = (from + to) >>> 1
      if ((this.#sounds[middle]?.number ?? Infinity) > number) to = middle
      else from = middle + 1
    }
    return this.#sounds[from]
  }

  clear(): void {
    this.#sounds = []
    this.#bytes = 0
  }
}
