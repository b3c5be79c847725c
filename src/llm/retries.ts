import { sleep, type Clock } from '../clock.ts'
import { withOpening, type Opening, type OpeningOptions } from './hand-over.ts'
import { ModelError, type Model } from './model.ts'
import type { ModelObserver } from './observed.ts'

export interface RetryOptions {
  readonly clock: Clock
  /** From 0 to 1. */
  readonly random: () => number
  /** How often a reply is asked for in all. */
  readonly attemptsMax: number
  /** How long all of it may take, up to the first event. */
  readonly deadlineMs: number
  /** How long a model that is still starting is waited for; 0: that is a failure like any other. */
  readonly warmUpMs: number
  readonly observer: Pick<ModelObserver, 'modelRetried'>
}

/** The pause after the first failure is up to this, and doubles with every further one. */
const pauseMs = 500
const pauseMsMax = 8000
/** A starting model is asked again after one to two of these. */
const warmUpPollMs = 2000

/**
 * Asks again when a model fails before it has said anything, for as long as that can help. Never in mid-stream: what
 * the guest has read cannot be taken back.
 */
export function withRetries(model: Model, options: RetryOptions): Model {
  return withOpening(model, (opening) => openPatiently(model, options, opening))
}

async function* openPatiently(model: Model, options: RetryOptions, opening: OpeningOptions): Opening {
  const { clock, attemptsMax, deadlineMs, warmUpMs, observer } = options
  const { ask, signal } = opening
  const startedAt = clock.now()
  let deadlineAt = startedAt + deadlineMs
  for (let failures = 0; ;) {
    let failure: ModelError
    try {
      const next = ask(model)
      for (;;) {
        const event = await within(clock, deadlineAt - clock.now(), next())
        yield event
        if (event.type !== 'progress' || event.what !== 'warming-up') return
        // A model that says itself that it is starting has the same time for it as one that fails meanwhile.
        if (clock.now() - startedAt < warmUpMs) deadlineAt = clock.now() + deadlineMs
      }
    } catch (error) {
      if (!(error instanceof ModelError)) throw error
      failure = error
    }
    if (failure.isStarting && warmUpMs > 0) {
      const pause = warmUpPause(failure, startedAt + warmUpMs - clock.now(), options)
      yield { type: 'progress', what: 'warming-up' }
      await sleep(clock, pause, signal)
      deadlineAt = clock.now() + deadlineMs
      continue
    }
    const pause = pauseAfter(failure, ++failures, options)
    if (!failure.retryable || failures >= attemptsMax || clock.now() + pause >= deadlineAt) throw failure
    await sleep(clock, pause, signal)
    observer.modelRetried(model.name)
  }
}

/** Full jitter, on top of what the provider asked for. */
function pauseAfter({ retryAfterMs = 0 }: ModelError, failures: number, { random }: RetryOptions): number {
  return retryAfterMs + random() * Math.min(pauseMsMax, pauseMs * 2 ** (failures - 1))
}

/** The last time is at the very end of the patience. Throws where that is over, or too short for the provider. */
function warmUpPause(failure: ModelError, leftMs: number, { random }: RetryOptions): number {
  const { retryAfterMs = 0 } = failure
  if (leftMs > 0 && retryAfterMs <= leftMs) {
    return Math.min(leftMs, Math.max(retryAfterMs, warmUpPollMs * (1 + random())))
  }
  const message = 'The model is still starting. Ask again in a minute.'
  const { isDown } = failure
  throw new ModelError('MODEL_UNAVAILABLE', message, {
    cause: failure,
    retryable: true,
    isStarting: true,
    isDown,
  })
}

/** The same, but no longer than this. */
async function within<Value>(clock: Clock, ms: number, value: Promise<Value>): Promise<Value> {
  const late = Promise.withResolvers<never>()
  const cancel = clock.after(Math.max(0, ms), () => {
    const message = 'The model took too long to answer. Ask again.'
    late.reject(new ModelError('MODEL_TIMEOUT', message, { retryable: true, isDown: true }))
  })
  try {
    return await Promise.race([value, late.promise])
  } finally {
    cancel()
  }
}
