import { ServiceError } from '../errors.ts'
import type { RequestKey } from './events.ts'
import type { RequestRecord, SessionState } from './state.ts'

/** What was answered to this key before, or undefined. The same key with another question is refused. */
export function findRequest(state: SessionState, request: RequestKey | undefined): RequestRecord | undefined {
  if (request === undefined) return undefined
  const known = state.requests.findLast(({ key }) => key === request.key)
  if (known !== undefined) assertSameQuestion(known, request)
  return known
}

export function assertSameQuestion(known: RequestKey, request: RequestKey): void {
  if (known.fingerprint === request.fingerprint) return
  throw new ServiceError(
    'IDEMPOTENCY_KEY_REUSED',
    'This Idempotency-Key was used for another request. Use a new key for a new request.',
  )
}
