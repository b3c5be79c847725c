import type { ModelStep, SpeechStep, StoreStep, ToolStep, TurnStep } from '../conversation/observer.ts'

/** By the names of OpenTelemetry; what they do not foresee begins with `maya.`. */
export type Attributes = Readonly<Record<string, string | number | boolean | string[]>>

/** A span in the making, without its times. */
export interface StepSpan {
  readonly name: string
  /** Whether another process does the work. */
  readonly isOutside: boolean
  readonly attributes: Attributes
  /** Why it failed, in one word; null where it did not. */
  readonly errorType: string | null
}

/** What a step does not know itself. */
export interface SpanNames {
  /** The provider as the conventions name it, and the model that is asked there, where that is known. */
  readonly modelOf: (provider: string) => { readonly provider: string; readonly model: string | null }
  /** `sqlite`, `redis` or `memory`. */
  readonly storeSystem: string
}

/**
 * The span of a step by the semantic conventions for generative AI (v0.1.0) and for databases. It says nothing of what
 * was said: see `contentOfStep`.
 */
export function spanOfStep(step: TurnStep, names: SpanNames): StepSpan {
  switch (step.kind) {
    case 'model':
      return spanOfModel(step, names)
    case 'tool':
      return spanOfTool(step)
    case 'store':
      return spanOfStore(step, names)
    case 'speech':
      return spanOfSpeech(step)
  }
}

/** The only model that runs in this process. */
const inProcess = 'house'

function spanOfModel(step: ModelStep, { modelOf }: SpanNames): StepSpan {
  const { provider, model } = modelOf(step.provider)
  return {
    name: model === null ? 'chat' : `chat ${model}`,
    isOutside: step.provider !== inProcess,
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': provider,
      ...(model !== null && { 'gen_ai.request.model': model }),
      'gen_ai.request.stream': true,
      'gen_ai.response.finish_reasons': [finishReasonOf(step)],
      ...(step.firstTextSeconds !== null && {
        'gen_ai.response.time_to_first_chunk': step.firstTextSeconds,
      }),
      'gen_ai.usage.input_tokens': step.usage.inputTokens,
      'gen_ai.usage.output_tokens': step.usage.outputTokens,
      'maya.model.purpose': step.purpose,
      'maya.model.fallback': step.isFallback,
      'maya.model.own_key': step.isOwnKey,
    },
    errorType: step.code,
  }
}

/** In the words of the conventions. */
export function finishReasonOf({ finishReason, toolCalls }: ModelStep): string {
  switch (finishReason) {
    case null:
      return 'error'
    case 'blocked':
      return 'content_filter'
    case 'length':
      return 'length'
    case 'stop':
      return toolCalls > 0 ? 'tool_call' : 'stop'
  }
}

function spanOfTool({ tool, outcome, code }: ToolStep): StepSpan {
  const isBroken = outcome === 'invalid' || outcome === 'failed'
  return {
    name: `execute_tool ${tool}`,
    isOutside: false,
    attributes: {
      'gen_ai.operation.name': 'execute_tool',
      'gen_ai.tool.name': tool,
      'gen_ai.tool.type': 'function',
      ...(outcome !== null && { 'maya.tool.outcome': outcome }),
    },
    errorType: isBroken ? outcome : code,
  }
}

function spanOfStore({ operation, code }: StoreStep, { storeSystem }: SpanNames): StepSpan {
  return {
    name: operation,
    isOutside: storeSystem === 'redis',
    attributes: { 'db.system.name': storeSystem, 'db.operation.name': operation },
    errorType: code,
  }
}

function spanOfSpeech({ provider, characters, soundSeconds, code }: SpeechStep): StepSpan {
  return {
    name: `speak ${provider}`,
    isOutside: provider !== 'embedded',
    attributes: {
      'gen_ai.provider.name': provider,
      'gen_ai.output.type': 'speech',
      'maya.speech.characters': characters,
      'maya.speech.sound_seconds': soundSeconds,
    },
    errorType: code,
  }
}
