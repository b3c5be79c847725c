import { fieldsOf, textOf, type Fields } from '../../llm/fields.ts'
import { VoiceError } from '../text-to-speech.ts'

/** What can go wrong with Cartesia, in our own words: its words may hold a key or what a guest said. */

export function unreachable(cause?: Error): VoiceError {
  return unavailable('Cartesia cannot be reached.', cause)
}

export function tooSlow(): VoiceError {
  return unavailable('Cartesia did not answer in time.')
}

export function brokenOff(): VoiceError {
  return unavailable('The connection to Cartesia broke off.')
}

export function silent(): VoiceError {
  return unavailable('Cartesia was silent for too long.')
}

export function tooMuchSound(): VoiceError {
  return unavailable('Cartesia sent more sound than there is room for.')
}

export function garbled(): VoiceError {
  return unavailable('Cartesia sent what cannot be understood.')
}

export function closed(): VoiceError {
  return unavailable('The voice is closed.')
}

export function busy(): VoiceError {
  return new VoiceError('VOICE_BUSY', 'All places of the voice are taken at this moment. Try again soon.')
}

/** What a status means, as an answer or in an error event. */
export function refused(status: number, errorCode = ''): VoiceError {
  if (status === 429 || errorCode === 'concurrency_limited') return busy()
  if (status === 402 || errorCode === 'quota_exceeded') {
    return new VoiceError('KEY_QUOTA', 'Cartesia has no quota left for the key.')
  }
  if (status === 401 || status === 403) {
    return new VoiceError('KEY_REJECTED', 'Cartesia does not accept the key.')
  }
  return unavailable(`Cartesia answered with an error (${status}).`)
}

/** An error event of a socket. */
export interface Refusal {
  readonly error: VoiceError
  /** Whether it was the request: another one may be taken. */
  readonly isWrongRequest: boolean
}

export function refusalOf(event: Fields): Refusal {
  const { status_code: statusCode, error_code: errorCode } = fieldsOf(event)
  const status = typeof statusCode === 'number' && Number.isInteger(statusCode) ? statusCode : 500
  const error = refused(status, textOf(errorCode))
  return {
    error,
    isWrongRequest: error.code === 'VOICE_UNAVAILABLE' && status >= 400 && status < 500,
  }
}

function unavailable(message: string, cause?: Error): VoiceError {
  return new VoiceError('VOICE_UNAVAILABLE', message, cause === undefined ? {} : { cause })
}
