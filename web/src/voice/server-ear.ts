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
import { ListeningLine, type LineEvent, type LineSocket } from './listening-line.ts'
import { MicrophoneError, type Microphone, type MicrophoneEvents } from './microphone.ts'

/** What the ear needs of the browser. */
export interface ServerEarBrowser {
  openMicrophone(events: MicrophoneEvents, signal: AbortSignal): Promise<Microphone>
  openSocket(mode: ListenMode): LineSocket
  /** Tells whenever the page is hidden or shown. Returns a function that ends it. */
  onVisibility(listener: (isHidden: boolean) => void): () => void
  readonly clock: PageClock
}

/** People let the button go while they say the last sound. */
const tailMs = 200
/** Nobody means to be listened to by a page they have not looked at for so long. */
const hiddenMaxMs = 120_000

const lost = 'The microphone was taken away.'
const hidden = 'Hands-free listening was switched off, as this page was in the background.'

/** Hears through the microphone and the server. */
export class ServerEar implements Ear {
  readonly #mode: ListenMode
  readonly #events: EarEvents
  readonly #browser: ServerEarBrowser
  readonly #opening = new AbortController()
  readonly #stopWatching: () => void
  #microphone: Microphone | null = null
  #line: ListeningLine | null = null
  #isFinishing = false
  #isOver = false
  #isHearing = false
  #cancelTimer: () => void = () => {}
  #cancelHidden: () => void = () => {}

  constructor(mode: ListenMode, events: EarEvents, browser: ServerEarBrowser) {
    this.#mode = mode
    this.#events = events
    this.#browser = browser
    this.#stopWatching = browser.onVisibility((isHidden) => this.#watch(isHidden))
  }

  /** Resolves when it hears, or has ended. */
  async start(): Promise<void> {
    this.#events.onStatus('starting')
    try {
      this.#microphone = await this.#browser.openMicrophone(
        { onFrame: (frame) => this.#line?.send(frame), onLost: () => this.#end(lost) },
        this.#opening.signal,
      )
    } catch (error) {
      if (!this.#isOver) this.#end(error instanceof MicrophoneError ? error.message : lost)
      return
    }
    if (this.#isOver) this.#microphone.close()
    else this.#listen()
  }

  finish(): void {
    if (this.#isOver || this.#isFinishing) return
    if (this.#line === null) {
      this.#end(null)
      return
    }
    this.#isFinishing = true
    this.#events.onStatus('finishing')
    this.#wait(tailMs, () => {
      this.#microphone?.close()
      this.#line?.end()
      this.#wait(finalWithinMs, () => this.#end(tooLate))
    })
  }

  stop(): void {
    this.#isOver = true
    this.#cancelTimer()
    this.#cancelHidden()
    this.#stopWatching()
    this.#opening.abort()
    this.#microphone?.close()
    this.#line?.close()
  }

  #listen(): void {
    this.#line = new ListeningLine({
      openSocket: () => this.#browser.openSocket(this.#mode),
      clock: this.#browser.clock,
      isLasting: this.#mode === 'hands_free',
      onEvent: (event) => this.#hear(event),
      onReconnect: () => this.#forget(),
      onFail: (problem) => this.#end(problem),
    })
    this.#events.onStatus('listening')
    if (this.#mode === 'push_to_talk') this.#wait(messageMaxMs, () => this.finish())
  }

  #hear(event: LineEvent): void {
    switch (event.type) {
      case 'speech_start':
        this.#begin()
        break
      case 'partial':
        if (event.text !== '') this.#begin()
        this.#events.onPartial(event.text)
        break
      case 'final':
        this.#conclude(event.text.trim())
        break
    }
  }

  #begin(): void {
    if (this.#isHearing) return
    this.#isHearing = true
    this.#events.onSpeechStart()
    if (!this.#isFinishing) this.#events.onStatus('hearing')
  }

  #conclude(text: string): void {
    const goesOn = this.#mode === 'hands_free' && !this.#isFinishing
    if (goesOn) this.#forget()
    else this.stop()
    if (text !== '') this.#events.onFinal(text)
    if (!goesOn) this.#events.onEnd(text === '' ? notHeard : null)
  }

  #forget(): void {
    this.#isHearing = false
    this.#events.onPartial('')
    if (!this.#isFinishing) this.#events.onStatus('listening')
  }

  #watch(isHidden: boolean): void {
    this.#cancelHidden()
    if (!isHidden) return
    if (this.#mode === 'push_to_talk') this.finish()
    else this.#cancelHidden = this.#browser.clock.after(hiddenMaxMs, () => this.#end(hidden))
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
