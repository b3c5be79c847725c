import { signal, type ReadonlySignal } from '@preact/signals'
import { pageClock, type PageClock } from '../clock.ts'
import type { Mouth } from './mouth.ts'
import { decodePcm } from './pcm.ts'
import { Playback } from './playback.ts'
import { audibleTime, type SoundContext } from './sound-context.ts'
import { SoundOutput } from './sound-output.ts'
import { SpeechMarks, type MarksEvent } from './speech-marks.ts'

export interface SpokenWord {
  readonly turnId: string
  /** Characters of the turn's content. */
  readonly from: number
  readonly to: number
}

/** An `audio_chunk` of a turn. */
export interface SoundEvent {
  readonly index: number
  /** Base64 of `pcm_s16le`, one channel. */
  readonly audio: string
  readonly sample_rate: number
  readonly start_ms: number
}

/** `blocked`: there is sound, but the browser wants a gesture of the guest first. */
export type SpeakerStatus = 'silent' | 'blocked' | 'speaking'

export interface Heard {
  readonly turnId: string
  readonly heardCharacters: number
}

/** Maya's voice: one speech at a time. */
export interface Speaker {
  /** Called in every gesture of the guest: makes sound possible, or possible again. */
  unlock(): void
  readonly status: ReadonlySignal<SpeakerStatus>
  readonly word: ReadonlySignal<SpokenWord | null>
  readonly mouth: ReadonlySignal<Mouth>
  /** A new speech; it silences any other. */
  begin(turnId: string): void
  /** A sentence's text, which tells where it ends and how far a listener came where the voice names no words. */
  sentence(event: { readonly index: number; readonly content: string }): void
  sound(event: SoundEvent): void
  marks(event: MarksEvent): void
  /** No more sound follows; what is there plays to its end. */
  end(): void
  /** Silence within 50 ms, and how much of the speech was heard; null when nothing was being spoken. */
  stop(): Heard | null
}

/** What a speaker needs of the browser. */
export interface SpeakerBrowser {
  createContext(sampleRate: number): SoundContext
  /** Whether the browser lets a page make sound yet. */
  mayMakeSound(): boolean
  /** Whether the guest wants nothing on the page to move without need. */
  prefersCalm(): boolean
  /** Calls back before the next picture; not at all while the page is hidden. */
  frame(callback: () => void): void
  readonly clock: PageClock
}

const ownBrowser: SpeakerBrowser = {
  createContext: (sampleRate) => new AudioContext({ sampleRate, latencyHint: 'interactive' }),
  // Older browsers do not tell; there the context simply stays suspended.
  mayMakeSound: () => navigator.userActivation?.hasBeenActive ?? true,
  prefersCalm: () => matchMedia('(prefers-reduced-motion: reduce)').matches,
  frame: (callback) => void requestAnimationFrame(callback),
  clock: pageClock,
}

/** A context needs a moment to start; only after it does it count as blocked. */
const startsWithinMs = 500
/** Sound that could not be heard for so long is dropped: the guest has read it, and Maya would talk of what is past. */
const freshMs = 20_000
/** Maya has fallen silent, though her speech may go on: she is waiting for a model or a network. */
const pauseMaxMs = 5_000

interface Speech {
  readonly turnId: string
  readonly marks: SpeechMarks
  readonly playback: Playback
  sampleRate: number | null
  hasEnded: boolean
}

export function createSpeaker(browser: SpeakerBrowser = ownBrowser): Speaker {
  return new WebSpeaker(browser)
}

/** `waiting`: there is sound, but no context that runs. `dry`: all there is has been played, and more may come. */
type Phase = 'idle' | 'waiting' | 'playing' | 'dry'

class WebSpeaker implements Speaker {
  readonly status = signal<SpeakerStatus>('silent')
  readonly word = signal<SpokenWord | null>(null)
  readonly mouth = signal<Mouth>('rest')
  readonly #browser: SpeakerBrowser
  readonly #output: SoundOutput
  #speech: Speech | null = null
  /** Where the speech is heard; null until its first sound is. */
  #context: SoundContext | null = null
  #phase: Phase = 'idle'
  #cancelTimer: () => void = () => {}
  #isAnimated = false

