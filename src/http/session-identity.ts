import type { SerializeOptions } from '@fastify/cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ServiceError } from '../errors.ts'
import { sessionNotFound } from '../log/session-log.ts'
import { workspaceOfApiKey, type ApiKey } from '../security/api-key.ts'
import type { SessionTokens } from '../security/session-token.ts'
import type { Session } from '../sessions/session.ts'
import type { SessionManager } from '../sessions/session-manager.ts'
import { bearerTokenOf } from './bearer-token.ts'
import { isFromOtherOrigin } from './origin.ts'

const cookieName = 'maya_session'

/** The one workspace of a server without API keys. */
const soleWorkspace = 'default'

export interface SessionIdentityOptions {
  readonly sessions: SessionManager
  readonly tokens: SessionTokens
  /** The tenants' keys; with none of them nobody needs one. */
  readonly apiKeys: readonly ApiKey[]
  readonly agent: string
  readonly cookieMaxAgeSeconds: number
  /** Whose pages may act with the cookie beside our own. */
  readonly trustedOrigins: readonly string[]
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

  /** Says the id back, if it is genuine, before anything can fail. Nobody else may keep such an answer. */
  echo(request: FastifyRequest, reply: FastifyReply): void {
    const id = this.#idOf(tokenOf(request)?.token)
    if (id !== undefined) this.#name(reply, id)
  }

  /** In which workspace this request may make a session. Throws `API_KEY_REQUIRED` where it takes a key. */
  workspaceOfNew(request: FastifyRequest): string {
    const workspace = this.#workspaceOf(request)
    if (workspace !== null) return workspace
    throw new ServiceError('API_KEY_REQUIRED', 'This bar is for members: a session needs an API key.')
  }

  /**
   * Lends the session that the request names: its token is enough, but who shows an API key beside it finds only
   * sessions of that workspace. Throws `SESSION_NOT_FOUND`, and then clears a dead cookie; throws `FORBIDDEN` for a
   * page of another origin that would change something with the cookie, and `API_KEY_REQUIRED` for an unknown key.
   */
  async use<Result>(
    request: FastifyRequest,
    reply: FastifyReply,
    use: (session: Session) => Result | Promise<Result>,
  ): Promise<Result> {
    const workspace = this.#workspaceOf(request)
    const named = tokenOf(request)
    if (named?.source === 'cookie' && isChange(request)) this.refuseOtherOrigin(request)
    const id = this.#idOf(named?.token)
    try {
      if (id === undefined) throw sessionNotFound()
      return await this.#options.sessions.use(id, workspace, (session) => {
        // The session goes on, so its cookie must not end before it.
        if (named?.source === 'cookie') this.#giveCookie(request, reply, session)
        return use(session)
      })
    } catch (error) {
      const isGone = error instanceof ServiceError && error.code === 'SESSION_NOT_FOUND'
      if (isGone) reply.removeHeader('x-session-id')
      if (isGone && named?.source === 'cookie') clearCookie(reply)
      throw error
    }
  }

  /**
   * Makes a session and lends it. Throws `API_KEY_REQUIRED` without a key where it takes one, `FORBIDDEN` for a page
   * of another origin, and where none is admitted.
   */
  async create<Result>(
    request: FastifyRequest,
    reply: FastifyReply,
    options: {
      readonly agent?: string | undefined
      readonly use: (session: Session) => Result | Promise<Result>
    },
  ): Promise<Result> {
    const workspace = this.workspaceOfNew(request)
    this.refuseOtherOrigin(request)
    const { sessions, agent } = this.#options
    const created = await sessions.create({ agent: options.agent ?? agent, workspace })
    return sessions.use(created.id, workspace, (session) => {
      this.#name(reply, session.id)
      this.#giveCookie(request, reply, session)
      return options.use(session)
    })
  }

  /** Takes the cookie away that names this session. The browser may have another session's by now. */
  clearCookieOf(id: string, request: FastifyRequest, reply: FastifyReply): void {
    if (this.#idOf(request.cookies[cookieName]) === id) clearCookie(reply)
  }

  #idOf(token: string | undefined): string | undefined {
    return token === undefined ? undefined : this.#options.tokens.idOf(token)
  }

  /** The workspace of the key that the request shows; null where it shows none. Throws for an unknown key. */
  #workspaceOf({ headers }: FastifyRequest): string | null {
    const { apiKeys } = this.#options
    if (apiKeys.length === 0) return soleWorkspace
    const key = bearerTokenOf(headers)
    if (key === undefined) return null
    const workspace = workspaceOfApiKey(key, apiKeys)
    if (workspace === undefined) throw new ServiceError('API_KEY_REQUIRED', 'This API key is not known here.')
    return workspace
  }

  #name(reply: FastifyReply, id: string): void {
    void reply.header('x-session-id', this.tokenOf(id)).header('cache-control', 'no-store')
  }

  /**
   * Throws `FORBIDDEN` for a page of another origin that is not trusted. A session that is made is one in the browser's
   * cookie, in the place of the guest's own.
   */
  refuseOtherOrigin(request: FastifyRequest): void {
    if (!isFromOtherOrigin(request, this.#options.trustedOrigins)) return
    throw new ServiceError('FORBIDDEN', 'Pages of another origin may not act with the cookie of this one.')
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

function clearCookie(reply: FastifyReply): void {
  setCookieHeader(reply, '', { maxAge: 0 })
}

/** Written at once and not by the plugin's hook, which a stream goes past. The server has no other cookie. */
function setCookieHeader(reply: FastifyReply, value: string, options: SerializeOptions): void {
  reply.removeHeader('set-cookie')
  void reply.header('set-cookie', reply.server.serializeCookie(cookieName, value, { path: '/', ...options }))
}

/** All but reads: also the one GET that says a message. */
function isChange({ method, query }: FastifyRequest): boolean {
  const isMessage = typeof query === 'object' && query !== null && 'message' in query
  return isMessage || !['GET', 'HEAD'].includes(method)
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
