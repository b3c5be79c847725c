import { encodePcm } from './pcm.ts'
import { Resampler } from './resampler.ts'

/** As the server wants it: `pcm_s16le`, one channel, 16 kHz. */
const frameSampleRate = 16_000
/** Long enough to be few, short enough not to be waited for. */
export const frameMs = 40
const frameLength = (frameSampleRate * frameMs) / 1000

/** Makes frames of equal length of blocks of samples at any rate. */
export class FrameMaker {
  readonly #resampler: Resampler
  readonly #onFrame: (frame: ArrayBuffer) => void
  readonly #frame = new Float32Array(frameLength)
  #filled = 0

  constructor(sampleRate: number, onFrame: (frame: ArrayBuffer) => void) {
    this.#resampler = new Resampler(sampleRate, frameSampleRate)
    this.#onFrame = onFrame
  }

  push(channels: readonly Float32Array[]): void {
    for (const sample of this.#resampler.push(mixed(channels))) {
      this.#frame[this.#filled++] = sample
      if (this.#filled < frameLength) continue
      this.#onFrame(encodePcm(this.#frame))
      this.#filled = 0
    }
  }
}

/** One channel that is the mean of all. */
function mixed(channels: readonly Float32Array[]): Float32Array {
  const [first = new Float32Array(0), ...others] = channels
  if (others.length === 0) return first
  return first.map((sample, place) => {
    const sum = others.reduce((total, channel) => total + (channel[place] ?? 0), sample)
    return sum / channels.length
  })
}
