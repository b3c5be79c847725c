import { fieldsOf, isFields, parseJson, type Fields } from '../llm/fields.ts'
import type { Answer } from './connection.ts'
import { NoAnswerError } from './no-answer.ts'

/** The JSON object that was answered. Throws a `NoAnswerError` where that is none: then it was no Maya that answered. */
export function fieldsOfAnswer(answer: Answer, url: string): Fields {
  assertNoRedirect(answer, url)
  const fields = parseJson(answer.text)
  if (!isFields(fields)) throw notMaya(answer, url)
  return fieldsOf(fields)
}

export function assertNoRedirect({ status, header }: Answer, url: string): void {
  const location = header('location')
  if (status < 300 || status > 399 || location === undefined) return
  const target = URL.canParse(location, url) ? new URL(location, url) : undefined
  const place = target === undefined ? 'elsewhere' : `to ${target.origin}${target.pathname}`
  throw new NoAnswerError(
    'REDIRECTED',
    `${url} redirects ${place}, which is not followed: name that address.`,
  )
}

export function notMaya({ status, header }: Answer, url: string): NoAnswerError {
  const type = /^[\w.+-]+\/[\w.+-]+/.exec(header('content-type') ?? '')?.[0] ?? 'no content type'
  const message = `${url} answers ${status} with ${type}: that is no Maya, or a proxy that cannot reach it.`
  return new NoAnswerError('NOT_MAYA', message)
}
