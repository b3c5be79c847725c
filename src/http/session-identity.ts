import type { SerializeOptions } from '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ServiceError } from '../errors.ts'
import type { SessionTokens } from '../security/session-token.ts'
import type { Session } from '../sessions/session.ts'
import type { SessionManager } from '../sessions/session-manager.ts'

const cookieName = 'maya_session'

export interface SessionIdentityOptions {
  readonly sessions: SessionManager
  readonly tokens: SessionTokens
  readonly workspace: string
  readonly agent: string
  readonly cookieMaxAgeSeconds: number
}

/** Which session a request speaks of, and how the answer says it. */
export class SessionIdentity {
  readonly #options: SessionIdentityOptions

  constructor(options: SessionIdentityOptions) {
    this.#options = options
  }

  /** Whether the request names a session at all, rightly or not. */
  isNamed(request: FastifyRequest): boolean {
    return tokenOf(request) !== undefined
  }

  /** The id as clients see it. */
  tokenOf(id: string): string {
    return this.#options.tokens.tokenOf(id)
  }

  /** Lends the session that the request names. Throws `SESSION_NOT_FOUND`, and then clears a dead cookie. */
  async use<Result>(
    request: FastifyRequest,
    reply: FastifyReply,
    use: (session: Session) => Result | Promise<Result>,
  ): Promise<Result> {
    const { sessions, tokens, workspace } = this.#options
    const named = tokenOf(request)
    const id = named && tokens.idOf(named.token)
    try {
      if (id === undefined) throw new ServiceError('SESSION_NOT_FOUND', 'There is no such session.')
      return await sessions.use(id, workspace, (session) => {
        this.#name(reply, session)
        // The session goes on, so its cookie must not end before it.
        if (named?.source === 'cookie') this.#giveCookie(request, reply, session)
        return use(session)
      })
    } catch (error) {
      const isGone = error instanceof ServiceError && error.code === 'SESSION_NOT_FOUND'
      if (isGone && named?.source === 'cookie') this.clearCookie(reply)
      throw error
    }
  }

  /** Makes a session and lends it. Throws where none is admitted. */
  async create<Result>(
    request: FastifyRequest,
    reply: FastifyReply,
    options: {
      readonly agent?: string | undefined
      readonly use: (session: Session) => Result | Promise<Result>
    },
  ): Promise<Result> {
    const { sessions, workspace, agent } = this.#options
    const created = await sessions.create({ agent: options.agent ?? agent, workspace })
    return sessions.use(created.id, workspace, (session) => {
      this.#name(reply, session)
      this.#giveCookie(request, reply, session)
      return options.use(session)
    })
  }

  clearCookie(reply: FastifyReply): void {
    setCookieHeader(reply, '', { maxAge: 0 })
  }

  #name(reply: FastifyReply, session: Session): void {
    void reply.header('x-session-id', this.tokenOf(session.id))
  }

  #giveCookie(request: FastifyRequest, reply: FastifyReply, session: Session): void {
    const isSecure = request.protocol === 'https'
    const maxAge = this.#options.cookieMaxAgeSeconds
    setCookieHeader(reply, this.tokenOf(session.id), {
      httpOnly: true,
      sameSite: 'lax',
      secure: isSecure,
      maxAge,
    })
  }
}

/** Written at once and not by the plugin's hook, which a stream goes past. The server has no other cookie. */
function setCookieHeader(reply: FastifyReply, value: string, options: SerializeOptions): void {
  reply.removeHeader('set-cookie')
  void reply.header('set-cookie', reply.server.serializeCookie(cookieName, value, { path: '/', ...options }))
}

/** The first of header, query and cookie. An empty one names nothing. */
function tokenOf(
  request: FastifyRequest,
): { readonly token: string; readonly source: 'header' | 'query' | 'cookie' } | undefined {
  const header = request.headers['x-session-id']
  if (typeof header === 'string' && header !== '') return { token: header, source: 'header' }
  const { query } = request
  if (typeof query === 'object' && query !== null && 'session_id' in query) {
    const { session_id: token } = query
    if (typeof token === 'string' && token !== '') return { token, source: 'query' }
  }
  const cookie = request.cookies[cookieName]
  return cookie === undefined || cookie === '' ? undefined : { token: cookie, source: 'cookie' }
}
