import { afterAll } from 'vitest'
import { startSpeechThread, type SpeechThread } from '../../src/voice/embedded/speech-thread.ts'

/** The real thread of the voice, started once for all tests of a file: each test takes its start for its own. */
export function sharedSpeechThread(): () => SpeechThread {
  let thread: SpeechThread | null = null
  afterAll(() => thread?.close())
  return () => {
    const shared = (thread ??= startSpeechThread())
    let isOver = false
    return {
      get isOver() {
        return isOver
      },
      speak: (sentence) => shared.speak(sentence),
      async close() {
        isOver = true
      },
    }
  }
}
