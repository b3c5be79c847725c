import { dashboard, uids } from './dashboard.ts'
import { badAbove, quiet, series, stat, type Panel } from './panels.ts'
import { of, perMinute, perSecond, quantile, share } from './promql.ts'
import { durations, slowFirstAudio } from './shared-panels.ts'

const outcomeColors = { ok: 'green', aborted: 'blue', error: 'red' }

/** The part of what ended in an error, of everything that one of the two counters counts and nobody broke off. */
function failingShare(title: string, description: string, counter: string): Panel {
  return stat({
    title,
    description,
    unit: 'percentunit',
    steps: badAbove(0.01, 0.05),
    otherwise: quiet('None'),
    queries: [
      {
        expression: share(
          perSecond(counter, [], 'outcome="error"'),
          perSecond(counter, [], 'outcome=~"ok|error"'),
        ),
        legend: 'failing',
      },
    ],
  })
}

const failingSpeeches = failingShare(
  'Speeches that fail',
  'Spoken turns whose voice failed, of those that nobody broke off. Normal: below 1 %. The guest still reads the answer.',
  'maya_tts_speeches_total',
)

const failingHearings = failingShare(
  'Hearings that fail',
  'Times that a guest was not understood because a provider failed, of those that nobody broke off. Normal: below 1 %. The guest can still type.',
  'maya_stt_sessions_total',
)

const listening = stat({
  title: 'Microphones open',
  description:
    'Guests who are being listened to now. Normal: fewer than sessions; each is a connection to the provider.',
  unit: 'short',
  queries: [{ expression: `sum(${of('maya_stt_sessions')})`, legend: 'listening' }],
})

const waiting = series({
  title: 'Text and sound',
  description:
    'How long 19 of 20 guests wait at most for the first text and the first sound. Normal: the lines run side by side. Sound going away from text: the voice is slow or busy.',
  unit: 's',
  colors: { text: 'blue', sound: 'orange' },
  queries: [
    { expression: quantile(0.95, 'maya_turn_first_text_seconds'), legend: 'text' },
    { expression: quantile(0.95, 'maya_turn_first_audio_seconds'), legend: 'sound' },
  ],
})

const speeches = series({
  title: 'Spoken turns',
  description:
    'A minute, by outcome. Aborted ones were stopped by the guest or with the turn. Normal: nearly all ok.',
  unit: 'suffix:/min',
  stacked: true,
  colors: outcomeColors,
  queries: [{ expression: perMinute('maya_tts_speeches_total', ['outcome']), legend: '{{outcome}}' }],
})

const hearings = series({
  title: 'Hearings',
  description: 'Times a minute that a guest was listened to, by outcome. Normal: nearly all ok.',
  unit: 'suffix:/min',
  stacked: true,
  colors: outcomeColors,
  queries: [{ expression: perMinute('maya_stt_sessions_total', ['outcome']), legend: '{{outcome}}' }],
})

const failures = series({
  title: 'Failures, by provider and why',
  description:
    'A minute. Normal: none. VOICE_BUSY: more guests than the voice has places; VOICE_UNAVAILABLE: the provider; KEY_REJECTED and KEY_QUOTA: the key or its account.',
  unit: 'suffix:/min',
  stacked: true,
  isBad: true,
  otherwise: 'None',
  queries: [
    {
      expression: `${perMinute('maya_voice_failures_total', ['provider', 'code'])} > 0`,
      legend: '{{provider}} {{code}}',
    },
  ],
})

const sound = series({
  title: 'Sound made and heard',
  description:
    'Seconds of sound in a minute, by provider: what a provider bills, and what the embedded voice works for. Normal: follows the guests.',
  unit: 's',
  queries: [
    { expression: perMinute('maya_tts_audio_seconds_total', ['provider']), legend: '{{provider}} made' },
    { expression: perMinute('maya_stt_audio_seconds_total', ['provider']), legend: '{{provider}} heard' },
  ],
})

const characters = series({
  title: 'Characters spoken',
  description:
    'Handed to a voice in a minute, by provider: what some providers bill. Normal: follows the guests.',
  unit: 'suffix:/min',
  queries: [{ expression: perMinute('maya_tts_characters_total', ['provider']), legend: '{{provider}}' }],
})

/** Do guests hear and are they heard? */
export const voice = dashboard({
  uid: uids.voice,
  title: 'Maya: voice',
  description: 'Do guests hear Maya, and does Maya hear them? docs/voice.md explains the parts.',
  rows: [
    { height: 5, panels: [slowFirstAudio(), failingSpeeches, failingHearings, listening] },
    {
      height: 9,
      panels: [
        durations(
          'First audio',
          'How many turns had their first sound after how long. Normal: one band that stays where it is. A second band above it: one provider or container is slow.',
          'maya_turn_first_audio_seconds',
        ),
        waiting,
      ],
    },
    { height: 8, panels: [speeches, hearings] },
    { height: 8, panels: [failures, sound, characters] },
  ],
})
