import type { Recognition, RecognitionResults } from '../../web/src/voice/browser-ear.ts'
import type { ListenMode } from '../../web/src/voice/ear.ts'
import type { ListenerBrowser } from '../../web/src/voice/listener.ts'
import type { LineSocket } from '../../web/src/voice/listening-line.ts'
import type { Microphone, MicrophoneEvents } from '../../web/src/voice/microphone.ts'
import { FakeClock } from '../fakes/fake-clock.ts'

/** The server's side of a connection. */
export class FakeSocket implements LineSocket {
  readonly mode: ListenMode
  readonly sent: (ArrayBuffer | string)[] = []
  readyState = 1
  bufferedAmount = 0
  isClosed = false
  readonly #onMessage: ((event: { readonly data: unknown }) => void)[] = []
  readonly #onClose: (() => void)[] = []
  readonly #onOpen: (() => void)[] = []

  constructor(mode: ListenMode) {
    this.mode = mode
  }

  send(content: ArrayBuffer | string): void {
    this.sent.push(content)
  }

  close(): void {
    this.isClosed = true
  }

  addEventListener(
    ...[type, listener]:
      | [type: 'message', listener: (event: { readonly data: unknown }) => void]
      | [type: 'open' | 'close', listener: () => void]
  ): void {
    if (type === 'message') this.#onMessage.push(listener)
    else if (type === 'open') this.#onOpen.push(listener)
    else this.#onClose.push(listener)
  }

  /** It is being opened until the returned function is called. */
  openSlowly(): () => void {
    this.readyState = 0
    return () => {
      this.readyState = 1
      for (const listener of this.#onOpen) listener()
    }
  }

  /** The server says something. */
  say(message: object | string): void {
    const data = typeof message === 'string' ? message : JSON.stringify(message)
    for (const listener of this.#onMessage) listener({ data })
  }

  /** The connection is gone. */
  drop(): void {
    this.isClosed = true
    for (const listener of this.#onClose) listener()
  }

  get frames(): readonly number[] {
    return this.sent
      .filter((content) => typeof content !== 'string')
      .map((frame) => new Uint8Array(frame)[0] ?? -1)
  }

  get texts(): readonly string[] {
    return this.sent.filter((content) => typeof content === 'string')
  }
}

export class FakeRecognition implements Recognition {
  lang = ''
  continuous = false
  interimResults = false
  state: 'new' | 'started' | 'stopped' | 'aborted' = 'new'
  readonly #listeners: { readonly type: string; readonly listener: (event: never) => void }[] = []

  start(): void {
    this.state = 'started'
  }

  stop(): void {
    this.state = 'stopped'
  }

  abort(): void {
    this.state = 'aborted'
  }

  addEventListener(type: string, listener: (event: never) => void): void {
    this.#listeners.push({ type, listener })
  }

  emit(type: 'speechstart' | 'end'): void {
    this.#tell(type, {})
  }

  fail(error: string): void {
    this.#tell('error', { error })
  }

  /** What it has heard; a sentence that ends in a full stop is certain. */
  hear(...sentences: readonly string[]): void {
    const results = sentences.map((text) => {
      const isFinal = text.endsWith('.')
      return Object.assign([{ transcript: isFinal ? text.slice(0, -1) : text }], { isFinal })
    })
    const event: RecognitionResults = { resultIndex: 0, results }
    this.#tell('result', event)
  }

  #tell(type: string, event: object): void {
    for (const listening of this.#listeners) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- What listens to a type takes its events.
      if (listening.type === type) listening.listener(event as never)
    }
  }
}

/** A browser for a listener, with everything in the hands of the test. */
export class FakeListeningBrowser implements ListenerBrowser {
  readonly clock = new FakeClock()
  readonly sockets: FakeSocket[] = []
  readonly recognitions: FakeRecognition[] = []
  hasRecognition = false
  /** How many microphones are on. */
  microphonesOn = 0
  /** What asking for the microphone comes to. */
  permission: Promise<void> = Promise.resolve()
  /** Called when the microphone has just been opened. */
  onOpened: () => void = () => {}
  visibilityListeners = 0
  #microphone: MicrophoneEvents | null = null
  #onVisibility: (isHidden: boolean) => void = () => {}

  async openMicrophone(events: MicrophoneEvents, signal: AbortSignal): Promise<Microphone> {
    await this.permission
    signal.throwIfAborted()
    this.microphonesOn++
    this.#microphone = events
    this.onOpened()
    return {
      close: () => {
        if (this.#microphone !== events) return
        this.#microphone = null
        this.microphonesOn--
      },
    }
  }

  openSocket(mode: ListenMode): FakeSocket {
    const socket = new FakeSocket(mode)
    this.sockets.push(socket)
    return socket
  }

  createRecognition(): FakeRecognition | null {
    if (!this.hasRecognition) return null
    const recognition = new FakeRecognition()
    this.recognitions.push(recognition)
    return recognition
  }

  onVisibility(listener: (isHidden: boolean) => void): () => void {
    this.visibilityListeners++
    this.#onVisibility = listener
    return () => {
      if (this.#onVisibility !== listener) return
      this.visibilityListeners--
      this.#onVisibility = () => {}
    }
  }

  /** The microphone hears 40 ms, which are recognised by their number. */
  hear(...numbers: readonly number[]): void {
    for (const number of numbers) this.#microphone?.onFrame(Uint8Array.of(number).buffer)
  }

  unplug(): void {
    this.#microphone?.onLost()
  }

  show(isShown: boolean): void {
    this.#onVisibility(!isShown)
  }

  get socket(): FakeSocket {
    const socket = this.sockets.at(-1)
    if (socket === undefined) throw new Error('There is no connection.')
    return socket
  }

  get recognition(): FakeRecognition {
    const recognition = this.recognitions.at(-1)
    if (recognition === undefined) throw new Error('There is no recognition.')
    return recognition
  }
}
