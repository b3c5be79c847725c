import type { Registry } from 'prom-client'
import type { ConversationObserver, ModelStep, TurnObserver } from '../conversation/observer.ts'
import type { ErrorCode } from '../errors.ts'
import { modelErrorCodes, type ModelLabels } from './model-metrics.ts'
import { counterIn, histogramIn, turnSeconds } from './series.ts'

export interface ConversationLabels extends ModelLabels {
  readonly tools: readonly string[]
  /** What providers cost; nothing where one is missing. */
  readonly prices: ReadonlyMap<string, TokenPrices>
}

/** Dollars for a million tokens. */
export interface TokenPrices {
  readonly input: number
  readonly output: number
}

const firstSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Why a turn can be without a whole answer. */
const turnFailureCodes = {
  ...modelErrorCodes,
  BUDGET_EXHAUSTED: true,
  TURN_LIMIT: true,
  INTERRUPTED: true,
  OVERLOADED: true,
  STORE_UNAVAILABLE: true,
  SESSION_NOT_FOUND: true,
  INTERNAL: true,
} as const satisfies Partial<Record<ErrorCode, true>>

export function observeConversation(registry: Registry, labels: ConversationLabels): ConversationObserver {
  const counter = counterIn(registry)
  const exhausted = counter(
    'maya_budget_exhausted_total',
    'Messages and calls of a model that a budget refused, by budget.',
    { budget: ['turn', 'session', 'day'] },
  )
  const payments = counter('maya_payments_total', 'Charges, by outcome.', {
    outcome: ['settled', 'declined', 'unknown'],
  })
  // The same for all turns: nothing is kept of one.
  const turn: TurnObserver = {
    ...observeFirsts(registry),
    stepEnded: observeSteps(registry, labels),
    ended: observeEnds(registry),
  }
  return {
    turnBegan: () => turn,
    budgetExhausted: (budget) => exhausted.inc({ budget }),
    paymentEnded: (outcome) => payments.inc({ outcome }),
  }
}

function observeFirsts(registry: Registry): Pick<TurnObserver, 'firstText' | 'firstAudio'> {
  const histogram = histogramIn(registry)
  const firstText = histogram(
    'maya_turn_first_text_seconds',
    'From taking a message up to the first text.',
    firstSeconds,
  )
  const firstAudio = histogram(
    'maya_turn_first_audio_seconds',
    'From taking a message up to the first sound.',
    firstSeconds,
  )
  return {
    firstText: (seconds) => firstText.observe(seconds),
    firstAudio: (seconds) => firstAudio.observe(seconds),
  }
}

function observeSteps(
  registry: Registry,
  { tools, providers, prices }: ConversationLabels,
): TurnObserver['stepEnded'] {
  const counter = counterIn(registry)
  const toolCalls = counter('maya_tool_calls_total', 'Tool calls that ended, by tool and outcome.', {
    tool: [...tools, 'unknown'],
    outcome: ['ok', 'refused', 'invalid', 'failed'],
  })
  const cost = counter(
    'maya_llm_cost_dollars_total',
    'What tokens cost the server by its settings, those for the keys of guests apart.',
    { provider: providers },
  )
  return (step) => {
    if (step.kind === 'tool' && step.outcome !== null) {
      toolCalls.inc({ tool: step.tool, outcome: step.outcome })
    } else if (step.kind === 'model' && !step.isOwnKey) {
      const price = prices.get(step.provider)
      if (price !== undefined) cost.inc({ provider: step.provider }, dollarsOf(step.usage, price))
    }
  }
}

function dollarsOf({ inputTokens, outputTokens }: ModelStep['usage'], price: TokenPrices): number {
  return (inputTokens * price.input + outputTokens * price.output) / 1e6
}

function observeEnds(registry: Registry): TurnObserver['ended'] {
  const counter = counterIn(registry)
  const turns = counter('maya_turns_total', 'Turns that ended, by outcome.', {
    outcome: ['complete', 'stopped', 'failed', 'interrupted'],
  })
  const failures = counter('maya_turn_failures_total', 'Turns that failed or were interrupted, by why.', {
    code: Object.keys(turnFailureCodes),
  })
  const duration = histogramIn(registry)(
    'maya_turn_duration_seconds',
    'From taking a message up to its end.',
    turnSeconds,
  )
  return ({ outcome, code, seconds }) => {
    turns.inc({ outcome })
    duration.observe(seconds)
    if (code !== null) failures.inc({ code })
  }
}
