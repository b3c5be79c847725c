import { METHODS } from 'node:http'
import cookie from '@fastify/cookie'
import cors, { type FastifyCorsOptions } from '@fastify/cors'
import helmet, { type FastifyHelmetOptions } from '@fastify/helmet'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { LogController, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Clock } from '../clock.ts'
import type { Agent } from '../conversation/agent.ts'
import { ServiceError } from '../errors.ts'
import type { Log } from '../logs/log.ts'
import type { EndedRequest } from '../logs/request-lines.ts'
import type { SessionManager } from '../sessions/session-manager.ts'
import type { VoiceClient } from '../voice/voices.ts'
import { createClientErrorHandler } from './client-error.ts'
import { createErrorHandler, sendProblem } from './error-handler.ts'
import { createLibraryLogger } from './library-logger.ts'
import { compileLazily } from './lazy-schemas.ts'
import { rateHeaders, type MessageRates } from './message-rates.ts'
import { openApi } from './plugins/open-api.ts'
import { page } from './plugins/page.ts'
import { createRequestIds } from './request-id.ts'
import { chatRoutes } from './routes/chat.ts'
import { chatStreamRoutes } from './routes/chat-stream.ts'
import { healthRoutes } from './routes/health.ts'
import { menuRoutes } from './routes/menu.ts'
import { paymentRoutes } from './routes/payments.ts'
import { sessionKeyRoutes } from './routes/session-keys.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { voiceRoutes } from './routes/voice.ts'
import type { Listening } from './listening.ts'
import type { SessionIdentity } from './session-identity.ts'
import type { Turns } from './turns.ts'
import type { VoiceChoices } from './voice-choices.ts'
import { isForSocket, openWebSockets } from './web-sockets.ts'

/** What the routes need. */
export interface RouteOptions {
  readonly clock: Clock
  readonly sessions: SessionManager
  readonly identity: SessionIdentity
  readonly turns: Turns
  readonly rates: MessageRates
  readonly listening: Listening
  readonly voiceChoices: VoiceChoices
  /** What guests without a key of their own are spoken to and listened to with; null is nothing. */
  readonly voices: Pick<VoiceClient, 'textToSpeech' | 'speechToText'>
  readonly agents: ReadonlyMap<string, Agent>
  readonly messageCharactersMax: number
  /** As many turns as an answer shows. */
  readonly turnsKeptMax: number
  readonly metricsToken: string | null
  readonly metrics: { readonly contentType: string; text(): Promise<string> }
  /** The metrics of all containers, as one text of the same type. */
  readonly fleet: { text(): Promise<string> }
  /** Sentences about what is wrong now; none when all is well. */
  readonly health: { readonly guardPolicy: 'open' | 'closed'; checks(): Promise<readonly string[]> }
}

export interface AppOptions extends RouteOptions {
  readonly log: Log
  readonly bodyBytesMax: number
  readonly corsOrigins: readonly string[]
  /** Addresses and networks of proxies that are believed when they say who asked them, how and for which host. */
  readonly trustedProxies: readonly string[]
  readonly webDirectory: string
  readonly observeRequest: (request: EndedRequest) => void
}

export type App = FastifyInstance

/** Builds the HTTP edge: one plugin for each concern, one file for each group of paths. */
export async function createApp(options: AppOptions): Promise<App> {
  const { log, bodyBytesMax, corsOrigins, trustedProxies, webDirectory } = options
  const errorHandler = createErrorHandler(log)
  const app = Fastify({
    loggerInstance: createLibraryLogger(log),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request_id' }),
    genReqId: createRequestIds(trustedProxies),
    bodyLimit: bodyBytesMax,
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    http: { shouldUpgradeCallback: isForSocket },
    requestTimeout: 30_000,
    // Longer than any proxy keeps an idle connection, so that a proxy never reuses one that is just closing.
    keepAliveTimeout: 75_000,
    forceCloseConnections: true,
    frameworkErrors: (error, request, reply) => {
      // No hook is called for these.
      beginRequest(request, reply, options)
      void errorHandler(error, request, reply)
    },
    clientErrorHandler: createClientErrorHandler(log),
  }).withTypeProvider<TypeBoxTypeProvider>()
  compileLazily(app)
  app.setErrorHandler(errorHandler)
  refuseUnknownPaths(app)
  readBodies(app)
  observeRequests(app, options)
  await app.register(cookie)
  echoSession(app, options)
  await app.register(helmet, securityHeaders)
  if (corsOrigins.length > 0) await app.register(cors, { ...corsOptions, origin: [...corsOrigins] })
  await openWebSockets(app, log)
  await app.register(openApi)
  await app.register(healthRoutes, options)
  for (const routes of [
    sessionRoutes,
    sessionKeyRoutes,
    chatRoutes,
    chatStreamRoutes,
    paymentRoutes,
    voiceRoutes,
  ]) {
    await app.register(routes, { ...options, prefix: '/api/v1' })
  }
  await app.register(menuRoutes, { prefix: '/api/v1' })
  await app.register(page, { directory: webDirectory })
  return app
}

