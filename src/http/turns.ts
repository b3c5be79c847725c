import type { FastifyReply, FastifyRequest } from 'fastify'
import type { TurnOrigin } from '../conversation/observer.ts'
import type { TurnSpeechWish } from '../conversation/turn-context.ts'
import type { TurnEvents } from '../conversation/turn-events.ts'
import { ServiceError } from '../errors.ts'
import type { Guard } from '../security/guard.ts'
import type { Session } from '../sessions/session.ts'
import type { EventStreams } from './event-stream.ts'
import type { MessageRates } from './message-rates.ts'
import { keyWithoutSession, requestKey } from './request-key.ts'
import type { SessionIdentity } from './session-identity.ts'
import { positionIn, type LastEventId } from './stream-request.ts'
import { traceParentOf } from './trace-parent.ts'

export interface TurnsOptions {
  readonly identity: SessionIdentity
  readonly streams: EventStreams
  readonly rates: MessageRates
  readonly guard: Guard
}

/** What a guest says in a session, and the key under which it is said once. */
export interface Said {
  readonly session: Session
  readonly userInput: string
  readonly key: string | undefined
  /** How the answer is to be spoken; null where only its text is wanted. It is no part of the question. */
  readonly speech: TurnSpeechWish | null
}

/** One who follows a turn. */
export interface Follower {
  readonly events: TurnEvents
  readonly last: LastEventId | undefined
  readonly isListening: boolean
}

/** How a message becomes a turn and a turn becomes an answer, for all routes of the chat. */
export class Turns {
  readonly #options: TurnsOptions

  constructor(options: TurnsOptions) {
    this.#options = options
  }

  /** Lends the session that the request names, or a new one when it names none. */
  async withSession<Result>(
    request: FastifyRequest,
    reply: FastifyReply,
    use: (session: Session) => Promise<Result>,
  ): Promise<Result> {
    const { identity, rates } = this.#options
    if (identity.isNamed(request)) return identity.use(request, reply, use)
    if (request.headers['idempotency-key'] !== undefined) throw keyWithoutSession()
    await rates.askForNew(request, reply, identity.workspaceOfNew(request))
    return identity.create(request, reply, { use })
  }

  /**
   * Takes the message in. Whether by POST or by GET, streamed or not: the same message under the same key is the
   * same question and gets the turn that it has. Free is only what asks no model: an interrupted turn that is taken
   * up again is counted, and its message is not looked at again.
   */
  async send(
    { session, userInput, key, speech }: Said,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<TurnEvents> {
    // Before anything is waited for: a turn that runs meanwhile may ask what this message cannot be the answer to.
    const confirmationId = session.openConfirmationId
    const question = { operation: 'chat', body: { user_input: userInput } }
    const asked = key === undefined ? undefined : requestKey(key, question)
    const origin = originOf(request)
    const known = await session.findAsked(asked)
    if (known !== undefined) return known
    await this.#options.rates.take(request, reply, session)
    const takenUp = await session.takeUp(asked, { speech, origin })
    if (takenUp !== undefined) return takenUp
    // What is refused here never was in the session.
    const checked = await this.#options.guard.checkInput(userInput, session.keys.secrets)
    if (!checked.ok) throw new ServiceError(checked.code, checked.message)
    const { text, marks } = checked
    return session.send({ userInput: text, marks, request: asked, confirmationId, speech, origin })
  }

  /** Streams the turn's events; 204 for a reader that has them all. */
  stream(reply: FastifyReply, session: Session, { events, last, isListening }: Follower): FastifyReply {
    const after = positionIn(events, last)
    if (after !== null && events.isReadToEnd(after)) return reply.code(204).send()
    const sessionToken = this.#options.identity.tokenOf(session.id)
    const onClose = session.hold()
    try {
      this.#options.streams.serve(reply, { events, after, isListening, sessionToken, onClose })
    } catch (error) {
      onClose()
      throw error
    }
    return reply
  }
}

function originOf({ id: requestId, headers }: FastifyRequest): TurnOrigin {
  return { requestId, traceParent: traceParentOf(headers) }
}
