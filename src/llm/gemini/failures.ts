import { ModelError, type KeyCheck } from '../model.ts'
import { fieldsOf, isFields, textOf, type Fields } from '../fields.ts'
import { unavailable } from '../provider-failures.ts'

/** What Gemini said in place of an answer. */
export interface Refusal {
  readonly status: number
  readonly body: unknown
  /** What its header says. */
  readonly retryAfterMs: number | undefined
}

/** Whose key it is decides who is told that it does not work. */
export type KeyOwner = 'server' | 'guest'

/** A refusal in our words. Nothing of Gemini's own words is in it: they can quote the guest or the key. */
export function refused(refusal: Refusal, owner: KeyOwner): ModelError {
  const { status } = refusal
  const isGuests = owner === 'guest'
  const retryAfterMs = refusal.retryAfterMs ?? retryDelayOf(refusal)
  const waiting = retryAfterMs === undefined ? {} : { retryAfterMs }
  if (isKeyRejected(refusal)) {
    return isGuests
      ? new ModelError('KEY_REJECTED', 'Google does not accept your Gemini key.', { retryable: false })
      : unavailable("The language model does not accept this server's key.", { retryable: false })
  }
  if (status === 429) {
    return isGuests
      ? new ModelError('KEY_QUOTA', 'Your Gemini key has used up its quota.', {
          retryable: false,
          ...waiting,
        })
      : unavailable('The language model is busy. Ask again in a moment.', { retryable: true, ...waiting })
  }
  if (status === 404) return unavailable('The language model is not there.', { retryable: false })
  if (status >= 500 || status === 408)
    return unavailable('The language model has failed. Ask again in a moment.', {
      retryable: true,
      isDown: true,
      ...waiting,
    })
  return unavailable('The language model does not accept the request.', { retryable: false })
}

/** The server's own account at Google cannot be used; a token is asked for again with the next request. */
export function unauthorized(): ModelError {
  return unavailable('The language model does not know this server now.', { retryable: true })
}

/** What a refusal says about the key that was tried. */
export function judgeKey(refusal: Refusal): KeyCheck {
  if (isKeyRejected(refusal)) return { status: 'rejected', reason: 'Google does not accept this key.' }
  const reasons: Readonly<Record<number, string>> = {
    404: 'Google does not know the language model, so the key could not be tried.',
    429: 'Google accepts no more requests with this key now, so it could not be tried.',
  }
  return { status: 'unverified', reason: reasons[refusal.status] ?? 'Google could not try the key now.' }
}

/** The error that a chunk or a body holds, if any; some answers wrap it into a list. */
export function errorIn(body: unknown): Fields | undefined {
  const { error } = fieldsOf(Array.isArray(body) ? body[0] : body)
  return isFields(error) ? error : undefined
}

/** An unknown key is a 400 here, told apart by its reason only. */
function isKeyRejected({ status, body }: Refusal): boolean {
  if (status === 401 || status === 403) return true
  return status === 400 && detailsOf(body).some(({ reason }) => textOf(reason).startsWith('API_KEY_'))
}

/** The `RetryInfo` within the error: `7s`, `0.5s`. */
function retryDelayOf({ body }: Refusal): number | undefined {
  const delays = detailsOf(body).map(
    ({ retryDelay }) => /^(\d{1,6}(?:\.\d+)?)s$/.exec(textOf(retryDelay))?.[1],
  )
  const seconds = delays.find((delay) => delay !== undefined)
  return seconds === undefined ? undefined : Math.ceil(Number(seconds) * 1000)
}

function detailsOf(body: unknown): readonly Fields[] {
  const details = errorIn(body)?.details
  return Array.isArray(details) ? details.map(fieldsOf) : []
}
