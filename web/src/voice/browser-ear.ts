import type { PageClock } from '../clock.ts'
import {
  finalWithinMs,
  messageMaxMs,
  notHeard,
  tooLate,
  type Ear,
  type EarEvents,
  type ListenMode,
} from './ear.ts'

/** The little of the browser's `SpeechRecognition` that is needed. TypeScript does not know it. */
export interface Recognition {
  lang: string
  continuous: boolean
  interimResults: boolean
  start(): void
  /** No more sound; what was heard is still told. */
  stop(): void
  abort(): void
  addEventListener(type: 'speechstart' | 'end', listener: () => void): void
  addEventListener(type: 'result', listener: (event: RecognitionResults) => void): void
  addEventListener(type: 'error', listener: (event: { readonly error: string }) => void): void
}

export interface RecognitionResults {
  readonly resultIndex: number
  readonly results: ArrayLike<ArrayLike<{ readonly transcript: string }> & { readonly isFinal: boolean }>
}

export interface BrowserEarBrowser {
  /** Null where the browser has none. */
  createRecognition(): Recognition | null
  /** Tells whenever the page is hidden or shown. Returns a function that ends it. */
  onVisibility(listener: (isHidden: boolean) => void): () => void
  readonly clock: PageClock
}

/** It ends by itself whenever nobody speaks; when that comes sooner, something is wrong with it. */
const lastsMs = 1_000
const shortRunsMax = 3
const restartDelayMs = 250

const gone = 'The browser’s speech recognition does not answer. Please type instead.'

/**
 * Hears through the browser's own recognition. It does not take the loudspeaker's sound out of what it hears, so that
 * hands-free it would answer to Maya herself: while she speaks, it is muted.
 */
export class BrowserEar implements Ear {
  readonly #mode: ListenMode
  readonly #events: EarEvents
  readonly #browser: BrowserEarBrowser
  readonly #stopWatching: () => void
  #recognition: Recognition | null = null
  #isMuted = false
  #isFinishing = false
  #isOver = false
  #isHearing = false
  /** What was said for certain, and what may still change. */
  #said = ''
  #unsure = ''
  #startedAtMs = 0
  #shortRuns = 0
  #cancelTimer: () => void = () => {}

  constructor(mode: ListenMode, events: EarEvents, browser: BrowserEarBrowser) {
    this.#mode = mode
    this.#events = events
    this.#browser = browser
    this.#stopWatching = browser.onVisibility((isHidden) => {
      if (isHidden) this.finish()
    })
  }

  start(): void {
    this.#events.onStatus('starting')
    if (!this.#isMuted) this.#run()
    if (this.#isOver) return
    this.#events.onStatus('listening')
    if (this.#mode === 'push_to_talk') this.#wait(messageMaxMs, () => this.finish())
  }

  /** Whether Maya speaks. Who presses to talk has silenced her. */
  mute(isMuted: boolean): void {
    if (this.#mode === 'push_to_talk' || this.#isMuted === isMuted || this.#isOver) return
    this.#isMuted = isMuted
    if (!isMuted) {
      this.#run()
      return
    }
    this.#abort()
    this.#forget()
  }

  finish(): void {
    if (this.#isOver || this.#isFinishing) return
    if (this.#recognition === null) {
      this.#end(null)
      return
    }
    this.#isFinishing = true
    this.#events.onStatus('finishing')
    this.#recognition.stop()
    this.#wait(finalWithinMs, () => this.#end(tooLate))
  }

  stop(): void {
    this.#isOver = true
    this.#cancelTimer()
    this.#stopWatching()
    this.#abort()
  }

  #run(): void {
    if (this.#recognition !== null) return
    const recognition = this.#browser.createRecognition()
    if (recognition === null) {
      this.#end(gone)
      return
    }
    this.#recognition = recognition
    this.#startedAtMs = this.#browser.clock.now()
    recognition.lang = 'en-US'
    recognition.continuous = true
    recognition.interimResults = true
    recognition.addEventListener('speechstart', () => {
      if (this.#recognition === recognition) this.#begin()
    })
    recognition.addEventListener('result', (event) => {
      if (this.#recognition === recognition) this.#hear(event)
    })
    recognition.addEventListener('error', ({ error }) => {
      const problem = refusal(error)
      if (this.#recognition === recognition && problem !== null) this.#end(problem)
    })
    recognition.addEventListener('end', () => {
      if (this.#recognition === recognition) this.#goOn()
    })
    try {
      recognition.start()
    } catch {
      this.#end(gone) // It says so when another page of the browser has it.
    }
  }

  #begin(): void {
    if (this.#isHearing) return
    this.#isHearing = true
    this.#events.onSpeechStart()
    if (!this.#isFinishing) this.#events.onStatus('hearing')
  }

  #hear({ resultIndex, results }: RecognitionResults): void {
    this.#begin()
    const changed = Array.from(results).slice(resultIndex)
    const certain = changed.filter(({ isFinal }) => isFinal)
    this.#said = joined([this.#said, ...certain.map(transcript)])
    this.#unsure = joined(changed.filter(({ isFinal }) => !isFinal).map(transcript))
    if (this.#mode === 'hands_free' && certain.length > 0) this.#conclude(this.#said)
    else this.#events.onPartial(joined([this.#said, this.#unsure]))
  }

  /** The recognition has ended by itself. */
  #goOn(): void {
    this.#recognition = null
    if (this.#isFinishing) {
      const said = joined([this.#said, this.#unsure])
      this.stop()
      if (said !== '') this.#events.onFinal(said)
      this.#events.onEnd(said === '' && this.#mode === 'push_to_talk' ? notHeard : null)
      return
    }
    const lastedMs = this.#browser.clock.now() - this.#startedAtMs
    this.#shortRuns = lastedMs < lastsMs ? this.#shortRuns + 1 : 0
    if (this.#shortRuns > shortRunsMax) this.#end(gone)
    else this.#restart()
  }

  #restart(): void {
    if (this.#mode === 'push_to_talk') this.#run()
    else this.#wait(restartDelayMs, () => this.#isMuted || this.#run())
  }

  #conclude(text: string): void {
    this.#forget()
    if (text !== '') this.#events.onFinal(text)
  }

  #forget(): void {
    this.#isHearing = false
    this.#said = ''
    this.#unsure = ''
    this.#events.onPartial('')
    if (!this.#isFinishing) this.#events.onStatus('listening')
  }

  #abort(): void {
    const recognition = this.#recognition
    this.#recognition = null
    recognition?.abort()
  }

  #wait(delayMs: number, callback: () => void): void {
    this.#cancelTimer()
    this.#cancelTimer = this.#browser.clock.after(delayMs, callback)
  }

  #end(problem: string | null): void {
    if (this.#isOver) return
    this.stop()
    this.#events.onEnd(problem)
  }
}

function transcript(result: ArrayLike<{ readonly transcript: string }>): string {
  return result[0]?.transcript ?? ''
}

function joined(parts: readonly string[]): string {
  return parts
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .join(' ')
}

/** Null for what is no problem: silence, and what was stopped on purpose. */
function refusal(error: string): string | null {
  switch (error) {
    case 'no-speech':
    case 'aborted':
      return null
    case 'not-allowed':
    case 'service-not-allowed':
      return 'Maya may not use the microphone. Allow it for this page in the browser, then try again.'
    case 'audio-capture':
      return 'No microphone was found.'
    case 'language-not-supported':
      return 'The browser’s speech recognition does not know English.'
    default:
      return gone
  }
}
