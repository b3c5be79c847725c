import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import { contentOf } from '../../conversation/messages.ts'
import type { TurnEvents } from '../../conversation/turn-events.ts'
import { ServiceError } from '../../errors.ts'
import type { SessionState } from '../../log/state.ts'
import type { Answer } from '../../sessions/cashier.ts'
import type { Stopping } from '../../sessions/heard.ts'
import { answered } from '../answered.ts'
import type { RouteOptions } from '../app.ts'
import { requestKeyOf } from '../request-key.ts'
import { apiKeyWhereNeeded, messageSchema, mutating, problems, SessionQuery } from '../schemas.ts'
import { stateAfter } from '../state-after.ts'
import {
  historyWire,
  HistoryEntryWire,
  orderWire,
  OrderLineWire,
  tabWire,
  TabWire,
  usageWire,
  UsageWire,
} from '../wire.ts'

const ChatAnswer = Type.Object({
  response_text: Type.String(),
  history: Type.Array(HistoryEntryWire),
  current_order: Type.Array(OrderLineWire),
  payment_summary: TabWire,
  usage: UsageWire,
  turn_id: Type.String(),
})

const History = Type.Object({
  history: Type.Array(HistoryEntryWire),
  running_turn_id: Type.Union([Type.String(), Type.Null()]),
})

const tags = ['chat']

const historySchema = {
  tags,
  summary: 'What was said',
  querystring: SessionQuery,
  response: { 200: History, ...problems },
}

const stopSchema = {
  tags,
  summary: 'Stop the running answer, and say how much of it was heard',
  ...mutating,
  body: Type.Object(
    {
      turn_id: Type.Optional(Type.String({ description: 'Only this one.' })),
      heard_characters: Type.Optional(
        Type.Integer({
          minimum: 0,
          description:
            'Needs `turn_id`. The history keeps so many characters of what was said, in units of UTF-16.',
        }),
      ),
    },
    { additionalProperties: false },
  ),
  response: { 200: Type.Object({ stopped: Type.Boolean() }), ...problems },
}

function chatSchema(messageCharactersMax: number) {
  return {
    tags,
    summary: 'Say something and get the whole answer',
    security: apiKeyWhereNeeded,
    ...mutating,
    body: Type.Object({ user_input: messageSchema(messageCharactersMax) }, { additionalProperties: false }),
    response: { 200: ChatAnswer, ...problems },
  }
}

/** Talking with the agent, without a stream. */
export const chatRoutes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, options) => {
  const { identity, turns, turnsKeptMax } = options

  app.post('/chat', { schema: chatSchema(options.messageCharactersMax) }, (request, reply) =>
    turns.withSession(request, reply, async (session) => {
      const { user_input: userInput } = request.body
      const said = { session, userInput, key: request.headers['idempotency-key'], speech: null }
      const events = await turns.send(said, request, reply)
      const wasAnswered = events.isEnded
      await events.whenEnded
      const { log } = session
      // Asked again, it is answered as it was then, whatever has happened since.
      const state = wasAnswered ? stateAfter(events.turnId, await log.events(), turnsKeptMax) : log.state
      return chatAnswer(events, state)
    }),
  )

  app.get('/chat/history', { schema: historySchema }, (request, reply) =>
    identity.use(request, reply, ({ log, openTurnId }) => ({
      history: historyWire(log.state.turns),
      running_turn_id: openTurnId,
    })),
  )

  app.post('/chat/stop', { schema: stopSchema }, (request, reply) =>
    identity.use(request, reply, async (session) => {
      const stopping = stoppingOf(request.body)
      const key = requestKeyOf(request, { operation: 'stop', body: request.body ?? null })
      return answered(reply, await session.stop(key, stopAnswer, stopping))
    }),
  )
}

function stopAnswer(stopped: boolean): Answer {
  return { status: 200, body: { stopped } }
}

interface StopWire {
  readonly turn_id?: string
  readonly heard_characters?: number
}

/** Many stop without a body. */
function stoppingOf(body: StopWire | undefined): Stopping {
  const { turn_id: turnId, heard_characters: heardCharacters } = body ?? {}
  if (heardCharacters !== undefined && turnId === undefined) {
    throw new ServiceError('BAD_REQUEST', 'heard_characters needs turn_id: which answer was heard.')
  }
  return { turnId, heardCharacters }
}

function chatAnswer({ last, turnId }: TurnEvents, { turns, bar }: SessionState): Static<typeof ChatAnswer> {
  if (last?.type === 'error') throw new ServiceError(last.code, last.message)
  if (last?.type !== 'complete') throw new Error('A turn ended without its last event.')
  // What is told again may end where its guest broke in; a session that was reset has no such turn any more.
  const turn = turns.findLast((candidate) => candidate.turnId === turnId)
  return {
    response_text: turn === undefined ? last.content : contentOf(turn),
    history: historyWire(turns),
    current_order: orderWire(bar.lines),
    payment_summary: tabWire(bar),
    usage: usageWire(last.usage),
    turn_id: turnId,
  }
}
