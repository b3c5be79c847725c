import type { Socket } from 'node:net'
import { problemOf, type Problem } from './error-handler.ts'

/** What each failure of Node's parser is over HTTP; all others are a bad request. */
const statuses: Readonly<Record<string, number>> = { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 }

/** Answers what is no readable HTTP. It is not logged: the error holds the bytes, and they may hold a token. */
export function answerClientError(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  if (socket.writable) socket.write(rawAnswer(clientProblem(statuses[error.code ?? ''] ?? 400)))
  socket.destroy(error)
}

function clientProblem(status: number): Problem {
  if (status === 408) return problemOf('BAD_REQUEST', 'The request did not arrive in time.', status)
  if (status === 431)
    return problemOf('BAD_REQUEST', 'The headers are larger than this server takes.', status)
  return problemOf('BAD_REQUEST', 'This is not readable as HTTP.', status)
}

function rawAnswer(problem: Problem): string {
  const body = JSON.stringify(problem)
  return [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    '',
    body,
  ].join('\r\n')
}
