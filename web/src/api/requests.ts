import type { PageClock } from '../clock.ts'
import { isAbort, Problem } from './problem.ts'

const root = '/api/v1'

/** Streams say something every 15 seconds and nothing else takes longer: after such a silence a connection is dead. */
export const silenceMsMax = 40_000

export interface RequestOptions {
  readonly method?: 'GET' | 'POST'
  readonly body?: object
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
}

export interface RequestsOptions {
  readonly fetch: typeof fetch
  readonly clock: PageClock
  /** The key that this server asked for, if it did. */
  readonly apiKey: () => string | null
}

/** How the page asks the server. Everything but success is thrown as a `Problem`. */
export interface Requests {
  request(path: string, options?: RequestOptions): Promise<Response>
  /** The JSON of the answer. */
  receive<Body>(path: string, options?: RequestOptions): Promise<Body>
}

export function createRequests({ fetch, clock, apiKey }: RequestsOptions): Requests {
  /** Both the answer and what `read` takes of it must come in time. */
  async function send<Result>(
    read: (response: Response) => Promise<Result>,
    path: string,
    options: RequestOptions = {},
  ): Promise<Result> {
    const { method = 'GET', body, signal } = options
    const dead = new AbortController()
    const cancel = clock.after(silenceMsMax, () => dead.abort(new Problem()))
    const key = apiKey()
    const headers = {
      ...(body && { 'content-type': 'application/json' }),
      ...(key !== null && { authorization: `Bearer ${key}` }),
      ...options.headers,
    }
    const init: RequestInit = {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.any(signal === undefined ? [dead.signal] : [dead.signal, signal]),
      cache: 'no-store',
    }
    try {
      const response = await reach(() => fetch(root + path, init))
      if (!response.ok) throw await problemOf(response)
      return await reach(() => read(response))
    } finally {
      cancel()
    }
  }

  return {
    request: (path, options) => send((response) => Promise.resolve(response), path, options),
    receive: (path, options) => send((response) => response.json(), path, options),
  }
}

/** A key under which a request is done once, however often it is sent. `randomUUID` is missing on plain http. */
export function newKey(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join('-')
}

/** A failure of `fetch` that nobody asked for is a lost network. */
async function reach<Result>(attempt: () => Promise<Result>): Promise<Result> {
  try {
    return await attempt()
  } catch (error) {
    throw isAbort(error) ? error : new Problem()
  }
}

async function problemOf(response: Response): Promise<Problem> {
  const { status, headers } = response
  const retryAfter = headers.get('retry-after')
  const told: { code?: string; detail?: string } = await response.json().catch(() => ({}))
  return new Problem({
    status,
    code: told.code ?? '',
    detail: told.detail ?? `The bar answered ${status}.`,
    retryAfterSeconds: retryAfter === null ? undefined : Number(retryAfter),
  })
}
