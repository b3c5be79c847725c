import type { ModelObserver } from '../llm/observed.ts'
import { describeDefect } from '../security/redaction.ts'
import type { VoiceObserver } from '../voice/observer.ts'
import type { Log } from './log.ts'

/** Operators read why a provider failed, in our own words: those of a provider can quote a guest or a key. */
export function logFailures(
  observer: ModelObserver & VoiceObserver,
  log: Log,
): ModelObserver & VoiceObserver {
  return {
    ...observer,
    modelFailed(provider, error) {
      observer.modelFailed(provider, error)
      const { code, retryable, message } = error
      log('model failed', { provider, code, retryable, reason: message })
    },
    breakerChanged(provider, isOpen) {
      observer.breakerChanged(provider, isOpen)
      log('circuit breaker changed', { provider, is_open: isOpen })
    },
    voiceFailed(provider, code) {
      observer.voiceFailed(provider, code)
      log('voice failed', { provider, code })
    },
  }
}

/** Tells operators of what should never happen. */
export function logDefects(log: Log): (error: unknown) => void {
  return (error) => log('defect', { err: describeDefect(error) })
}