const securityHeaders: FastifyHelmetOptions = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      'default-src': ["'none'"],
      'script-src': ["'self'"],
      'style-src': ["'self'"],
      'img-src': ["'self'", 'data:'],
      'font-src': ["'self'"],
      'connect-src': ["'self'"],
      'media-src': ["'self'", 'blob:'],
      'manifest-src': ["'self'"],
      'base-uri': ["'none'"],
      'form-action': ["'none'"],
      'frame-ancestors': ["'none'"],
    },
  },
  referrerPolicy: { policy: 'no-referrer' },
}

const corsOptions: FastifyCorsOptions = {
  credentials: true,
  strictPreflight: false,
  methods: ['GET', 'POST', 'DELETE'],
  exposedHeaders: ['x-session-id', 'x-request-id', 'retry-after', ...rateHeaders],
}

/** A path that exists with another method is 405 and says which ones there are. */
function refuseUnknownPaths(app: FastifyInstance): void {
  app.setNotFoundHandler((request, reply) => {
    const [url = '/'] = request.url.split('?')
    // `hasRoute` takes a pattern, in which these would mean more than themselves; no path of ours has them.
    const isPlain = !/[:*]/.test(url)
    const allowed = METHODS.filter((method) => isPlain && app.hasRoute({ method, url }))
    if (allowed.length === 0)
      return sendProblem(reply, new ServiceError('NOT_FOUND', 'There is nothing here.'))
    void reply.header('allow', allowed.join(', '))
    return sendProblem(reply, new ServiceError('METHOD_NOT_ALLOWED', `Allowed here: ${allowed.join(', ')}.`))
  })
}

/** Only JSON is read. A request without a body says the same as one with an empty object. */
function readBodies(app: FastifyInstance): void {
  app.removeContentTypeParser('text/plain')
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, {})
    else void parse(request, String(body), done)
  })
  app.addHook('preValidation', async (request) => {
    if (request.method === 'POST' && request.body === undefined) request.body = {}
  })
}

/** With every answer of the API, however it ends; not with files, which caches keep for everybody. */
function echoSession(app: FastifyInstance, { identity }: AppOptions): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.url.startsWith('/api/')) identity.echo(request, reply)
  })
}

function statusOf(request: FastifyRequest, reply: FastifyReply): number {
  if (reply.raw.headersSent) return reply.raw.statusCode
  // A socket is opened past this reply.
  return request.ws && reply.sent ? 101 : closedByClient
}

/** The client went away before it was answered. No status of HTTP; the number that nginx made known. */
const closedByClient = 499

/** Every request is named in its answer and observed when that has ended. */
function observeRequests(app: FastifyInstance, options: AppOptions): void {
  app.addHook('onRequest', async (request, reply) => beginRequest(request, reply, options))
}

function beginRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  { observeRequest }: Pick<AppOptions, 'observeRequest'>,
): void {
  const { id, method } = request
  const { socket } = request.raw
  const bytesBefore = socket.bytesWritten
  void reply.header('x-request-id', id)
  // Not `onResponse`: fastify does not call it for a stream whose reader has left.
  reply.raw.once('close', () => {
    observeRequest({
      id,
      method,
      // Never the path itself, nor its query: they may hold a guest's words and a session's token.
      route: request.routeOptions.url ?? 'unknown',
      status: statusOf(request, reply),
      seconds: reply.elapsedTime / 1000,
      bytes: socket.bytesWritten - bytesBefore,
    })
  })
}
