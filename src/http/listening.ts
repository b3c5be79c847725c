import type { WebSocket } from '@fastify/websocket'
import { every } from '../clock.ts'
import type { Limits } from '../config/limits.ts'
import { ServiceError } from '../errors.ts'
import { sessionNotFound } from '../log/session-log.ts'
import type { Session } from '../sessions/session.ts'
import type { ListenMode, SpeechToText } from '../voice/speech-to-text.ts'
import { VoiceError } from '../voice/text-to-speech.ts'
import type { EndingName } from './listen-wire.ts'
import { Listener, type ListenerParts } from './listener.ts'

export interface ListeningOptions extends ListenerParts {
  readonly limits: ListenerParts['limits'] &
    Pick<Limits, 'listenersMax' | 'heartbeatMs' | 'retryAfterSeconds'>
}

/** Ears that are lent until they are given back. */
interface LentEars {
  readonly speechToText: SpeechToText
  readonly release: () => void
}

/** What it needs of a session. */
export type HeardSession = Pick<Session, 'id' | 'hold' | 'isDisposed'> & {
  /** Null where nobody listens. */
  readonly keys: { lendEars(): LentEars | null }
}

/** A place for one guest who is listened to; the session stays live as long as it is taken. */
export interface Seat {
  /** Gives the place back. Called when the connection has ended, whether it ever became a socket or not. */
  readonly leave: () => void
  /** Takes the socket over. */
  readonly serve: (socket: WebSocket) => void
}

/** Invariant: a session has one listener at most that is not over, and no more than two with the one that leaves. */
export class Listening {
  readonly #options: ListeningOptions
  readonly #seats = new Set<TakenSeat>()
  readonly #stopHeartbeat: () => void
  #isClosed = false

  constructor(options: ListeningOptions) {
    this.#options = options
    this.#stopHeartbeat = every(options.clock, options.limits.heartbeatMs, () => {
      for (const { listener } of this.#seats) listener?.beat()
    })
  }

  /** Places that are taken. */
  get count(): number {
    return this.#seats.size
  }

  /**
   * Takes a place. Throws `VOICE_UNAVAILABLE`, `VOICE_BUSY`, `DRAINING`, why the guest's key cannot be used, and
   * `SESSION_NOT_FOUND` for a session that has just ended: nobody would end this one with it.
   */
  admit(session: HeardSession, mode: ListenMode): Seat {
    const { listenersMax, retryAfterSeconds } = this.#options.limits
    if (this.#isClosed) {
      const message = 'This server is closing. Please try again in a moment.'
      throw new ServiceError('DRAINING', message, { retryAfterSeconds })
    }
    if (session.isDisposed) throw sessionNotFound()
    // Who is listened to already gives that place up.
    const others = this.#seats.size - Math.min(1, this.#seatsOf(session.id).length)
    if (others >= listenersMax) {
      const message = 'Maya listens to as many guests as she can. Try again in a moment, or type.'
      throw new ServiceError('VOICE_BUSY', message, { retryAfterSeconds })
    }
    const ears = lendEars(session)
    const seat = new TakenSeat({ sessionId: session.id, ears, unhold: session.hold() })
    this.#seats.add(seat)
    return {
      leave: () => {
        this.#seats.delete(seat)
        seat.leave()
      },
      serve: (socket) => {
        this.#replaceOlderThan(seat)
        seat.serve(new Listener(socket, { ...this.#options, ears: ears.speechToText, mode }))
      },
    }
  }

  /** Ends listening to this session, if it is listened to. */
  end(sessionId: string, name: EndingName): void {
    for (const seat of this.#seatsOf(sessionId)) seat.end(name)
  }

  /** Admits nobody any more and says so to all who are listened to. */
  close(): void {
    this.#isClosed = true
    this.#stopHeartbeat()
    for (const seat of this.#seats) seat.end('closing')
  }

  /** The newest of a session is the one that is listened to. One that has not left by then is not waited for. */
  #replaceOlderThan(newer: TakenSeat): void {
    for (const seat of this.#seatsOf(newer.sessionId)) {
      // Those behind it came later, although their sockets are not open yet.
      if (seat === newer) return
      if (seat.listener?.isOver === true) seat.listener.cut()
      else seat.end('replaced')
    }
  }

  /** The oldest first. */
  #seatsOf(sessionId: string): readonly TakenSeat[] {
    return [...this.#seats].filter((seat) => seat.sessionId === sessionId)
  }
}

interface SeatOptions {
  readonly sessionId: string
  readonly ears: LentEars
  readonly unhold: () => void
}

class TakenSeat {
  readonly sessionId: string
  listener: Listener | undefined
  readonly #options: SeatOptions
  /** Why it ends, when that was known before there was a socket. */
  #ending: EndingName | undefined

  constructor(options: SeatOptions) {
    this.sessionId = options.sessionId
    this.#options = options
  }

  serve(listener: Listener): void {
    this.listener = listener
    if (this.#ending !== undefined) listener.end(this.#ending)
  }

  end(name: EndingName): void {
    this.#ending ??= name
    this.listener?.end(name)
  }

  leave(): void {
    const { unhold, ears } = this.#options
    unhold()
    if (this.listener === undefined) ears.release()
    // Until then they may be in use.
    else void this.listener.whenEarsEnded.then(ears.release)
  }
}

function lendEars({ keys }: HeardSession): LentEars {
  try {
    const ears = keys.lendEars()
    if (ears !== null) return ears
  } catch (error) {
    if (error instanceof VoiceError) throw new ServiceError(error.code, error.message, { cause: error })
    throw error
  }
  const message = 'This server does not listen. A browser may do it itself, or you can type.'
  throw new ServiceError('VOICE_UNAVAILABLE', message)
}
