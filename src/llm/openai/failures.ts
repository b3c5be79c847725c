import { ModelError } from '../model.ts'
import { retryAfterOf } from '../retry-after.ts'
import { fieldsOf, isFields, parseJson, textOf, type Fields } from '../fields.ts'
import { unavailable } from '../provider-failures.ts'

/** What a server said in place of an answer. */
export interface Refusal {
  readonly status: number
  /** By its name in lower case. */
  readonly header: (name: string) => string | undefined
  readonly body: string
}

/** A refusal in our words. Nothing of the server's own words is in it: they can quote the guest or the key. */
export function refused({ status, header, body }: Refusal): ModelError {
  const retryAfterMs = retryAfterOf(header)
  return failureOf(status, wordsOf(errorIn(parseJson(body))), retryAfterMs)
}

/** An error in the place of a chunk, as every kind of server writes it; null when it is none. */
export function failureIn(chunk: Fields): ModelError | null {
  if (chunk.object !== 'error' && !chunk.error) return null
  const error = errorIn(chunk)
  const status = Number(error.code ?? error.status)
  return failureOf(status >= 400 && status <= 599 ? status : 500, wordsOf(error))
}

/** `isStarting`: a server may be off until it is asked, and then refuses, or has others refuse, until it is ready. */
export function starting(retryAfterMs?: number): ModelError {
  return unavailable('The language model is still starting. Ask again in a minute.', {
    retryable: true,
    isStarting: true,
    isDown: true,
    ...waiting(retryAfterMs),
  })
}

/** The server lists no model that could be asked. */
export function noModel(): ModelError {
  return unavailable('The server has no language model.', { retryable: false })
}

function failureOf(status: number, words: string, retryAfterMs?: number): ModelError {
  if (/content_filter|content_policy/i.test(words))
    return new ModelError('MODEL_BLOCKED', 'This cannot be answered.', { retryable: false })
  if (status === 401 || status === 403)
    return unavailable("The language model does not accept this server's key.", { retryable: false })
  if (status === 402 || /insufficient_quota|billing/i.test(words))
    return unavailable("This server's account at the language model is used up.", { retryable: false })
  if (status === 404) return unavailable('The language model is not there.', { retryable: false })
  if (status === 429)
    return unavailable('The language model is busy. Ask again in a moment.', {
      retryable: true,
      ...waiting(retryAfterMs),
    })
  if (status >= 500 || status === 408)
    return unavailable('The language model has failed. Ask again in a moment.', {
      retryable: true,
      isDown: true,
      ...waiting(retryAfterMs),
    })
  return unavailable('The language model does not accept the request.', { retryable: false })
}

/** `{ error: { code, type, message } }`, or the same without the outer braces, or an error that is only a text. */
function errorIn(body: unknown): Fields {
  const { error } = fieldsOf(body)
  return isFields(error) ? error : fieldsOf(body)
}

function wordsOf({ code, type }: Fields): string {
  return `${textOf(code)} ${textOf(type)}`
}

function waiting(retryAfterMs: number | undefined): { readonly retryAfterMs?: number } {
  return retryAfterMs === undefined ? {} : { retryAfterMs }
}
