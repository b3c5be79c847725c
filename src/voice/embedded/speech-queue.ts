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

interface Job extends SentenceWanted {
  readonly answer: PromiseWithResolvers<SpokenSentence>
}

export interface SentenceWanted {
  readonly sentence: SentenceToSpeak
  /** When the guest has heard all before it, by the clock: now, for the first sentence of a speech. */
  readonly neededAt: number
}

/**
 * One thread that speaks for everybody, sentence by sentence: whose sound would run out first is served first, so that
 * nobody's first words wait for what others hear much later. The thread is started when it is needed, anew when it was
 * lost, and ended when nobody speaks.
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

  /** Starts the thread, because a sentence will come soon. That it cannot be started is told to the sentence. */
  warm(): void {
    if (this.#isClosed) return
    try {
      this.#startThread()
    } catch {
      return
    }
    this.#endWhenIdle()
  }

  /** Rejects with a `VoiceError`, or with the reason of the signal. */
  async speak(wanted: SentenceWanted, signal: AbortSignal): Promise<SpokenSentence> {
    signal.throwIfAborted()
    if (this.#isClosed) throw unavailable()
    const { clock, limits } = this.#options
    if (this.#waiting.size >= limits.speechQueueMax) throw busy()
    const job: Job = { ...wanted, answer: Promise.withResolvers() }
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
    this.#cancelIdle()
    for (let job = this.#mostUrgent; job !== undefined; job = this.#mostUrgent) {
      this.#waiting.delete(job)
      await this.#speakNow(job)
    }
    this.#isBusy = false
    this.#endWhenIdle()
  }

  /** Of those that are needed at the same time, the one that was asked for first. */
  get #mostUrgent(): Job | undefined {
    const [first, ...others] = this.#waiting
    if (first === undefined) return undefined
    return others.reduce((urgent, job) => (job.neededAt < urgent.neededAt ? job : urgent), first)
  }

  async #speakNow({ sentence, answer }: Job): Promise<void> {
    try {
      answer.resolve(await this.#speakInTime(this.#startThread(), sentence))
    } catch (error) {
      answer.reject(unavailable(error))
    }
  }

  /** A thread that takes too long hangs, and is ended. */
  async #speakInTime(thread: SpeechThread, sentence: SentenceToSpeak): Promise<SpokenSentence> {
    const { clock, limits } = this.#options
    const cancelTimer = clock.after(limits.speechSilenceMs, () => void thread.close())
    try {
      return await thread.speak(sentence)
    } finally {
      cancelTimer()
    }
  }

  /** The thread as it is, or a new one. Throws where the system has none to give. */
  #startThread(): SpeechThread {
    if (this.#thread === null || this.#thread.isOver) this.#thread = this.#options.startThread()
    return this.#thread
  }

  #endWhenIdle(): void {
    this.#cancelIdle()
    if (this.#isBusy || this.#isClosed) return
    this.#cancelIdle = this.#options.clock.after(idleMs, () => void this.#thread?.close())
  }
}

function unavailable(cause?: unknown): VoiceError {
  return new VoiceError('VOICE_UNAVAILABLE', 'The voice does not speak right now.', { cause })
}

function busy(): VoiceError {
  return new VoiceError('VOICE_BUSY', 'Too many guests are spoken to right now.')
}
