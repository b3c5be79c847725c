import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Log } from '../logs/log.ts'
import { problemOf, type Problem } from './error-handler.ts'

/** What each failure of Node's parser is over HTTP; all others are a bad request. */
const statuses: Readonly<Record<string, number>> = { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 }

type ClientErrorHandler = (error: Error & { readonly code?: string }, socket: Socket) => void

/** Answers what is no readable HTTP. The error is not logged: it holds the bytes, and they may hold a token. */
export function createClientErrorHandler(log: Log): ClientErrorHandler {
  return (error, socket) => {
    const { code = '' } = error
    if (code === 'ECONNRESET' || socket.destroyed) return
    const id = randomUUID()
    const problem = clientProblem(statuses[code] ?? 400)
    if (socket.writable) socket.write(rawAnswer(problem, id))
    log('request unreadable', { request_id: id, status: problem.status, reason: code })
    socket.destroy(error)
  }
}

function clientProblem(status: number): Problem {
  if (status === 408) return problemOf('BAD_REQUEST', 'The request did not arrive in time.', status)
  if (status === 431)
    return problemOf('BAD_REQUEST', 'The headers are larger than this server takes.', status)
  return problemOf('BAD_REQUEST', 'This is not readable as HTTP.', status)
}

function rawAnswer(problem: Problem, requestId: string): string {
  const body = JSON.stringify(problem)
  return [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    'connection: close',
    '',
    body,
  ].join('\r\n')
}
