import type { FastifyReply, FastifyRequest } from 'fastify'
import { ServiceError } from '../errors.ts'
import type { LimitName, RateKeys, RateLimits, RateVerdict, Standing } from '../security/rate-limits.ts'
import type { Session } from '../sessions/session.ts'
import { placeOf } from './client-address.ts'

export interface RateObserver {
  rateLimited(limit: LimitName): void
}

/** What every counted answer says of the tightest limit; pages of other origins may read it. */
export const rateHeaders = ['ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'] as const

export interface MessageRatesOptions {
  readonly limits: RateLimits
  readonly observer: RateObserver
}

/** Counts what guests ask for, says with every answer how many are left, and refuses with `RATE_LIMITED`. */
export class MessageRates {
  readonly #limits: RateLimits
  readonly #observer: RateObserver

  constructor({ limits, observer }: MessageRatesOptions) {
    this.#limits = limits
    this.#observer = observer
  }

  /** Refuses a message for which a session would be made in vain. Takes nothing: that session may not be admitted. */
  async askForNew(request: FastifyRequest, reply: FastifyReply, workspace: string): Promise<void> {
    this.#answer(reply, await this.#limits.ask(sharedKeys(request, workspace)))
  }

  /** Counts one message. */
  async take(request: FastifyRequest, reply: FastifyReply, { id, log }: Session): Promise<void> {
    const keys = { session: id, burst: id, ...sharedKeys(request, log.state.workspace) }
    this.#answer(reply, await this.#limits.take(keys))
  }

  /** Counts one check of a guest's own key, which is a call to its vendor. Sessions cost nothing, so by address too. */
  async takeKeyCheck(request: FastifyRequest, reply: FastifyReply, { id }: Session): Promise<void> {
    this.#answer(reply, await this.#limits.take({ keys: [id, placeOf(request.ip)] }))
  }

  /** Counts one socket that listens: each is a connection to a vendor. Sessions cost nothing, so by address too. */
  async takeListen(request: FastifyRequest, reply: FastifyReply, { id }: Session): Promise<void> {
    this.#answer(reply, await this.#limits.take({ listens: [id, placeOf(request.ip)] }))
  }

  /** Lets go of what is remembered of a session. */
  letGo(id: string): void {
    this.#limits.letGo({ session: id, burst: id, keys: id, listens: id })
  }

  #answer(reply: FastifyReply, { ok, tightest }: RateVerdict): void {
    if (tightest === null) return
    const seconds = Math.ceil(tightest.waitMs / 1000)
    const values = [tightest.max, tightest.remaining, seconds]
    for (const [index, name] of rateHeaders.entries()) void reply.header(name, String(values[index]))
    if (ok) return
    this.#observer.rateLimited(tightest.limit)
    throw refusalOf(tightest, seconds)
  }
}

function sharedKeys(request: FastifyRequest, workspace: string): RateKeys {
  return { workspace, address: placeOf(request.ip), app: '' }
}

const sentences = {
  session: 'You are faster than Maya can pour.',
  burst: 'You are faster than Maya can pour.',
  workspace: 'This bar has many guests at the moment.',
  address: 'Many messages come from where you are.',
  app: 'This bar has many guests at the moment.',
  keys: 'Keys can be checked only a few times a minute.',
  listens: 'Maya can begin to listen only so many times a minute.',
} as const satisfies Record<LimitName, string>

function refusalOf({ limit }: Standing, retryAfterSeconds: number): ServiceError {
  const message = `${sentences[limit]} Please try again in a moment.`
  return new ServiceError('RATE_LIMITED', message, { retryAfterSeconds })
}
