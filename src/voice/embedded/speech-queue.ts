import type { Clock } from '../../clock.ts'
import { VoiceError } from '../text-to-speech.ts'
import type { SentenceToSpeak, SpokenSentence } from './flite.ts'
import type { SpeechThread } from './speech-thread.ts'

export interface SpeechQueueOptions {
  readonly clock: Clock
  readonly limits: SpeechQueueLimits
  readonly startThread: () => SpeechThread
}

export interface SpeechQueueLimits {
  /** How long one sentence may take: a thread that takes longer hangs. */
  readonly speechSilenceMs: number
  /** Sentences that wait for the thread, and for how long. */
  readonly speechQueueMax: number
  readonly speechQueueMs: number
}

/**
 * How long the thread is kept without work: longer than guests think before they answer, since its start is waited
 * for, and no longer, since it holds most of the memory that a voice takes.
 */
const idleMs = 60_000

interface Job {
  readonly sentence: SentenceToSpeak
  readonly answer: PromiseWithResolvers<SpokenSentence>
}

/**
 * One thread that speaks for everybody, sentence by sentence in the order of asking: as a speech asks for its next
 * sentence only when it has the one before, speeches at the same time take turns. The thread is started when it is
 * needed, anew when it was lost, and ended when nobody speaks.
 */
export class SpeechQueue {
  readonly #options: SpeechQueueOptions
  readonly #waiting = new Set<Job>()
  #thread: SpeechThread | null = null
  #isBusy = false
  #isClosed = false
  #cancelIdle = (): void => {}

  constructor(options: SpeechQueueOptions) {
    this.#options = options
  }

  /** Starts the thread, because a sentence will come soon. */
  warm(): void {
    if (this.#isClosed) return
    if (this.#thread?.isOver !== false) this.#thread = this.#options.startThread()
    this.#endWhenIdle()
  }

  /** Rejects with a `VoiceError`, or with the reason of the signal. */
  async speak(sentence: SentenceToSpeak, signal: AbortSignal): Promise<SpokenSentence> {
    signal.throwIfAborted()
    if (this.#isClosed) throw unavailable()
    const { clock, limits } = this.#options
    if (this.#waiting.size >= limits.speechQueueMax) throw busy()
    const job: Job = { sentence, answer: Promise.withResolvers() }
    const cancelWaiting = clock.after(limits.speechQueueMs, () => {
      if (this.#waiting.delete(job)) job.answer.reject(busy())
    })
    // A sentence that is being spoken already is spoken to its end, for nobody: that is over in a moment.
    const onAbort = (): void => {
      this.#waiting.delete(job)
      job.answer.reject(signal.reason)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    this.#waiting.add(job)
    void this.#work()
    try {
      return await job.answer.promise
    } finally {
      cancelWaiting()
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** Whoever is spoken for or waits is told that there is no voice any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelIdle()
    for (const { answer } of this.#waiting) answer.reject(unavailable())
    this.#waiting.clear()
    await this.#thread?.close()
  }

  async #work(): Promise<void> {
    if (this.#isBusy) return
    this.#isBusy = true
    for (const job of this.#waiting) {
      this.#waiting.delete(job)
      await this.#speakNow(job)
    }
    this.#isBusy = false
    this.#endWhenIdle()
  }

  async #speakNow({ sentence, answer }: Job): Promise<void> {
    this.warm()
    const thread = this.#thread
    const { clock, limits } = this.#options
    const cancelTimer = clock.after(limits.speechSilenceMs, () => void thread?.close())
    try {
      if (thread === null) throw unavailable()
      answer.resolve(await thread.speak(sentence))
    } catch (error) {
      answer.reject(unavailable(error))
    } finally {
      cancelTimer()
    }
  }

  #endWhenIdle(): void {
    this.#cancelIdle()
    if (this.#isBusy || this.#isClosed) return
    this.#cancelIdle = this.#options.clock.after(idleMs, () => {
      void this.#thread?.close()
      this.#thread = null
    })
  }
}

function unavailable(cause?: unknown): VoiceError {
  return new VoiceError('VOICE_UNAVAILABLE', 'The voice does not speak right now.', { cause })
}

function busy(): VoiceError {
  return new VoiceError('VOICE_BUSY', 'Too many guests are spoken to right now.')
}
