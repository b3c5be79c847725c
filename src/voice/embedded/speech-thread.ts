import { getCompileCacheDir } from 'node:module'
import { dirname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { SentenceToSpeak, SpokenSentence } from './flite.ts'

/** Speaks outside of the main thread, which must never wait for a sentence. */
export interface SpeechThread {
  /** Whether it has ended, of itself or by `close`: it speaks no more. */
  readonly isOver: boolean
  /** One sentence after the other. Rejects when the thread ends before it has spoken. */
  speak(sentence: SentenceToSpeak): Promise<SpokenSentence>
  /** Ends it, whatever it does, and frees its memory. */
  close(): Promise<void>
}

/** Its heap holds little: what Flite needs is outside of it. */
const heapMb = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 }

/**
 * The thread gets nothing of the environment: no key of the server is any business of its. Only where the compiled
 * sources lie it must know, if they do: to compile them costs it 15 MB and a good part of its start.
 */
export function startSpeechThread(script = new URL('thread.ts', import.meta.url)): SpeechThread {
  const cache = getCompileCacheDir()
  const worker = new Worker(script, {
    name: 'voice',
    // The folder of this version of Node lies in the one that the variable names.
    env: cache === undefined ? {} : { NODE_COMPILE_CACHE: dirname(cache) },
    argv: [],
    execArgv: [],
    resourceLimits: heapMb,
  })
  const answers: PromiseWithResolvers<SpokenSentence>[] = []
  let isOver = false
  let failure: unknown
  worker.on('message', (spoken: SpokenSentence) => answers.shift()?.resolve(spoken))
  worker.on('error', (error) => (failure = error))
  worker.on('exit', () => {
    isOver = true
    for (const { reject } of answers)
      reject(new Error('The thread of the voice has ended.', { cause: failure }))
  })
  return {
    get isOver() {
      return isOver
    },
    async speak(sentence) {
      if (isOver) throw new Error('The thread of the voice has ended before.', { cause: failure })
      const answer = Promise.withResolvers<SpokenSentence>()
      answers.push(answer)
      worker.postMessage(sentence, [])
      return await answer.promise
    },
    async close() {
      isOver = true
      await worker.terminate()
    },
  }
}
