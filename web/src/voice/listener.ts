import { computed, effect, signal, type ReadonlySignal } from '@preact/signals'
import { pageClock } from '../clock.ts'
import { BrowserEar, type Recognition } from './browser-ear.ts'
import type { Ear, EarEvents, ListenMode } from './ear.ts'
import type { LineSocket } from './listening-line.ts'
import { openMicrophone } from './microphone.ts'
import { ServerEar, type ServerEarBrowser } from './server-ear.ts'

export type { ListenMode }
export type ListenerStatus = 'off' | 'starting' | 'listening' | 'hearing' | 'finishing'

/** Maya's ear in the browser: hears the guest and gives what was said as text. */
export interface Listener {
  readonly status: ReadonlySignal<ListenerStatus>
  /** What was said so far of the message that is being spoken. */
  readonly partial: ReadonlySignal<string>
  /** Why it does not listen: a sentence for the guest. */
  readonly problem: ReadonlySignal<string | null>
  /** The server listens, or the browser has a recognition of its own. */
  readonly isAvailable: ReadonlySignal<boolean>
  start(mode: ListenMode): Promise<void>
  /** Push to talk was let go: what was said becomes a final. */
  finish(): void
  /** Nothing more; the microphone is off. */
  stop(): void
}

export interface ListenerOptions {
  /** Whether the server can listen. */
  readonly listens: ReadonlySignal<boolean>
  /** Whether Maya is speaking: the browser's own recognition, hands-free, does not listen meanwhile. */
  readonly isMayaSpeaking: ReadonlySignal<boolean>
  onSpeechStart(): void
  onFinal(text: string): void
}

/** What a listener needs of the browser. */
export interface ListenerBrowser extends ServerEarBrowser {
  readonly hasRecognition: boolean
  createRecognition(): Recognition | null
}

const unavailable =
  'Maya cannot hear you here: the server has no speech recognition, and this browser has none of its own. Please type.'

const ownBrowser: ListenerBrowser = {
  get hasRecognition() {
    return recognitionClass() !== undefined
  },
  createRecognition() {
    const Recognition = recognitionClass()
    return Recognition === undefined ? null : new Recognition()
  },
  openMicrophone: (events, abort) => openMicrophone(events, abort),
  openSocket(mode): LineSocket {
    const { protocol, host } = globalThis.location
    const scheme = protocol === 'https:' ? 'wss' : 'ws'
    return new WebSocket(`${scheme}://${host}/api/v1/voice/listen?mode=${mode}`)
  },
  onVisibility(listener) {
    const tell = (): void => listener(document.hidden)
    document.addEventListener('visibilitychange', tell)
    return () => document.removeEventListener('visibilitychange', tell)
  },
  clock: pageClock,
}

declare global {
  interface Window {
    readonly SpeechRecognition?: new () => Recognition
    readonly webkitSpeechRecognition?: new () => Recognition
  }
}

/** Every browser that has it has it under one of two names. */
function recognitionClass(): (new () => Recognition) | undefined {
  return window.SpeechRecognition ?? window.webkitSpeechRecognition
}

export function createListener(options: ListenerOptions, browser: ListenerBrowser = ownBrowser): Listener {
  return new WebListener(options, browser)
}

class WebListener implements Listener {
  readonly status = signal<ListenerStatus>('off')
  readonly partial = signal('')
  readonly problem = signal<string | null>(null)
  readonly isAvailable: ReadonlySignal<boolean>
  readonly #options: ListenerOptions
  readonly #browser: ListenerBrowser
  #ear: Ear | null = null
  #stopMuting: () => void = () => {}

  constructor(options: ListenerOptions, browser: ListenerBrowser) {
    this.#options = options
    this.#browser = browser
    this.isAvailable = computed(() => options.listens.value || browser.hasRecognition)
  }

  async start(mode: ListenMode): Promise<void> {
    this.stop()
    if (!this.isAvailable.value) {
      this.problem.value = unavailable
      return
    }
    // Who presses to talk wants to be heard: Maya falls silent before the microphone opens.
    if (mode === 'push_to_talk') this.#options.onSpeechStart()
    if (this.#options.listens.value) await this.#startServerEar(mode)
    else this.#startBrowserEar(mode)
  }

  finish(): void {
    this.#ear?.finish()
  }

  stop(): void {
    this.#close()
    this.problem.value = null
  }

  #startServerEar(mode: ListenMode): Promise<void> {
    const ear: ServerEar = new ServerEar(
      mode,
      this.#eventsOf(() => this.#ear === ear),
      this.#browser,
    )
    this.#ear = ear
    return ear.start()
  }

  #startBrowserEar(mode: ListenMode): void {
    const ear: BrowserEar = new BrowserEar(
      mode,
      this.#eventsOf(() => this.#ear === ear),
      this.#browser,
    )
    this.#ear = ear
    this.#stopMuting = effect(() => ear.mute(this.#options.isMayaSpeaking.value))
    ear.start()
  }

  /** What an ear tells after its time is not listened to. */
  #eventsOf(isCurrent: () => boolean): EarEvents {
    const when = (act: () => void): void => {
      if (isCurrent()) act()
    }
    return {
      onStatus: (status) => when(() => (this.status.value = status)),
      onPartial: (text) => when(() => (this.partial.value = text)),
      onSpeechStart: () => when(() => this.#options.onSpeechStart()),
      onFinal: (text) => when(() => this.#options.onFinal(text)),
      onEnd: (problem) =>
        when(() => {
          this.#close()
          this.problem.value = problem
        }),
    }
  }

  #close(): void {
    this.#stopMuting()
    this.#stopMuting = () => {}
    this.#ear?.stop()
    this.#ear = null
    this.status.value = 'off'
    this.partial.value = ''
  }
}
