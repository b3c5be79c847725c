import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { FastifySchemaValidationError } from 'fastify'
import type { Tip } from '../../bar/bar.ts'
import { ServiceError } from '../../errors.ts'
import { answered } from '../answered.ts'
import type { RouteOptions } from '../app.ts'
import { refusalOfSchema } from '../error-handler.ts'
import { requestKeyOf } from '../request-key.ts'
import { mutating, problems, SessionQuery } from '../schemas.ts'
import { ReceiptWire, tabWire, TabWire } from '../wire.ts'

const tipDollarsMax = 1000

const TipBody = Type.Union([
  Type.Object(
    {
      tip_percentage: Type.Union([Type.Literal(10), Type.Literal(15), Type.Literal(20), Type.Null()]),
    },
    { additionalProperties: false },
  ),
  Type.Object(
    { tip_amount: Type.Number({ minimum: 0, maximum: tipDollarsMax, description: 'Dollars and cents.' }) },
    { additionalProperties: false },
  ),
])

const tipRule =
  'The body must be {"tip_percentage": 10, 15, 20 or null} or ' +
  `{"tip_amount": dollars from 0 to ${tipDollarsMax} with at most two decimals}.`

const PayBody = Type.Object(
  { expected_total_cents: Type.Optional(Type.Integer({ minimum: 0 })) },
  { additionalProperties: false },
)

const ConfirmBody = Type.Object(
  { confirmation_id: Type.String({ minLength: 1, maxLength: 200 }), accept: Type.Boolean() },
  { additionalProperties: false },
)

const Paid = Type.Object({ receipt: Type.Optional(ReceiptWire), tab: TabWire })

const tags = ['payments']

const tabSchema = {
  tags,
  summary: 'What is to be paid',
  querystring: SessionQuery,
  response: { 200: TabWire, ...problems },
}

const tipSchema = {
  tags,
  summary: 'Set the tip; the same percentage twice removes it',
  ...mutating,
  body: TipBody,
  response: { 200: TabWire, ...problems },
}

const paySchema = {
  tags,
  summary: 'Pay tab and tip',
  ...mutating,
  body: PayBody,
  response: { 200: Paid, ...problems },
}

const confirmSchema = {
  tags,
  summary: 'Grant or withdraw the payment that the agent asked for',
  ...mutating,
  body: ConfirmBody,
  response: { 200: Paid, ...problems },
}

/** Tip and payment by the guest's own hand. */
export const paymentRoutes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, { identity }) => {
  app.get('/payments/tab', { schema: tabSchema }, (request, reply) =>
    identity.use(request, reply, ({ log }) => tabWire(log.state.bar)),
  )

  app.post('/payments/tip', { schema: tipSchema, schemaErrorFormatter: tipError }, (request, reply) => {
    const tip = tipOf(request.body)
    const key = requestKeyOf(request, { operation: 'tip', body: request.body })
    return identity.use(request, reply, async ({ cashier }) => answered(reply, await cashier.tip(tip, key)))
  })

  app.post('/payments/pay', { schema: paySchema }, (request, reply) => {
    const { expected_total_cents: expectedTotalCents } = request.body
    const key = requestKeyOf(request, { operation: 'pay', body: request.body })
    return identity.use(request, reply, async ({ cashier }) =>
      answered(reply, await cashier.pay({ request: key, expectedTotalCents })),
    )
  })

  app.post('/payments/confirm', { schema: confirmSchema }, (request, reply) => {
    const { confirmation_id: confirmationId, accept } = request.body
    const key = requestKeyOf(request, { operation: 'confirm', body: request.body })
    return identity.use(request, reply, async ({ cashier }) => {
      if (accept) return answered(reply, await cashier.pay({ request: key, confirmationId }))
      const { status, body: tab } = await cashier.decline(confirmationId, key)
      return answered(reply, { status, body: { tab } })
    })
  })
}

function tipOf(body: { tip_percentage: 10 | 15 | 20 | null } | { tip_amount: number }): Tip | null {
  if ('tip_percentage' in body) {
    const { tip_percentage: percentage } = body
    return percentage === null ? null : { kind: 'percentage', percentage }
  }
  const cents = Math.round(body.tip_amount * 100)
  // Both are the number that is nearest to these dollars and cents, so they are the same or it had more decimals.
  if (cents / 100 !== body.tip_amount) throw new ServiceError('BAD_REQUEST', tipRule)
  return { kind: 'amount', cents }
}

/** Which of two shapes was meant cannot be told, so both are said. */
function tipError(errors: FastifySchemaValidationError[], context: string): Error {
  return context === 'body' ? new ServiceError('BAD_REQUEST', tipRule) : refusalOfSchema(errors, context)
}
