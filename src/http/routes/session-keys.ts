import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import type { FastifySchemaValidationError } from 'fastify'
import { ServiceError } from '../../errors.ts'
import type { KeysReport } from '../../sessions/guest-keys.ts'
import { answered } from '../answered.ts'
import type { RouteOptions } from '../app.ts'
import { refusalOfSchema } from '../error-handler.ts'
import { requestKeyOf } from '../request-key.ts'
import { mutating, problems } from '../schemas.ts'

const charactersMin = 8
const charactersMax = 512

const Key = Type.Union([
  Type.String({ minLength: charactersMin, maxLength: charactersMax, pattern: '^[!-~]+$' }),
  Type.Null(),
])

const KeysBody = Type.Object(
  { gemini_key: Type.Optional(Key), cartesia_key: Type.Optional(Key) },
  { additionalProperties: false, minProperties: 1 },
)

const keysRule =
  'The body must have gemini_key, cartesia_key or both, and nothing else. ' +
  `Each is null, to remove the key, or ${charactersMin} to ${charactersMax} characters of ASCII without blanks.`

const KeyStatusWire = Type.Union([
  Type.Literal('valid'),
  Type.Literal('unverified'),
  Type.Literal('rejected'),
  Type.Literal('none'),
])

const KeysWire = Type.Object({
  status: Type.Literal('stored'),
  session_id: Type.String(),
  has_valid_keys: Type.Boolean({ description: 'Whether answers are made with the guest’s own key.' }),
  keys: Type.Object({ gemini: KeyStatusWire, cartesia: KeyStatusWire }),
  reasons: Type.Optional(
    Type.Object(
      { gemini: Type.Optional(Type.String()), cartesia: Type.Optional(Type.String()) },
      { description: 'Why a key could not be verified.' },
    ),
  ),
})

const keysSchema = {
  tags: ['session'],
  summary: 'Bring, change or remove keys of one’s own',
  ...mutating,
  body: KeysBody,
  response: { 200: KeysWire, ...problems },
}

/** The guest's own keys. They come in and never go out again. */
export const sessionKeyRoutes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, options) => {
  const { identity, rates, listening } = options
  app.post(
    '/session/keys',
    { schema: keysSchema, schemaErrorFormatter: keysError },
    async (request, reply) => {
      void reply.header('cache-control', 'no-store')
      const { gemini_key: gemini, cartesia_key: cartesia } = request.body
      const wanted = { gemini, cartesia }
      return identity.use(request, reply, async (session) => {
        const { id, keys, cashier } = session
        // The log keeps a hash of the question; of a key it must be one that nobody can try keys against.
        const key = requestKeyOf(request, { operation: 'keys', body: keys.fingerprint(wanted) })
        const before = cashier.answeredBefore(key)
        if (before !== undefined) return answered(reply, before)
        const isChecked = typeof gemini === 'string' || typeof cartesia === 'string'
        if (isChecked) await rates.takeKeyCheck(request, reply, session)
        const present = (report: KeysReport) => ({
          status: 200,
          body: keysWire(report, identity.tokenOf(id)),
        })
        const answer = await keys.change(wanted, key, present)
        // Also what is listened to with the key that was.
        if (cartesia !== undefined) listening.end(id, 'session-changed')
        return answered(reply, answer)
      })
    },
  )
}

function keysWire(report: KeysReport, token: string): Static<typeof KeysWire> {
  const { hasValid, keys, reasons } = report
  return {
    status: 'stored',
    session_id: token,
    has_valid_keys: hasValid,
    keys,
    ...(Object.keys(reasons).length > 0 && { reasons }),
  }
}

/** In one sentence, because a key is one of two shapes; and never with what came. */
function keysError(errors: FastifySchemaValidationError[], context: string): Error {
  return context === 'body' ? new ServiceError('BAD_REQUEST', keysRule) : refusalOfSchema(errors, context)
}
