import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyReply, FastifyRequest, FastifySchemaValidationError } from 'fastify'
import { ServiceError, type ErrorCode } from '../errors.ts'
import { StoreError } from '../log/store.ts'
import type { Log } from '../logs/log.ts'
import { describeDefect } from '../security/redaction.ts'
import { notBlank } from './schemas.ts'

/** The one place that knows how a failure looks over HTTP. A new code fails to compile here. */
const statusOf = {
  BAD_REQUEST: 400,
  IDEMPOTENCY_KEY_WITHOUT_SESSION: 400,
  API_KEY_REQUIRED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  SESSION_NOT_FOUND: 404,
  TURN_NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  TURN_RUNNING: 409,
  TOTAL_CHANGED: 409,
  NOTHING_TO_PAY: 409,
  CONFIRMATION_GONE: 409,
  BODY_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  IDEMPOTENCY_KEY_REUSED: 422,
  KEY_REJECTED: 422,
  RATE_LIMITED: 429,
  TURN_QUEUE_FULL: 429,
  BUDGET_EXHAUSTED: 429,
  KEY_QUOTA: 429,
  INTERNAL: 500,
  MODEL_UNAVAILABLE: 502,
  MODEL_TRUNCATED: 502,
  MODEL_BLOCKED: 502,
  TURN_LIMIT: 502,
  PAYMENT_FAILED: 502,
  MODEL_TIMEOUT: 504,
  SESSION_LIMIT: 503,
  MEMORY_PRESSURE: 503,
  VOICE_UNAVAILABLE: 503,
  VOICE_BUSY: 503,
  OVERLOADED: 503,
  DRAINING: 503,
  STORE_UNAVAILABLE: 503,
  INTERRUPTED: 503,
} as const satisfies Record<ErrorCode, number>

/** RFC 9457. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: ErrorCode
}

export function problemOf(code: ErrorCode, detail: string, status: number = statusOf[code]): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, code }
}

export function sendProblem(reply: FastifyReply, error: ServiceError): FastifyReply {
  const problem = problemOf(error.code, error.message)
  const seconds = error.retryAfterSeconds ?? (problem.status === 503 ? 1 : undefined)
  if (seconds !== undefined) void reply.header('retry-after', String(seconds))
  if (problem.status === 401) void reply.header('www-authenticate', 'Bearer')
  // A string, because the schemas of a route describe its own answers and not this one.
  return reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem))
}

type ErrorHandler = (
  error: FastifyError | Error,
  request: FastifyRequest,
  reply: FastifyReply,
) => FastifyReply

export function createErrorHandler(log: Log): ErrorHandler {
  return (error, request, reply) => {
    const refusal = refusalOf(error, request)
    const { code } = refusal
    if (code === 'INTERNAL') log('request failed', { request_id: request.id, err: describeDefect(error) })
    else log('request refused', { request_id: request.id, code })
    return sendProblem(reply, refusal)
  }
}

function refusalOf(error: FastifyError | Error, request: FastifyRequest): ServiceError {
  if (error instanceof ServiceError) return error
  if (error instanceof StoreError) {
    const message = 'The store cannot be reached. Try again in a moment, with the same Idempotency-Key.'
    return new ServiceError('STORE_UNAVAILABLE', message, { cause: error, retryAfterSeconds: 2 })
  }
  const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500
  if (status === 413) {
    const bytes = request.routeOptions.bodyLimit
    return new ServiceError('BODY_TOO_LARGE', `The body may have up to ${bytes} bytes.`)
  }
  if (status === 415) return new ServiceError('UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json.')
  if ('validation' in error && error.validation !== undefined) {
    return refusalOfSchema(error.validation, error.validationContext ?? 'request')
  }
  // The parser's own words would quote the request.
  if (status < 500) return new ServiceError('BAD_REQUEST', 'The request is not readable as JSON over HTTP.')
  return new ServiceError('INTERNAL', 'Something went wrong on our side.', { cause: error })
}

/** What the schema says was wrong and what is allowed. */
export function refusalOfSchema(
  errors: readonly FastifySchemaValidationError[],
  context: string,
): ServiceError {
  const details = errors.map(({ instancePath, message, params }) => {
    const place = `${context}${instancePath.replaceAll('/', '.')}`
    const wish = params['pattern'] === notBlank ? 'must not be blank' : (message ?? 'is not valid')
    return `${place} ${wish}.`
  })
  return new ServiceError('BAD_REQUEST', details.join(' '))
}
