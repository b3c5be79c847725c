import { Gauge, type Registry } from 'prom-client'
import type { ModelErrorCode } from '../llm/model.ts'
import type { ModelObserver } from '../llm/observed.ts'
import { counterIn } from './series.ts'

export interface ModelLabels {
  readonly providers: readonly string[]
}

export const modelErrorCodes = {
  MODEL_UNAVAILABLE: true,
  MODEL_TIMEOUT: true,
  MODEL_TRUNCATED: true,
  MODEL_BLOCKED: true,
  KEY_REJECTED: true,
  KEY_QUOTA: true,
} as const satisfies Record<ModelErrorCode, true>

export function observeModels(registry: Registry, { providers }: ModelLabels): ModelObserver {
  const counter = counterIn(registry)
  const requests = counter('maya_llm_requests_total', 'Replies asked of a model, by outcome.', {
    provider: providers,
    outcome: ['ok', 'error', 'aborted'],
  })
  const failures = counter('maya_llm_failures_total', 'Replies that failed, by why.', {
    provider: providers,
    code: Object.keys(modelErrorCodes),
  })
  const tokens = counter('maya_llm_tokens_total', 'Tokens, by provider and kind.', {
    provider: providers,
    kind: ['input', 'output'],
  })
  const retries = counter('maya_llm_retries_total', 'Replies asked for once more after a failure.', {
    provider: providers,
  })
  const fallbacks = counter('maya_llm_fallbacks_total', 'Replies that another model gave instead.', {
    provider: providers,
  })
  const breakers = new Gauge({
    name: 'maya_llm_breaker_open',
    help: '1 while a provider is left alone because it failed too often.',
    labelNames: ['provider'],
    registers: [registry],
  })
  for (const provider of providers) breakers.set({ provider }, 0)
  return {
    modelAnswered: (provider, outcome) => requests.inc({ provider, outcome }),
    modelFailed: (provider, { code }) => failures.inc({ provider, code }),
    tokensUsed: (provider, kind, count) => tokens.inc({ provider, kind }, count),
    modelRetried: (provider) => retries.inc({ provider }),
    modelFellBack: (provider) => fallbacks.inc({ provider }),
    breakerChanged: (provider, isOpen) => breakers.set({ provider }, Number(isOpen)),
  }
}
