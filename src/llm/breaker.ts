import type { Clock } from '../clock.ts'
import { withOpening, type Opening, type OpeningOptions } from './hand-over.ts'
import { ModelError, type Model } from './model.ts'
import type { ModelObserver } from './observed.ts'

export interface BreakerOptions {
  readonly provider: string
  readonly clock: Clock
  /** Outages in a row after which the provider is left alone. */
  readonly failuresMax: number
  /** How long it is left alone before one request may probe it. */
  readonly openMs: number
  readonly observer: Pick<ModelObserver, 'breakerChanged'>
}

/**
 * What became of a request. `unknown`: it was aborted, or its answer says nothing about the provider for others, as
 * one about a key, its rate limit, or what was asked.
 */
type Outcome = 'answered' | 'outage' | 'unknown'

/** Knows whether a provider answers. One for all models of a provider, with whatever key. */
export interface Breaker {
  /**
   * Before every request; the result takes what became of it, once.
   * Throws `MODEL_UNAVAILABLE` at once while the provider is left alone.
   */
  admit(): (outcome: Outcome) => void
}

/** How long to wait for a probe that is under way. */
const probeMs = 1000

export function createBreaker(options: BreakerOptions): Breaker {
  const { provider, clock, failuresMax, openMs, observer } = options
  let failures = 0
  /** Undefined while it is closed. */
  let openUntil: number | undefined
  let isProbing = false
  /** Grows when it opens and closes: what began before that says nothing about now. */
  let era = 0

  function turn(until: number | undefined): void {
    if ((openUntil === undefined) !== (until === undefined)) {
      observer.breakerChanged(provider, until !== undefined)
    }
    openUntil = until
    failures = 0
    isProbing = false
    era++
  }

  function record(outcome: Outcome): void {
    if (outcome === 'outage') failures++
    const isOpen = openUntil !== undefined
    if (outcome === 'unknown') isProbing = false
    else if (outcome === 'outage' && (isOpen || failures >= failuresMax)) turn(clock.now() + openMs)
    else if (outcome === 'answered' && isOpen) turn(undefined)
    else if (outcome === 'answered') failures = 0
  }

  return {
    admit() {
      if (openUntil !== undefined) {
        const leftMs = openUntil - clock.now()
        if (leftMs > 0 || isProbing) throw leftAlone(Math.max(leftMs, probeMs))
        isProbing = true
      }
      const admittedIn = era
      let isTold = false
      return (outcome) => {
        if (!isTold && admittedIn === era) record(outcome)
        isTold = true
      }
    },
  }
}

/** Spares a provider that fails, and guests the wait for it. */
export function withBreaker(model: Model, { breaker }: { readonly breaker: Breaker }): Model {
  return withOpening(model, (opening) => openAdmitted(model, breaker, opening))
}

async function* openAdmitted(model: Model, breaker: Breaker, { ask, signal }: OpeningOptions): Opening {
  const tell = breaker.admit()
  try {
    const next = ask(model)
    for (;;) {
      const event = await next()
      if (event.type !== 'progress') tell('answered')
      yield event
      if (event.type !== 'progress') return
    }
  } catch (error) {
    if (!signal.aborted && error instanceof ModelError && error.isDown) tell('outage')
    throw error
  } finally {
    tell('unknown')
  }
}

function leftAlone(retryAfterMs: number): ModelError {
  const message = 'The model cannot be reached at the moment. Ask again shortly.'
  return new ModelError('MODEL_UNAVAILABLE', message, { retryable: true, retryAfterMs })
}
