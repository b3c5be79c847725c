import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import fastifyPlugin from 'fastify-plugin'

/** What its page needs. The plugin's own policy would load everything by https, also where there is none. */
const docsPolicy = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'", 'data:'],
  'font-src': ["'self'", 'data:'],
  'connect-src': ["'self'"],
  'base-uri': ["'none'"],
  'form-action': ["'none'"],
  'frame-ancestors': ["'none'"],
}

/** OpenAPI 3.1 at /openapi.json, made from the schemas of the routes, and its page at /docs. */
export const openApi = fastifyPlugin(async (app: FastifyInstance) => {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Maya',
        description: 'A conversational agent server. Errors are application/problem+json (RFC 9457).',
        version: '1',
      },
      components: {
        securitySchemes: {
          apiKey: {
            type: 'http',
            scheme: 'bearer',
            description:
              'A key of MAYA_API_KEYS. Where there are any, making a session needs one; a session that exists is ' +
              'open to its own id, and with a key beside it only in the workspace of that key.',
          },
          metricsToken: {
            type: 'http',
            scheme: 'bearer',
            description: 'The token of MAYA_METRICS_TOKEN, where it is set.',
          },
        },
      },
      tags: ['chat', 'session', 'payments', 'voice', 'menu', 'health'].map((name) => ({ name })),
    },
  })
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: docsPolicy })
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger())
})
