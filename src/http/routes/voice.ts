import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type, type Static } from 'typebox'
import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../../errors.ts'
import { fastest, slowest, VoiceError } from '../../voice/text-to-speech.ts'
import type { RouteOptions } from '../app.ts'
import { listenModes } from '../listen-wire.ts'
import type { Seat } from '../listening.ts'
import { problems, SessionQuery } from '../schemas.ts'
import type { VoiceChoices } from '../voice-choices.ts'

const VoiceWire = Type.Object({
  speaks: Type.Boolean(),
  listens: Type.Boolean(),
  provider: Type.Union([Type.String(), Type.Null()], { description: 'Who speaks.' }),
  voices: Type.Array(Type.Object({ id: Type.String(), name: Type.String() })),
  default_voice: Type.Union([Type.String(), Type.Null()]),
  speed: Type.Object({ min: Type.Number(), max: Type.Number() }),
})

const voiceSchema = {
  tags: ['voice'],
  summary: 'How Maya speaks and whether she listens',
  querystring: SessionQuery,
  response: { 200: VoiceWire, ...problems },
}

const listenSchema = {
  tags: ['voice'],
  summary: 'A WebSocket that hears what a guest says; docs/voice.md describes its frames',
  querystring: Type.Object({
    ...SessionQuery.properties,
    mode: Type.Union([Type.Literal('hands_free'), Type.Literal('push_to_talk')]),
  }),
  response: { 101: { description: 'The socket is open.', type: 'null' }, ...problems },
}

type ListenRequest = FastifyRequest<{ Querystring: Static<(typeof listenSchema)['querystring']> }>

/** Speaking and listening. What was heard is no message yet: the client sends it as every other one. */
export const voiceRoutes: FastifyPluginAsyncTypebox<RouteOptions> = async (app, options) => {
  const { identity, rates, listening } = options
  /** The places of the requests that are about to become sockets. */
  const seats = new WeakMap<FastifyRequest, Seat>()

  app.get('/voice', { schema: voiceSchema }, (request, reply) => {
    if (!identity.isNamed(request)) return describeVoice(options.voices, options.voiceChoices)
    return identity.use(request, reply, ({ keys }) => {
      const ears = orNull(() => keys.lendEars())
      ears?.release()
      const voice = orNull(() => keys.lendVoice())
      const lent = { textToSpeech: voice?.textToSpeech ?? null, speechToText: ears?.speechToText ?? null }
      return describeVoice(lent, options.voiceChoices).finally(() => voice?.release())
    })
  })

  app.route({
    method: 'GET',
    url: '/voice/listen',
    exposeHeadRoute: false,
    schema: listenSchema,
    // All that can be refused is refused before the upgrade, where it can be said by status and problem.
    preHandler: async (request: ListenRequest, reply) => {
      if (!request.ws) return
      // Not only with the cookie: no script of another origin may listen to a guest.
      identity.refuseOtherOrigin(request)
      await identity.use(request, reply, async (session) => {
        await rates.takeListen(request, reply, session)
        const seat = listening.admit(session, listenModes[request.query.mode])
        if (reply.raw.destroyed) return seat.leave()
        reply.raw.once('close', seat.leave)
        seats.set(request, seat)
      })
    },
    handler: () => {
      throw new ServiceError('BAD_REQUEST', 'This address is for WebSockets.')
    },
    wsHandler: (socket, request) => seats.get(request)?.serve(socket),
  })
}

async function describeVoice(
  { textToSpeech, speechToText }: RouteOptions['voices'],
  choices: VoiceChoices,
): Promise<Static<typeof VoiceWire>> {
  const voices = textToSpeech === null ? [] : await choices.of(textToSpeech)
  return {
    speaks: textToSpeech !== null,
    listens: speechToText !== null,
    provider: textToSpeech?.name ?? null,
    voices: voices.map(({ id, name }) => ({ id, name })),
    default_voice: voices[0]?.id ?? null,
    speed: { min: slowest, max: fastest },
  }
}

/** Who has a key that cannot be used is not spoken to, which is no error here. */
function orNull<Lent>(lend: () => Lent | null): Lent | null {
  try {
    return lend()
  } catch (error) {
    if (error instanceof VoiceError) return null
    throw error
  }
}
