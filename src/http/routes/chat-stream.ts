import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { ServiceError } from '../../errors.ts'
import { fastest, slowest } from '../../voice/text-to-speech.ts'
import type { RouteOptions } from '../app.ts'
import { keyWithoutSession } from '../request-key.ts'
import { apiKeyWhereNeeded, messageSchema, mutating, problems } from '../schemas.ts'
import { assertStreamRequest, lastEventIdOf } from '../stream-request.ts'

/** What the events are is in the README; OpenAPI has no words for a stream of them. */
const eventStream = {
  description: 'The events of the turn.',
  content: { 'text/event-stream': { schema: Type.String() } },
}

const response = { 200: eventStream, 204: Type.Null(), ...problems }

const speechFields = {
  voice: Type.Optional(Type.Boolean({ description: 'Whether the answer is spoken, too.' })),
  voice_id: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'One of GET /voice.' })),
  voice_speed: Type.Optional(
    Type.Number({ minimum: slowest, maximum: fastest, description: '1 where missing.' }),
  ),
}

function sendSchema(messageCharactersMax: number) {
  return {
    tags: ['chat'],
    summary: 'Say something and get the answer as it is made',
    security: apiKeyWhereNeeded,
    ...mutating,
    body: Type.Object(
      { user_input: messageSchema(messageCharactersMax), ...speechFields },
      { additionalProperties: false },
    ),
    response,
  }
}

function readSchema(messageCharactersMax: number) {
  return {
    tags: ['chat'],
    summary: 'The same for EventSource, or attach to a turn, or go on after Last-Event-ID',
    querystring: Type.Object({
      session_id: Type.Optional(Type.String()),
      message: Type.Optional(messageSchema(messageCharactersMax)),
      idempotency_key: Type.Optional(Type.String({ description: 'Needed with `message`.' })),
      voice: Type.Optional(
        Type.Enum(['true', 'false'], {
          description:
            'With `message`: whether the answer is spoken, too. Else: false keeps out what is heard of a spoken one.',
        }),
      ),
      turn_id: Type.Optional(Type.String({ description: 'A turn to attach to.' })),
      last_event_id: Type.Optional(Type.String({ description: 'As the header Last-Event-ID.' })),
    }),
    response,
  }
}

/** Talking with the agent over server-sent events. */
export const chatStreamRoutes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, options) => {
  const { identity, turns, messageCharactersMax } = options

  app.post('/chat/stream', { schema: sendSchema(messageCharactersMax) }, (request, reply) => {
    const last = lastEventIdOf(request, undefined)
    return turns.withSession(request, reply, async (session) => {
      const {
        user_input: userInput,
        voice = false,
        voice_id: id = null,
        voice_speed: speed = 1,
      } = request.body
      const speech = voice ? { voice: id, speed } : null
      const said = { session, userInput, key: request.headers['idempotency-key'], speech }
      const events = await turns.send(said, request, reply)
      return turns.stream(reply, session, { events, last, isListening: voice })
    })
  })

  // No HEAD: it would say the message and hear nothing.
  const read = { schema: readSchema(messageCharactersMax), exposeHeadRoute: false }
  app.get('/chat/stream', read, async (request, reply) => {
    assertStreamRequest(request)
    const { message, idempotency_key: key, voice, turn_id: turnId, last_event_id: given } = request.query
    const last = lastEventIdOf(request, given)
    if (message !== undefined && key === undefined) {
      const detail = 'A message by GET needs idempotency_key, so that an automatic retry cannot order twice.'
      throw new ServiceError('BAD_REQUEST', detail)
    }
    if (message !== undefined && !identity.isNamed(request)) throw keyWithoutSession()
    return identity.use(request, reply, async (session) => {
      if (message === undefined) {
        const events = await session.findTurn(turnId ?? last?.turnId ?? nothingToStream())
        return turns.stream(reply, session, { events, last, isListening: voice !== 'false' })
      }
      const isListening = voice === 'true'
      const speech = isListening ? { voice: null, speed: 1 } : null
      const events = await turns.send({ session, userInput: message, key, speech }, request, reply)
      return turns.stream(reply, session, { events, last, isListening })
    })
  })
}

function nothingToStream(): never {
  const detail = 'Name a message with its idempotency_key, a turn_id, or a Last-Event-ID.'
  throw new ServiceError('BAD_REQUEST', detail)
}
