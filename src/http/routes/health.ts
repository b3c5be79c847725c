import { timingSafeEqual } from 'node:crypto'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { ServiceError } from '../../errors.ts'
import type { SessionManager } from '../../sessions/session-manager.ts'
import type { RouteOptions } from '../app.ts'
import { bearerTokenOf } from '../bearer-token.ts'
import { DateTime, problems } from '../schemas.ts'

const Health = Type.Object({
  status: Type.Union([Type.Literal('healthy'), Type.Literal('unhealthy')]),
  checks: Type.Array(Type.String()),
  timestamp: DateTime,
})

const exposition = {
  description: 'The metrics.',
  content: { 'text/plain': { schema: Type.String() } },
}

const metricsSchema = {
  tags: ['health'],
  security: [{ metricsToken: [] }, {}],
  response: { 200: exposition, ...problems },
}

/** What probes and Prometheus ask. */
export const healthRoutes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, options) => {
  const { sessions, health, clock, metrics, fleet, metricsToken } = options
  const schema = { tags: ['health'], response: { 200: Health, 503: Health, ...problems } }

  const answer = (checks: readonly string[]) => ({
    status: checks.length === 0 ? ('healthy' as const) : ('unhealthy' as const),
    checks: [...checks],
    timestamp: new Date(clock.date()).toISOString(),
  })

  app.get('/healthz', { schema: { ...schema, summary: 'Is all well?' } }, async (_request, reply) => {
    const checks = await health.checks()
    // A header, because the fields of the answer are a contract.
    void reply.header('x-guard-policy', health.guardPolicy)
    return reply.code(checks.length === 0 ? 200 : 503).send(answer(checks))
  })

  app.get('/livez', { schema: { ...schema, summary: 'Is the process alive?' } }, async () => answer([]))

  app.get(
    '/readyz',
    { schema: { ...schema, summary: 'Does it take new sessions?' } },
    async (_request, reply) => {
      const reason = whyNotReady(sessions)
      const checks = reason === undefined ? [] : [reason]
      return reply.code(checks.length === 0 ? 200 : 503).send(answer(checks))
    },
  )

  for (const { path, summary, source } of [
    { path: '/metrics', summary: 'Prometheus text of this container', source: metrics },
    { path: '/metrics/fleet', summary: 'Prometheus text of all containers', source: fleet },
  ]) {
    app.get(path, { schema: { ...metricsSchema, summary } }, async (request, reply) => {
      if (metricsToken !== null && !isToken(bearerTokenOf(request.headers), metricsToken)) {
        throw new ServiceError('API_KEY_REQUIRED', 'The metrics need the bearer token of MAYA_METRICS_TOKEN.')
      }
      return reply.type(metrics.contentType).send(await source.text())
    })
  }
}

function whyNotReady({ isDraining, isOverloaded, admissible }: SessionManager): string | undefined {
  if (isDraining) return 'Draining'
  if (isOverloaded) return 'The event loop is overloaded'
  return admissible === 0 ? 'No room for another session' : undefined
}

/** Compares in constant time, so that a wrong token tells nothing about the right one. */
function isToken(shown: string | undefined, token: string): boolean {
  const given = Buffer.from(shown ?? '')
  const wanted = Buffer.from(token)
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}
