import { ModelError } from './model.ts'

/** Failures of the provider itself. The others are answers: about the guest's key, or about what was asked. */
const codes: ReadonlySet<string> = new Set(['MODEL_UNAVAILABLE', 'MODEL_TIMEOUT', 'MODEL_TRUNCATED'])

/** Whether a provider failed, so that another one may do better. */
export function isOutage(error: unknown): error is ModelError {
  return error instanceof ModelError && codes.has(error.code)
}
