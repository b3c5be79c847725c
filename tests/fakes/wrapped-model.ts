import type { Clock } from '../../src/clock.ts'
import { createBreaker, withBreaker } from '../../src/llm/breaker.ts'
import { withFallback } from '../../src/llm/fallback.ts'
import type { Model } from '../../src/llm/model.ts'
import { observed } from '../../src/llm/observed.ts'
import { withRetries } from '../../src/llm/retries.ts'
import { withWatchdog } from '../../src/llm/watchdog.ts'
import { NotedModels } from './played-model.ts'

/** A model in all its wrappers, as a service joins them, and the second one where it fails. */
export function wrapped(
  first: Model,
  second: Model,
  { clock, attemptsMax = 3 }: { readonly clock: Clock; readonly attemptsMax?: number },
): Model {
  const observer = new NotedModels()
  const guard = (model: Model): Model => {
    const watched = withWatchdog(model, { clock, firstMs: 30_000, silenceMs: 20_000 })
    const retried = withRetries(observed(watched, observer), {
      clock,
      random: () => 0,
      attemptsMax,
      deadlineMs: 45_000,
      warmUpMs: 0,
      observer,
    })
    const breaker = createBreaker({
      provider: model.name,
      clock,
      failuresMax: 100,
      openMs: 15_000,
      observer,
    })
    return withBreaker(retried, { breaker })
  }
  return withFallback(guard(first), guard(second), observer)
}
