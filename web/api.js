const root = '/api/v1'

/** Streams say something every 15 seconds and nothing else takes longer: after such a silence a connection is dead. */
export const silenceMsMax = 40_000

/** What the server refused and why, or, with status 0, that it could not be reached. */
export class Problem extends Error {
  name = 'Problem'

  constructor({ status = 0, code = '', detail = 'The bar cannot be reached.', retryAfterSeconds } = {}) {
    super(detail)
    this.status = status
    this.code = code
    this.retryAfterSeconds = retryAfterSeconds
  }

  /** Whether the same request may succeed a little later. */
  get isPassing() {
    if (this.code === 'PAYMENT_FAILED') return false
    const isProxy = this.code === '' && [0, 502, 503, 504].includes(this.status)
    return isProxy || this.retryAfterSeconds !== undefined
  }

  /** Whether the session that the request spoke of is no more. */
  get isSessionGone() {
    return ['SESSION_NOT_FOUND', 'IDEMPOTENCY_KEY_WITHOUT_SESSION'].includes(this.code)
  }
}

/** Asks the server and returns its answer. Throws a `Problem` for everything but success. */
export async function request(path, { method = 'GET', body, headers, signal } = {}) {
  const dead = new AbortController()
  const timer = setTimeout(() => dead.abort(new Problem()), silenceMsMax)
  const options = {
    method,
    headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
    ...(body && { body: JSON.stringify(body) }),
    signal: AbortSignal.any(signal === undefined ? [dead.signal] : [dead.signal, signal]),
    cache: 'no-store',
  }
  const response = await reach(() => fetch(root + path, options)).finally(() => clearTimeout(timer))
  if (!response.ok) throw await problemOf(response)
  return response
}

/** The JSON of the answer. */
export async function receive(path, options) {
  const response = await request(path, options)
  return reach(() => response.json())
}

/** A key under which a request is done once, however often it is sent. `randomUUID` is missing on plain http. */
export function newKey() {
  return crypto.getRandomValues(new Uint32Array(4)).join('-')
}

/** A failure of `fetch` that nobody asked for is a lost network. */
async function reach(attempt) {
  try {
    return await attempt()
  } catch (error) {
    if (error.name === 'AbortError') throw error
    throw new Problem()
  }
}

async function problemOf(response) {
  const { status, headers } = response
  const retryAfterSeconds = headers.has('retry-after') ? Number(headers.get('retry-after')) : undefined
  const { code, detail } = await response.json().catch(() => ({}))
  return new Problem({ status, code, detail: detail ?? `The bar answered ${status}.`, retryAfterSeconds })
}
