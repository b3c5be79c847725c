import type { VoiceObserver, VoiceOutcome } from './observer.ts'
import { VoiceError, type SpeechEvent, type SpeechRequest, type TextToSpeech } from './text-to-speech.ts'

const bytesPerSample = 2

/** The same voice; what it does is reported. */
export function observedVoice(voice: TextToSpeech, observer: VoiceObserver): TextToSpeech {
  const { name, sampleRate } = voice
  async function* speak(request: SpeechRequest, signal: AbortSignal) {
    const sentences = counted(request.sentences, ({ length }) => observer.sentenceSpoken(name, length))
    const events = voice.speak({ ...request, sentences }, signal)
    for await (const event of watched(events, { signal, observer, name })) {
      if (event.type === 'audio') {
        observer.soundMade(name, event.audio.length / bytesPerSample / sampleRate)
      }
      yield event
    }
  }
  return {
    name,
    sampleRate,
    voices: (signal) => voice.voices(signal),
    speak,
    close: () => voice.close(),
  }
}

interface Watching {
  readonly signal: AbortSignal
  readonly observer: VoiceObserver
  readonly name: string
}

/** Whoever stops reading before the end has aborted it. */
async function* watched(
  events: AsyncIterable<SpeechEvent>,
  { signal, observer, name }: Watching,
): AsyncIterable<SpeechEvent> {
  let outcome: VoiceOutcome = 'aborted'
  try {
    yield* events
    outcome = 'ok'
  } catch (error) {
    if (!signal.aborted) {
      outcome = 'error'
      observer.voiceFailed(name, error instanceof VoiceError ? error.code : 'VOICE_UNAVAILABLE')
    }
    throw error
  } finally {
    observer.speechEnded(name, outcome)
  }
}

async function* counted(
  sentences: AsyncIterable<string>,
  count: (sentence: string) => void,
): AsyncIterable<string> {
  for await (const sentence of sentences) {
    count(sentence)
    yield sentence
  }
}
