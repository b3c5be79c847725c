import type { EventSourceError } from './event-source.ts'
import { ModelError, type ModelErrorOptions } from './model.ts'

/** What can go wrong with every provider, in the same words for a guest. */

export function unavailable(message: string, options: ModelErrorOptions): ModelError {
  return new ModelError('MODEL_UNAVAILABLE', message, options)
}

/** A connection that could not be made, or broke. */
export function disconnected(error: EventSourceError): ModelError {
  switch (error.failure) {
    case 'unreachable':
      return unavailable('The language model cannot be reached.', {
        retryable: true,
        isDown: true,
        cause: error,
      })
    case 'broken-off':
      return cutOff(error)
    case 'too-large':
      return tooLong(error)
  }
}

/** The answer ended before anything had said that it was over. */
export function cutOff(cause?: Error): ModelError {
  return truncated('The answer broke off. Ask again.', { retryable: true, isDown: true, cause })
}

/** It would be as long the next time. */
export function tooLong(cause?: Error): ModelError {
  return truncated('The answer was too long.', { retryable: false, cause })
}

/** An answer that is none: no JSON, or not what was agreed. */
export function garbled(): ModelError {
  return truncated('The answer was garbled. Ask again.', { retryable: true })
}

function truncated(message: string, options: ModelErrorOptions): ModelError {
  return new ModelError('MODEL_TRUNCATED', message, options)
}
