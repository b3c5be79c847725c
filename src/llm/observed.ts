import { ModelError, type Model } from './model.ts'
import { watchEnd, type StreamEnd } from './stream-end.ts'

/** What the models report, each under its provider's own name. Metrics implement it; tests record it. */
export interface ModelObserver {
  /** One request at a provider has ended. `aborted`: nobody wanted the rest. */
  modelAnswered(provider: string, outcome: 'ok' | 'error' | 'aborted'): void
  /** Why one of them failed. */
  modelFailed(provider: string, error: ModelError): void
  tokensUsed(provider: string, kind: 'input' | 'output', count: number): void
  /** The same reply is asked for once more, because the first try failed. */
  modelRetried(provider: string): void
  /** Another model answers in its place. */
  modelFellBack(provider: string): void
  /** Whether it is left alone now, because it failed too often. */
  breakerChanged(provider: string, isOpen: boolean): void
}

/** Counts every request at this model, its outcome and its tokens. */
export function observed(
  model: Model,
  observer: Pick<ModelObserver, 'modelAnswered' | 'modelFailed' | 'tokensUsed'>,
): Model {
  const { name, isGeneral } = model
  return {
    name,
    isGeneral,
    stream: (request, signal) =>
      watchEnd(model.stream(request, signal), (end) => {
        const outcome = outcomeOf(end, signal)
        observer.modelAnswered(name, outcome)
        if (outcome === 'error' && end.error instanceof ModelError) observer.modelFailed(name, end.error)
        if (end.usage === null) return
        observer.tokensUsed(name, 'input', end.usage.inputTokens)
        observer.tokensUsed(name, 'output', end.usage.outputTokens)
      }),
  }
}

function outcomeOf({ how, usage }: StreamEnd, signal: AbortSignal): 'ok' | 'error' | 'aborted' {
  if (usage !== null) return 'ok'
  return how === 'left' || signal.aborted ? 'aborted' : 'error'
}
