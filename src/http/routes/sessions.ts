import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import { ServiceError } from '../../errors.ts'
import type { SessionLog } from '../../log/session-log.ts'
import { phaseOf } from '../../sessions/phase.ts'
import type { Session } from '../../sessions/session.ts'
import { answered } from '../answered.ts'
import type { RouteOptions } from '../app.ts'
import { exportWire, ExportWire } from '../export.ts'
import { keyWithoutSession, requestKeyOf } from '../request-key.ts'
import { apiKeyWhereNeeded, DateTime, mutating, problems, SessionQuery } from '../schemas.ts'
import { iso } from '../wire.ts'

const Created = Type.Object({
  session_id: Type.String(),
  agent: Type.String(),
  created_at: DateTime,
  expires_at: DateTime,
})

const Status = Type.Object({
  is_active: Type.Boolean(),
  session_id: Type.Optional(Type.String()),
  agent: Type.Optional(Type.String()),
  has_valid_keys: Type.Optional(Type.Boolean()),
  turn_running: Type.Optional(Type.Boolean()),
  turn_count: Type.Optional(Type.Integer()),
  phase: Type.Optional(Type.String()),
  created_at: Type.Optional(DateTime),
  last_access: Type.Optional(DateTime),
  expires_at: Type.Optional(DateTime),
})

const Reset = Type.Object({ status: Type.String(), session_id: Type.String() })

const tags = ['session']

const createSchema = {
  tags,
  summary: 'Make a session',
  security: apiKeyWhereNeeded,
  body: Type.Object({ agent: Type.Optional(Type.String()) }, { additionalProperties: false }),
  response: { 201: Created, ...problems },
}

const statusSchema = {
  tags,
  summary: 'How the session is',
  querystring: SessionQuery,
  response: { 200: Status, ...problems },
}

const resetSchema = {
  tags,
  summary: 'Start again in the same session',
  ...mutating,
  body: Type.Object({}, { additionalProperties: false }),
  response: { 200: Reset, ...problems },
}

const endSchema = {
  tags,
  summary: 'End the session',
  ...mutating,
  response: { 204: Type.Null(), ...problems },
}

const exportSchema = {
  tags,
  summary: 'The whole conversation and ledger',
  querystring: SessionQuery,
  response: { 200: ExportWire, ...problems },
}

/** Making, looking at, resetting, exporting and ending a session. */
export const sessionRoutes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, options) => {
  const { identity, sessions, agents, clock, listening } = options

  app.post('/sessions', { schema: createSchema }, async (request, reply) => {
    if (request.headers['idempotency-key'] !== undefined) throw keyWithoutSession()
    const { agent } = request.body
    if (agent !== undefined && !agents.has(agent)) {
      throw new ServiceError('BAD_REQUEST', `body.agent must be one of: ${[...agents.keys()].join(', ')}.`)
    }
    return identity.create(request, reply, {
      agent,
      use: ({ log }) => reply.code(201).send(createdWire(log, identity.tokenOf(log.id))),
    })
  })

  app.get('/session/status', { schema: statusSchema }, async (request, reply) => {
    if (!identity.isNamed(request)) return { is_active: false }
    return identity.use(request, reply, (session) =>
      statusWire(session, identity.tokenOf(session.id), clock.date()),
    )
  })

  app.post('/session/reset', { schema: resetSchema }, (request, reply) =>
    identity.use(request, reply, async (session) => {
      const answer = { status: 'reset', session_id: identity.tokenOf(session.id) }
      const key = requestKeyOf(request, { operation: 'reset', body: null })
      const was = await session.reset(key, { status: 200, body: answer })
      listening.end(session.id, 'session-changed')
      return answered(reply, was)
    }),
  )

  app.delete('/session', { schema: endSchema }, async (request, reply) => {
    const key = requestKeyOf(request, { operation: 'end', body: null })
    await identity.use(request, reply, async (session) => {
      // It cannot be kept, for it goes with its session; but one that was used for something else is refused.
      session.cashier.answeredBefore(key)
      await sessions.end(session)
      identity.clearCookieOf(session.id, request, reply)
    })
    return reply.code(204).send(null)
  })

  app.get('/session/export', { schema: exportSchema }, (request, reply) =>
    identity.use(request, reply, async ({ log }) => {
      void reply.header('content-disposition', 'attachment; filename="maya-session.json"')
      return exportWire(log.state, await log.events(), clock.date())
    }),
  )
}

function createdWire(log: SessionLog, token: string): Static<typeof Created> {
  const { createdAt, agent } = log.state
  return { session_id: token, agent, created_at: iso(createdAt), expires_at: iso(log.expiresAt) }
}

function statusWire(session: Session, token: string, date: number): Static<typeof Status> {
  const { state, expiresAt } = session.log
  return {
    is_active: true,
    session_id: token,
    agent: state.agent,
    has_valid_keys: session.keys.hasValid,
    turn_running: session.openTurnId !== null,
    turn_count: state.turnCount,
    phase: phaseOf(state, date),
    created_at: iso(state.createdAt),
    last_access: iso(state.lastAccess),
    expires_at: iso(expiresAt),
  }
}
