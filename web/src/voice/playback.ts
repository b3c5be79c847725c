import { writeSamples } from './pcm.ts'
import type { SoundContext, SoundGain, SoundSource } from './sound-context.ts'
import { SpeechTimeline } from './speech-timeline.ts'

export interface Chunk {
  readonly samples: Int16Array
  readonly sampleRate: number
  /** Milliseconds of the speech. */
  readonly startMs: number
}

/** Sound further ahead waits as it came, in half the memory. */
const aheadSeconds = 5
/** Sound that is waiting beyond this is not kept: a speech of minutes ahead of the guest. */
const waitingMaxMs = 180_000
/** Sound that begins sooner than this could begin late, and then overlap the next. */
const leadSeconds = 0.012
/** On a device that takes much sound at once, and in a context that has just begun to run: its device wakes up. */
const leadSecondsMax = 0.05
/** After a gap there is some sound in reserve, so that a slow network makes one gap and not many. */
const reserveSeconds = 0.1
/** Times that are off by so little are rounded; by more, sound was lost or comes twice. */
const roundingMs = 20
const fadeSeconds = 0.015
/** What a browser renders at a time: https://www.w3.org/TR/webaudio-1.1/#render-quantum-size */
const blockFrames = 128

/** The sound of one speech: chunks of samples, played one after another without a seam. */
export class Playback {
  readonly #onPlayed: () => void
  readonly #timeline = new SpeechTimeline()
  /** What is planned and has not played to its end. */
  readonly #planned = new Map<SoundSource, Chunk>()
  #waiting: Chunk[] = []
  /** Where in the speech the sound received so far ends. */
  #receivedMs = 0
  #context: SoundContext | null = null
  #gain: SoundGain | null = null
  /** The sample, on the context's clock, after the last one that is planned. */
  #nextFrame: number | null = null

  /** `onPlayed`: some sound has played to its end. */
  constructor(onPlayed: () => void) {
    this.#onPlayed = onPlayed
  }

  /** All sound there is has been played. */
  get isDry(): boolean {
    return this.#waiting.length === 0 && this.#planned.size === 0
  }

  /** Takes a chunk; false where it cannot: it is empty, was there already, or too much waits. */
  add(chunk: Chunk): boolean {
    const fresh = this.#withoutRepeat(chunk)
    const durationMs = lengthMs(fresh)
    const waitingMs = this.#waiting.reduce((sum, waiting) => sum + lengthMs(waiting), 0)
    if (durationMs === 0 || waitingMs + durationMs > waitingMaxMs) return false
    this.#receivedMs = fresh.startMs + durationMs
    this.#waiting.push(fresh)
    return true
  }

  /** Plans what is due to come soon in a context that runs. A new context goes on with what was only planned. */
  play(context: SoundContext): void {
    if (this.#context !== context) this.#enter(context)
    const endFrame = (context.currentTime + aheadSeconds) * context.sampleRate
    while ((this.#nextFrame ?? 0) < endFrame) {
      const chunk = this.#waiting.shift()
      if (chunk === undefined) break
      this.#plan(chunk, context)
    }
  }

  /** The moment of the speech that is heard at a time of the context; null before its beginning. */
  at(contextSeconds: number): { readonly speechMs: number; readonly isSounding: boolean } | null {
    return this.#timeline.at(contextSeconds * 1000)
  }

  /** What waits or is planned is forgotten, and what sounds fades out quickly instead of with a click. */
  silence(): void {
    this.#waiting = []
    const now = this.#context?.currentTime ?? 0
    this.#gain?.gain.setValueAtTime(1, now)
    this.#gain?.gain.linearRampToValueAtTime(0, now + fadeSeconds)
    const isFading = this.#planned.size > 0 && this.#context?.state === 'running'
    for (const source of this.#planned.keys()) source.stop(now + fadeSeconds)
    this.#planned.clear()
    // A context that stands still never comes to the end of a fade, and may run again later.
    if (!isFading) this.#gain?.disconnect()
  }

  #enter(context: SoundContext): void {
    this.#waiting.unshift(...this.#planned.values())
    this.#planned.clear()
    this.#context = context
    this.#nextFrame = null
    this.#gain = context.createGain()
    this.#gain.connect(context.destination)
  }

  #plan(chunk: Chunk, context: SoundContext): void {
    const source = this.#source(chunk, context)
    // Nothing comes between the look at the clock and the start: time that goes by there would make it begin late.
    const frame = this.#frameOfNext(context)
    source.start(frame / context.sampleRate)
    const durationMs = lengthMs(chunk)
    const begins = beginningOf(frame, context)
    this.#nextFrame = begins + Math.round((durationMs / 1000) * context.sampleRate)
    const playsFromMs = (begins / context.sampleRate) * 1000
    this.#timeline.add({ playsFromMs, startMs: chunk.startMs, durationMs })
  }

  /** Right behind the last sample, or, where that has passed or is about to, a little later than now. */
  #frameOfNext(context: SoundContext): number {
    const now = context.currentTime
    // The sound of the next callback of the device may be on its way already: on a phone that is longer than usual.
    const lead = Math.min(leadSecondsMax, Math.max(leadSeconds, context.baseLatency ?? 0))
    if (this.#nextFrame !== null && this.#nextFrame >= (now + lead) * context.sampleRate)
      return this.#nextFrame
    if (this.#nextFrame !== null) return Math.ceil((now + reserveSeconds) * context.sampleRate)
    return Math.ceil((now + (now < leadSecondsMax ? leadSecondsMax : lead)) * context.sampleRate)
  }

  #source(chunk: Chunk, context: SoundContext): SoundSource {
    const buffer = context.createBuffer(1, chunk.samples.length, chunk.sampleRate)
    writeSamples(chunk.samples, buffer.getChannelData(0))
    const source = context.createBufferSource()
    source.buffer = buffer
    const gain = this.#gain
    if (gain !== null) source.connect(gain)
    this.#planned.set(source, chunk)
    source.addEventListener('ended', () => {
      source.disconnect()
      if (this.#planned.delete(source)) this.#onPlayed()
      else gain?.disconnect()
    })
    return source
  }

  /** The part of a chunk behind what was received: after a reconnection some may come a second time. */
  #withoutRepeat(chunk: Chunk): Chunk {
    const repeatedMs = this.#receivedMs - chunk.startMs
    if (repeatedMs <= roundingMs) return chunk
    const samples = chunk.samples.subarray(Math.round((repeatedMs / 1000) * chunk.sampleRate))
    return { ...chunk, samples, startMs: this.#receivedMs }
  }
}

/**
 * Where a sound begins that was just told to begin there. A device that was held up takes much sound at once, and its
 * clock leaps: what it leapt over begins with the next block, and whatever follows must not overlap it.
 */
function beginningOf(frame: number, { currentTime, sampleRate }: SoundContext): number {
  const now = Math.ceil(currentTime * sampleRate)
  return now > frame ? now + blockFrames : frame
}

function lengthMs({ samples, sampleRate }: Chunk): number {
  return (samples.length / sampleRate) * 1000
}
