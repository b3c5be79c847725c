import type {
  ListenMode,
  ListenRequest,
  SpeechToText,
  TranscriptEvent,
} from '../../src/voice/speech-to-text.ts'

/** Ears that hear what the test says they hear. */
export class ScriptedEars implements SpeechToText {
  readonly name = 'scripted'
  /** Everything that it was asked to listen to, in order. */
  readonly heard: HeardSpeech[] = []
  /** While it is deaf, it takes no sound. */
  isDeaf = false
  readonly #waiting: (() => void)[] = []

  /** How many it listens to now. */
  get count(): number {
    return this.heard.filter(({ isOver }) => !isOver).length
  }

  /** It hears again what comes, and what has waited. */
  wake(): void {
    this.isDeaf = false
    for (const take of this.#waiting.splice(0)) take()
  }

  async *listen({ audio, mode }: ListenRequest, signal: AbortSignal): AsyncIterable<TranscriptEvent> {
    const speech = new HeardSpeech(mode)
    this.heard.push(speech)
    signal.addEventListener('abort', () => speech.fail(signal.reason), { once: true })
    if (this.isDeaf) this.#waiting.push(() => void speech.take(audio))
    else void speech.take(audio)
    try {
      yield* speech.told()
    } finally {
      speech.isOver = true
    }
  }

  async close(): Promise<void> {}
}

/** One speech that is listened to: what came of it, and what the test has it heard as. */
export class HeardSpeech {
  readonly mode: ListenMode
  /** Sound that was taken. */
  readonly frames: Uint8Array[] = []
  isSoundOver = false
  isOver = false
  readonly #events: TranscriptEvent[] = []
  #ending: { readonly error?: unknown } | undefined
  #wake = (): void => {}

  constructor(mode: ListenMode) {
    this.mode = mode
  }

  get sound(): Buffer {
    return Buffer.concat(this.frames)
  }

  tell(...events: readonly TranscriptEvent[]): void {
    this.#events.push(...events)
    this.#wake()
  }

  end(): void {
    this.#ending ??= {}
    this.#wake()
  }

  fail(error: unknown): void {
    this.#ending ??= { error }
    this.#wake()
  }

  async take(audio: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const frame of audio) this.frames.push(frame)
    this.isSoundOver = true
  }

  async *told(): AsyncGenerator<TranscriptEvent, void, void> {
    for (;;) {
      const event = this.#events.shift()
      if (event !== undefined) yield event
      else if (this.#ending === undefined) await new Promise<void>((resolve) => (this.#wake = resolve))
      else if ('error' in this.#ending) throw this.#ending.error
      else return
    }
  }
}
