import type { Service } from '../../src/service.ts'

export interface Asked {
  readonly key?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A client with a session of its own, which it names in the header. Its requests arrive in the order they are made. */
export async function newGuest({ app }: Pick<Service, 'app'>) {
  const created = await app.inject({ method: 'POST', url: '/api/v1/sessions' })
  const token: string = created.json().session_id
  const headersOf = ({ key, headers }: Asked) => ({
    'x-session-id': token,
    ...(key !== undefined && { 'idempotency-key': key }),
    ...headers,
  })
  return {
    token,
    get: async (path: string, asked: Asked = {}) =>
      app.inject({ method: 'GET', url: `/api/v1${path}`, headers: headersOf(asked) }),
    post: async (path: string, body?: object, asked: Asked = {}) =>
      app.inject({
        method: 'POST',
        url: `/api/v1${path}`,
        headers: headersOf(asked),
        ...(body && { payload: body }),
      }),
    delete: async (path: string, asked: Asked = {}) =>
      app.inject({ method: 'DELETE', url: `/api/v1${path}`, headers: headersOf(asked) }),
  }
}

export type Guest = Awaited<ReturnType<typeof newGuest>>
