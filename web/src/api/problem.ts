export interface ProblemOptions {
  readonly status?: number
  readonly code?: string
  readonly detail?: string
  readonly retryAfterSeconds?: number | undefined
}

/** A refusal that ends later than this is told to the guest at once, instead of being waited for. */
const waitSecondsMax = 300

const goneCodes: readonly string[] = ['SESSION_NOT_FOUND', 'IDEMPOTENCY_KEY_WITHOUT_SESSION']
const fullCodes: readonly string[] = ['SESSION_LIMIT', 'MEMORY_PRESSURE', 'OVERLOADED']

/** What the server refused and why, or, with status 0, that it could not be reached. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: number
  readonly code: string
  readonly retryAfterSeconds: number | undefined

  constructor(options: ProblemOptions = {}) {
    const { status = 0, code = '', detail = 'The bar cannot be reached.', retryAfterSeconds } = options
    super(detail)
    this.status = status
    this.code = code
    this.retryAfterSeconds = retryAfterSeconds
  }

  get isOffline(): boolean {
    return this.status === 0
  }

  /** Whether the bar has no room for one more guest just now. */
  get isFull(): boolean {
    return fullCodes.includes(this.code)
  }

  /** Whether the same request may succeed a little later. */
  get isPassing(): boolean {
    if (this.code === 'PAYMENT_FAILED') return false
    const isProxy = this.code === '' && [0, 502, 503, 504].includes(this.status)
    return isProxy || (this.retryAfterSeconds !== undefined && this.retryAfterSeconds <= waitSecondsMax)
  }

  /** Whether the session that the request spoke of is no more. */
  get isSessionGone(): boolean {
    return goneCodes.includes(this.code)
  }
}

/** What a fetch throws when the one who asked has taken the request back. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}
