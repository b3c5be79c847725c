import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../errors.ts'
import type { RequestKey } from '../log/events.ts'

export const keyLengthMax = 200

/** The request's `Idempotency-Key` with a hash of what is asked, or undefined without one. */
export function requestKeyOf(request: FastifyRequest, question: Question): RequestKey | undefined {
  const key = request.headers['idempotency-key']
  return key === undefined ? undefined : requestKey(String(key), question)
}

export interface Question {
  readonly operation: string
  readonly body: unknown
}

/** Throws `BAD_REQUEST` for a key that is empty or too long. */
export function requestKey(key: string, { operation, body }: Question): RequestKey {
  if (key === '' || key.length > keyLengthMax) {
    throw new ServiceError('BAD_REQUEST', `An Idempotency-Key has 1 to ${keyLengthMax} characters.`)
  }
  const fingerprint = createHash('sha256')
    .update(`${operation} ${canonical(body)}`)
    .digest('base64url')
  return { key, fingerprint }
}

/** The same text for the same content, however its fields were ordered. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  const sorted = fields.toSorted(([one], [other]) => (one < other ? -1 : 1))
  return `{${sorted.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join()}}`
}

/** A key belongs to a session: without one there is nothing in which it could be found again. */
export function keyWithoutSession(): ServiceError {
  return new ServiceError(
    'IDEMPOTENCY_KEY_WITHOUT_SESSION',
    'An Idempotency-Key belongs to a session. Make one with POST /api/v1/sessions and name it.',
  )
}
