import type {
  SoundBuffer,
  SoundContext,
  SoundGain,
  SoundNode,
  SoundSource,
} from '../../web/src/voice/sound-context.ts'
import type { SpeakerBrowser } from '../../web/src/voice/speaker.ts'
import { FakeClock } from '../fakes/fake-clock.ts'

/** Sound that a context was told to play. */
export interface PlannedSound {
  readonly startFrame: number
  readonly samples: Float32Array
  readonly source: FakeSource
}

class FakeNode implements SoundNode {
  readonly targets = new Set<SoundNode>()

  connect(destination: SoundNode): void {
    this.targets.add(destination)
  }

  disconnect(): void {
    this.targets.clear()
  }
}

export class FakeSource extends FakeNode implements SoundSource {
  buffer: SoundBuffer | null = null
  startSeconds = Infinity
  stopSeconds = Infinity
  hasEnded = false
  readonly #onEnded: (() => void)[] = []

  start(when: number): void {
    this.startSeconds = when
  }

  stop(when: number): void {
    this.stopSeconds = when
  }

  addEventListener(_type: 'ended', listener: () => void): void {
    this.#onEnded.push(listener)
  }

  end(): void {
    this.hasEnded = true
    for (const listener of this.#onEnded) listener()
  }
}

class FakeGain extends FakeNode implements SoundGain {
  readonly steps: { readonly value: number; readonly seconds: number }[] = []
  readonly gain = {
    setValueAtTime: (value: number, seconds: number): void => void this.steps.push({ value, seconds }),
    linearRampToValueAtTime: (value: number, seconds: number): void =>
      void this.steps.push({ value, seconds }),
  }
}

/** What a context's clock shows when it is made: it is as good as one that has run for a while. */
const madeAtSeconds = 1

/** A context whose time moves only when told to, and that writes down what it was to play. */
export class FakeContext implements SoundContext {
  state = 'suspended'
  currentTime = madeAtSeconds
  readonly sampleRate: number
  readonly outputLatency = 0
  readonly destination = new FakeNode()
  readonly sources: FakeSource[] = []
  readonly gains: FakeGain[] = []
  readonly #mayRun: () => boolean
  readonly #onChange: (() => void)[] = []

  constructor(sampleRate: number, mayRun: () => boolean) {
    this.sampleRate = sampleRate
    this.#mayRun = mayRun
  }

  createBuffer(_channels: number, length: number, _sampleRate: number): SoundBuffer {
    const samples = new Float32Array(length)
    return { getChannelData: () => samples }
  }

  createBufferSource(): FakeSource {
    const source = new FakeSource()
    this.sources.push(source)
    return source
  }

  createGain(): FakeGain {
    const gain = new FakeGain()
    this.gains.push(gain)
    return gain
  }

  addEventListener(_type: 'statechange', listener: () => void): void {
    this.#onChange.push(listener)
  }

  resume(): Promise<void> {
    if (this.#mayRun()) this.become('running')
    return Promise.resolve()
  }

  close(): Promise<void> {
    this.become('closed')
    return Promise.resolve()
  }

  become(state: string): void {
    if (this.state === state) return
    this.state = state
    for (const listener of this.#onChange) listener()
  }

  get planned(): readonly PlannedSound[] {
    return this.sources.map((source) => ({
      startFrame: Math.round((source.startSeconds - madeAtSeconds) * this.sampleRate),
      samples: source.buffer?.getChannelData(0) ?? new Float32Array(0),
      source,
    }))
  }

  /** Plays on: what ends meanwhile says so. */
  advance(seconds: number): void {
    if (this.state !== 'running') return
    const end = this.currentTime + seconds
    for (;;) {
      const endOf = ({ startFrame, samples, source }: PlannedSound): number =>
        Math.min(source.stopSeconds, madeAtSeconds + (startFrame + samples.length) / this.sampleRate)
      const next = this.planned
        .filter((planned) => !planned.source.hasEnded && endOf(planned) <= end)
        .toSorted((left, right) => endOf(left) - endOf(right))[0]
      if (next === undefined) break
      this.currentTime = Math.max(this.currentTime, endOf(next))
      next.source.end()
    }
    this.currentTime = end
  }
}

/** A browser for a speaker, with everything in the hands of the test. */
export class FakeSoundBrowser implements SpeakerBrowser {
  readonly clock = new FakeClock()
  readonly contexts: FakeContext[] = []
  hadGesture = true
  /** The browser starts contexts. */
  mayRun = true
  isCalm = false
  /** There is a loudspeaker, and the browser can make contexts for it. */
  hasSound = true
  #frames: (() => void)[] = []

  createContext(sampleRate: number): FakeContext {
    if (!this.hasSound) throw new DOMException('No sound', 'NotSupportedError')
    const context = new FakeContext(sampleRate, () => this.mayRun)
    this.contexts.push(context)
    return context
  }

  mayMakeSound(): boolean {
    return this.hadGesture
  }

  prefersCalm(): boolean {
    return this.isCalm
  }

  frame(callback: () => void): void {
    this.#frames.push(callback)
  }

  get context(): FakeContext {
    const context = this.contexts.at(-1)
    if (context === undefined) throw new Error('There is no context.')
    return context
  }

  /** How many pictures are asked for. */
  get framesAsked(): number {
    return this.#frames.length
  }

  /** Time goes by, for the sound and for everything else; then the page draws once. */
  advance(durationMs: number): void {
    for (const context of this.contexts) context.advance(durationMs / 1000)
    this.clock.advance(durationMs)
    const frames = this.#frames
    this.#frames = []
    for (const frame of frames) frame()
  }
}

/** Base64 of so much sound: a sawtooth in which every sample differs from its neighbours. */
export function sound(durationMs: number, sampleRate = 16_000): string {
  const length = Math.round((durationMs * sampleRate) / 1000)
  const bytes = new Uint8Array(length * 2)
  const view = new DataView(bytes.buffer)
  for (let place = 0; place < length; place++) view.setInt16(place * 2, (place % 100) * 300, true)
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
}
