import { systemClock } from '../../src/clock.ts'
import { limits } from '../../src/config/limits.ts'
import { createEmbeddedVoice } from '../../src/voice/providers/embedded.ts'
import { sharedSpeechThread } from './shared-speech-thread.ts'
import { textToSpeechContract } from './text-to-speech.contract.ts'

const startThread = sharedSpeechThread()

textToSpeechContract('embedded voice', async () => ({
  voice: createEmbeddedVoice({ voice: 'kal16', clock: systemClock, limits, startThread }),
}))
