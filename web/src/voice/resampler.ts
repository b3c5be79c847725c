/** How many swings of the filter reach to each side: more cut the upper edge off more sharply. */
const swings = 16
/** The part of the new band that is kept; the rest is the filter's slope, so that nothing folds back. */
const keptShare = 0.92

/** Changes the sample rate of an endless sound that comes in pieces, with a low-pass filter against aliasing. */
export class Resampler {
  /** Outputs are `step / phases` inputs apart. */
  readonly #step: number
  readonly #phases: number
  /** Inputs that the filter needs on each side. */
  readonly #reach: number
  readonly #cutoff: number
  readonly #kernels = new Map<number, Float32Array>()
  /** Inputs that are still needed; before the beginning there is silence. */
  #inputs: Float32Array
  /** The input at or before the next output, and how many phases the output is behind it. */
  #place: number
  #phase = 0

  constructor(fromRate: number, toRate: number) {
    const divisor = greatestCommonDivisor(fromRate, toRate)
    this.#step = fromRate / divisor
    this.#phases = toRate / divisor
    const ratio = Math.max(1, fromRate / toRate)
    this.#cutoff = keptShare / ratio
    this.#reach = Math.ceil(swings * ratio)
    this.#inputs = new Float32Array(this.#reach)
    this.#place = this.#reach
  }

  /** What comes out for what comes in; the filter holds back about a millisecond. */
  push(samples: Float32Array): Float32Array {
    const inputs = new Float32Array(this.#inputs.length + samples.length)
    inputs.set(this.#inputs)
    inputs.set(samples, this.#inputs.length)
    const outputs: number[] = []
    while (this.#place + this.#reach < inputs.length) {
      outputs.push(this.#output(inputs))
      this.#phase += this.#step
      this.#place += Math.floor(this.#phase / this.#phases)
      this.#phase %= this.#phases
    }
    const used = Math.min(inputs.length, this.#place - this.#reach)
    this.#inputs = inputs.slice(used)
    this.#place -= used
    return Float32Array.from(outputs)
  }

  #output(inputs: Float32Array): number {
    const kernel = this.#kernel()
    const from = this.#place - this.#reach
    let sum = 0
    for (let tap = 0; tap < kernel.length; tap++) sum += (kernel[tap] ?? 0) * (inputs[from + tap] ?? 0)
    return sum
  }

  #kernel(): Float32Array {
    const known = this.#kernels.get(this.#phase)
    if (known !== undefined) return known
    const taps = Float64Array.from({ length: 2 * this.#reach + 1 }, (_, tap) => {
      const distance = tap - this.#reach - this.#phase / this.#phases
      return sinc(this.#cutoff * distance) * window(distance / (this.#reach + 1))
    })
    // A constant stays the same, whatever the phase.
    const sum = taps.reduce((total, tap) => total + tap, 0)
    const kernel = Float32Array.from(taps, (tap) => tap / sum)
    this.#kernels.set(this.#phase, kernel)
    return kernel
  }
}

function sinc(value: number): number {
  return value === 0 ? 1 : Math.sin(Math.PI * value) / (Math.PI * value)
}

/** Blackman's window, from -1 to 1. */
function window(place: number): number {
  if (Math.abs(place) >= 1) return 0
  return 0.42 + 0.5 * Math.cos(Math.PI * place) + 0.08 * Math.cos(2 * Math.PI * place)
}

function greatestCommonDivisor(left: number, right: number): number {
  return right === 0 ? left : greatestCommonDivisor(right, left % right)
}
