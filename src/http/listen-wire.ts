import type { ErrorCode } from '../errors.ts'
import type { ListenMode, TranscriptEvent } from '../voice/speech-to-text.ts'
import { VoiceError } from '../voice/text-to-speech.ts'

/** How a socket ends that did not come to its own end: what it says last, and its close code (RFC 6455, section 7.4). */
export interface Ending {
  readonly close: number
  readonly code: ErrorCode
  readonly message: string
  /** Whether a new socket can help. */
  readonly retryable: boolean
}

export type EndingName = keyof typeof endings

/** The close codes from 4000 are our own. */
export const endings = {
  closing: {
    close: 1001,
    code: 'DRAINING',
    message: 'This server is closing. Please try again in a moment.',
    retryable: true,
  },
  'no-json': { close: 1007, code: 'BAD_REQUEST', message: 'A text frame must be JSON.', retryable: false },
  'unknown-type': {
    close: 1003,
    code: 'BAD_REQUEST',
    message: 'The only text frame that is understood is {"type":"end"}.',
    retryable: false,
  },
  'odd-sound': {
    close: 1007,
    code: 'BAD_REQUEST',
    message: 'Sound is pcm_s16le: a frame has an even number of bytes.',
    retryable: false,
  },
  'sound-after-end': {
    close: 1008,
    code: 'BAD_REQUEST',
    message: 'There was sound after {"type":"end"}.',
    retryable: false,
  },
  'too-fast': {
    close: 1008,
    code: 'RATE_LIMITED',
    message: 'Sound comes faster than it can be spoken.',
    retryable: false,
  },
  'too-large': {
    close: 1009,
    code: 'BODY_TOO_LARGE',
    message: 'A frame may have up to one second of sound.',
    retryable: false,
  },
  stuck: {
    close: 1011,
    code: 'VOICE_UNAVAILABLE',
    message: 'Maya cannot hear you at the moment. You can type instead.',
    retryable: true,
  },
  defect: { close: 1011, code: 'INTERNAL', message: 'Something went wrong on our side.', retryable: true },
  replaced: {
    close: 4000,
    code: 'INTERRUPTED',
    message: 'Another window of this session is listened to now.',
    retryable: false,
  },
  'session-changed': {
    close: 4001,
    code: 'INTERRUPTED',
    message: 'Your session or its keys were changed. Listen again.',
    retryable: true,
  },
  'session-gone': {
    close: 4002,
    code: 'SESSION_NOT_FOUND',
    message: 'This session is over.',
    retryable: false,
  },
  silence: { close: 4003, code: 'INTERRUPTED', message: 'No sound came for a while.', retryable: true },
  'time-up': {
    close: 4004,
    code: 'INTERRUPTED',
    message: 'You were listened to for as long as one may be. Listen again.',
    retryable: true,
  },
} as const satisfies Record<string, Ending>

/** How it ends when the ears fail. */
export function endingOf(error: unknown): Ending {
  if (!(error instanceof VoiceError)) return endings.defect
  const { code, message } = error
  const retryable = code === 'VOICE_UNAVAILABLE' || code === 'VOICE_BUSY'
  return { close: 1011, code, message, retryable }
}

export function endingWire({ code, message, retryable }: Ending): string {
  return JSON.stringify({ type: 'error', code, message, retryable })
}

export const readyWire = JSON.stringify({ type: 'ready' })

export function transcriptWire(event: TranscriptEvent): string {
  return JSON.stringify(event.type === 'speech-start' ? { type: 'speech_start' } : event)
}

/** What is wrong with a text frame; undefined where it says that there is no more sound. */
export function faultOfText(text: string): EndingName | undefined {
  try {
    const said: unknown = JSON.parse(text)
    const isEnd = typeof said === 'object' && said !== null && 'type' in said && said.type === 'end'
    return isEnd ? undefined : 'unknown-type'
  } catch {
    return 'no-json'
  }
}

export const listenModes = {
  hands_free: 'hands-free',
  push_to_talk: 'push-to-talk',
} as const satisfies Record<string, ListenMode>
