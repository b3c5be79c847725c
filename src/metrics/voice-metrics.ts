import { Gauge, type Registry } from 'prom-client'
import type { VoiceObserver, VoiceOutcome } from '../voice/observer.ts'
import type { VoiceErrorCode } from '../voice/text-to-speech.ts'
import { counterIn } from './series.ts'

export interface VoiceLabels {
  /** Every voice that can be used. */
  readonly voices: readonly string[]
}

const outcomes = { ok: true, error: true, aborted: true } as const satisfies Record<VoiceOutcome, true>

const codes = {
  VOICE_UNAVAILABLE: true,
  VOICE_BUSY: true,
  KEY_REJECTED: true,
  KEY_QUOTA: true,
} as const satisfies Record<VoiceErrorCode, true>

export function observeVoices(registry: Registry, { voices }: VoiceLabels): VoiceObserver {
  const counter = counterIn(registry)
  const provider = voices
  const outcome = Object.keys(outcomes)
  const speeches = counter('maya_tts_speeches_total', 'Turns that were spoken, by outcome.', {
    provider,
    outcome,
  })
  const failures = counter('maya_voice_failures_total', 'Speeches and hearings that failed, by why.', {
    provider,
    code: Object.keys(codes),
  })
  const characters = counter('maya_tts_characters_total', 'Characters handed to a voice.', { provider })
  const made = counter('maya_tts_audio_seconds_total', 'Seconds of sound that a voice made.', { provider })
  const hearings = counter('maya_stt_sessions_total', 'Times that a guest was listened to, by outcome.', {
    provider,
    outcome,
  })
  const heard = counter('maya_stt_audio_seconds_total', 'Seconds of sound that were listened to.', {
    provider,
  })
  const listening = new Gauge({
    name: 'maya_stt_sessions',
    help: 'Guests who are being listened to.',
    registers: [registry],
  })
  return {
    speechEnded: (name, ended) => speeches.inc({ provider: name, outcome: ended }),
    voiceFailed: (name, code) => failures.inc({ provider: name, code }),
    sentenceSpoken: (name, count) => characters.inc({ provider: name }, count),
    soundMade: (name, seconds) => made.inc({ provider: name }, seconds),
    listeningBegan: () => listening.inc(),
    listeningEnded(name, ended) {
      listening.dec()
      hearings.inc({ provider: name, outcome: ended })
    },
    soundHeard: (name, seconds) => heard.inc({ provider: name }, seconds),
  }
}