  constructor(browser: SpeakerBrowser) {
    this.#browser = browser
    const { clock } = browser
    this.#output = new SoundOutput({
      createContext: (sampleRate) => browser.createContext(sampleRate),
      mayMakeSound: () => browser.mayMakeSound(),
      onChange: () => this.#advance(),
      clock,
    })
  }

  unlock(): void {
    this.#output.unlock()
    this.#advance()
  }

  begin(turnId: string): void {
    this.#close()
    const playback = new Playback(() => this.#advance())
    this.#speech = { turnId, playback, marks: new SpeechMarks(), sampleRate: null, hasEnded: false }
  }

  sentence({ index, content }: { readonly index: number; readonly content: string }): void {
    this.#speech?.marks.sentence(index, content)
  }

  sound({ index, audio, sample_rate: sampleRate, start_ms: startMs }: SoundEvent): void {
    const speech = this.#speech
    const samples = decodePcm(audio)
    if (speech === null || !speech.playback.add({ samples, sampleRate, startMs })) return
    speech.sampleRate ??= sampleRate
    speech.marks.sound(index, startMs, startMs + (samples.length / sampleRate) * 1000)
    this.#advance()
  }

  marks(event: MarksEvent): void {
    this.#speech?.marks.add(event)
  }

  end(): void {
    if (this.#speech === null) return
    this.#speech.hasEnded = true
    this.#advance()
  }

  stop(): Heard | null {
    const speech = this.#speech
    // A speech that could not be heard was read: nothing of it is taken back.
    const wasHeard = this.#context !== null
    const moment = this.#moment()
    this.#close()
    if (speech === null || !wasHeard) return null
    const heardCharacters = moment === null ? 0 : speech.marks.heardCharacters(moment.speechMs)
    return { turnId: speech.turnId, heardCharacters }
  }

  /** Goes on as far as the sound and the browser allow: called whenever one of them has changed. */
  #advance(): void {
    const speech = this.#speech
    if (speech === null) return
    if (!speech.playback.isDry) this.#play(speech)
    else if (speech.hasEnded) this.#close()
    else if (speech.sampleRate !== null) this.#dry()
  }

  #play({ playback, sampleRate }: Speech): void {
    const context = this.#output.use(sampleRate ?? 0)
    if (context?.state !== 'running') {
      this.#wait(context)
      return
    }
    this.#enter('playing')
    this.#context = context
    playback.play(context)
    this.status.value = 'speaking'
    if (this.#isAnimated) return
    this.#isAnimated = true
    this.#browser.frame(() => this.#animate())
  }

  #wait(context: SoundContext | null): void {
    if (!this.#enter('waiting')) return
    const { clock } = this.#browser
    const block = (): void => {
      this.status.value = this.#output.isBroken ? 'silent' : 'blocked'
      this.#cancelTimer = clock.after(freshMs, () => this.#drop())
    }
    if (context === null) block()
    else this.#cancelTimer = clock.after(startsWithinMs, block)
  }

  #drop(): void {
    this.#speech?.playback.silence()
    this.#advance()
    this.status.value = 'silent'
  }

  #dry(): void {
    if (!this.#enter('dry')) return
    this.#cancelTimer = this.#browser.clock.after(pauseMaxMs, () => {
      this.status.value = 'silent'
      this.#output.release()
    })
  }

  #close(): void {
    if (this.#speech === null) return
    this.#speech.playback.silence()
    this.#speech = null
    this.#context = null
    this.#enter('idle')
    this.#output.release()
    this.status.value = 'silent'
  }

  /** False where it is in the phase already. */
  #enter(phase: Phase): boolean {
    if (this.#phase === phase) return false
    this.#phase = phase
    this.#cancelTimer()
    this.#cancelTimer = () => {}
    if (phase !== 'playing') this.#showNothing()
    return true
  }

  #animate(): void {
    this.#isAnimated = this.#phase === 'playing'
    if (!this.#isAnimated) return
    this.#showMoment()
    this.#browser.frame(() => this.#animate())
  }

  #showMoment(): void {
    const moment = this.#moment()
    if (this.#speech === null || moment === null) return
    const { turnId, marks } = this.#speech
    const word = marks.wordAt(moment.speechMs)
    const shown = this.word.value
    if (word?.from !== shown?.from || word?.to !== shown?.to) {
      this.word.value = word && { turnId, from: word.from, to: word.to }
    }
    const isStill = !moment.isSounding || this.#browser.prefersCalm()
    this.mouth.value = isStill ? 'rest' : marks.mouthAt(moment.speechMs)
  }

  #showNothing(): void {
    this.word.value = null
    this.mouth.value = 'rest'
  }

  #moment(): ReturnType<Playback['at']> {
    if (this.#context === null || this.#speech === null) return null
    return this.#speech.playback.at(audibleTime(this.#context, this.#browser.clock.now()))
  }
}
