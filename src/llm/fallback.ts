import { withOpening, type Opening, type OpeningOptions } from './hand-over.ts'
import type { Model } from './model.ts'
import type { ModelObserver } from './observed.ts'
import { isOutage } from './outage.ts'

/**
 * The second model answers when the first fails before its first text or tool call. Only for an outage: what the
 * first refused to say is not asked of another, and a guest is told what is wrong with their own key.
 */
export function withFallback(
  first: Model,
  second: Model,
  observer: Pick<ModelObserver, 'modelFellBack'>,
): Model {
  return withOpening(first, (opening) => openEither({ first, second, observer }, opening))
}

interface Pair {
  readonly first: Model
  readonly second: Model
  readonly observer: Pick<ModelObserver, 'modelFellBack'>
}

async function* openEither({ first, second, observer }: Pair, opening: OpeningOptions): Opening {
  const { ask, request, signal } = opening
  try {
    const next = ask(first)
    for (;;) {
      const event = await next()
      yield event
      if (event.type !== 'progress') return
    }
  } catch (error) {
    // A model that only tends a bar has nothing to say where there are no tools, such as for a summary.
    const canAnswer = second.isGeneral || request.tools.length > 0
    if (signal.aborted || !isOutage(error) || !canAnswer) throw error
  }
  observer.modelFellBack(first.name)
  yield { type: 'progress', what: 'fell-back', provider: second.name, isGeneral: second.isGeneral }
  ask(second)
}
