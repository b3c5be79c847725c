import type { SentenceToSpeak, SpokenSentence } from '../../src/voice/embedded/flite.ts'
import type { SpeechThread } from '../../src/voice/embedded/speech-thread.ts'

/** A thread that speaks when it is told to. */
export class FakeSpeechThread implements SpeechThread {
  isOver = false
  /** The texts that it was given. */
  readonly texts: string[] = []
  #answer: PromiseWithResolvers<SpokenSentence> | null = null
  #ending = Promise.resolve()

  speak({ text }: SentenceToSpeak): Promise<SpokenSentence> {
    this.texts.push(text)
    this.#answer = Promise.withResolvers()
    return this.#answer.promise
  }

  /** The sentence that it was given last is spoken: it takes so long to listen to. */
  finish(milliseconds = 100): void {
    this.#answer?.resolve({ sound: new Uint8Array(milliseconds * 32), words: [], phonemes: [] })
    this.#answer = null
  }

  crash(): void {
    this.isOver = true
    this.#answer?.reject(new Error('The thread crashed.'))
    this.#answer = null
  }

  /** From now on its end is waited for until it is resolved. */
  endSlowly(): PromiseWithResolvers<void> {
    const ending = Promise.withResolvers<void>()
    this.#ending = ending.promise
    return ending
  }

  async close(): Promise<void> {
    this.crash()
    await this.#ending
  }
}
