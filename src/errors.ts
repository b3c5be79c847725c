/** Every failure this service can name. Codes are public: clients and dashboards match on them. */
export type ErrorCode =
  | 'BAD_REQUEST'
  | 'IDEMPOTENCY_KEY_WITHOUT_SESSION'
  | 'API_KEY_REQUIRED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'SESSION_NOT_FOUND'
  | 'TURN_NOT_FOUND'
  | 'METHOD_NOT_ALLOWED'
  | 'TURN_RUNNING'
  | 'TOTAL_CHANGED'
  | 'NOTHING_TO_PAY'
  | 'CONFIRMATION_GONE'
  | 'BODY_TOO_LARGE'
  | 'UNSUPPORTED_MEDIA_TYPE'
  | 'IDEMPOTENCY_KEY_REUSED'
  | 'KEY_REJECTED'
  | 'KEY_QUOTA'
  | 'RATE_LIMITED'
  | 'TURN_QUEUE_FULL'
  | 'BUDGET_EXHAUSTED'
  | 'MODEL_UNAVAILABLE'
  | 'MODEL_TIMEOUT'
  | 'MODEL_TRUNCATED'
  | 'MODEL_BLOCKED'
  | 'TURN_LIMIT'
  | 'PAYMENT_FAILED'
  | 'VOICE_UNAVAILABLE'
  | 'VOICE_BUSY'
  | 'SESSION_LIMIT'
  | 'MEMORY_PRESSURE'
  | 'OVERLOADED'
  | 'DRAINING'
  | 'STORE_UNAVAILABLE'
  | 'INTERRUPTED'
  | 'INTERNAL'

export interface ServiceErrorOptions extends ErrorOptions {
  /** Seconds after which asking again can help. */
  readonly retryAfterSeconds?: number
}

/** What could not be done, said so that a guest may read it: never with a secret or a guest's words. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly code: ErrorCode
  readonly retryAfterSeconds: number | undefined

  constructor(code: ErrorCode, message: string, options: ServiceErrorOptions = {}) {
    super(message, options)
    this.code = code
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}
