import type { PageClock } from '../clock.ts'
import type { SoundContext } from './sound-context.ts'

export interface SoundOutputOptions {
  readonly createContext: (sampleRate: number) => SoundContext
  /** Whether the browser lets a page make sound yet. */
  readonly mayMakeSound: () => boolean
  readonly clock: PageClock
  /** The context runs now, or no longer. */
  readonly onChange: () => void
}

/** A context holds the loudspeaker and a thread: it is given back when nobody has spoken for so long. */
const idleMs = 120_000
/** The embedded voice's; a speech with another rate makes another context. */
const usualSampleRate = 16_000

/**
 * The loudspeaker: at most one context, at the sample rate of the sound, so that the browser resamples what comes out of
 * it and not each chunk by itself, which would click at every edge.
 */
export class SoundOutput {
  readonly #options: SoundOutputOptions
  #context: SoundContext | null = null
  #sampleRate = usualSampleRate
  #cancelIdle: () => void = () => {}
  #isBroken = false

  constructor(options: SoundOutputOptions) {
    this.#options = options
  }

  /** The browser could make no context when it was asked last: it has no sound, or no loudspeaker. */
  get isBroken(): boolean {
    return this.#isBroken
  }

  /** A gesture of the guest: from now on there may be sound. */
  unlock(): void {
    if (this.#context === null) {
      this.#open(this.#sampleRate)
      this.release()
    } else {
      wake(this.#context)
    }
  }

  /** The context for a speech, until `release`; null as long as the browser allows none. */
  use(sampleRate: number): SoundContext | null {
    this.#cancelIdle()
    this.#sampleRate = sampleRate
    if (this.#context?.state === 'closed' || this.#context?.sampleRate !== sampleRate) this.#close()
    if (this.#context === null) this.#open(sampleRate)
    else wake(this.#context)
    return this.#context
  }

  /** Nothing is being spoken; it stays open for the next speech, for a while. */
  release(): void {
    this.#cancelIdle()
    this.#cancelIdle = this.#options.clock.after(idleMs, () => this.#close())
  }

  #open(sampleRate: number): void {
    // Browsers complain in the console when a page tries before its first gesture.
    if (!this.#options.mayMakeSound()) return
    const context = this.#attempt(sampleRate)
    this.#context = context
    if (context === null) return
    context.addEventListener('statechange', () => {
      if (this.#context === context) this.#options.onChange()
    })
    wake(context)
  }

  #attempt(sampleRate: number): SoundContext | null {
    try {
      this.#isBroken = false
      return this.#options.createContext(sampleRate)
    } catch {
      // The answer is there to be read.
      this.#isBroken = true
      return null
    }
  }

  #close(): void {
    const context = this.#context
    this.#context = null
    // It may be closed already: a context whose device has gone closes by itself.
    void context?.close().catch(() => {})
  }
}

function wake(context: SoundContext): void {
  // A refusal shows as a state that stays as it is: then the next gesture is waited for.
  if (context.state !== 'running' && context.state !== 'closed') void context.resume().catch(() => {})
}
