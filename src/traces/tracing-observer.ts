import type { ConversationObserver, TurnBegun, TurnObserver, TurnStep } from '../conversation/observer.ts'
import { joinTurnObservers } from '../conversation/joined-observers.ts'
import { hashOfId } from '../security/session-token.ts'
import { contentOfStep, type ContentOptions } from './content-of-step.ts'
import type { SpanWriter, TurnSpan } from './open-telemetry.ts'
import { spanOfStep, type Attributes, type SpanNames } from './span-of-step.ts'

export interface TracingOptions {
  readonly spans: SpanWriter
  readonly names: SpanNames
  /** Null: nothing of what is said leaves this process. */
  readonly content: ContentOptions | null
}

/** Tells `inner` the same, each turn with its span, and makes the spans. */
export function traced(inner: ConversationObserver, options: TracingOptions): ConversationObserver {
  return {
    ...inner,
    turnBegan(turn) {
      const span = options.spans.beginTurn(beginningOf(turn))
      const told = inner.turnBegan({ ...turn, trace: span.context })
      // Nobody looks at a turn that was not sampled.
      return span.isRecording ? joinTurnObservers([told, new TracedTurn(span, turn, options)]) : told
    },
  }
}

function beginningOf({ turnId, sessionId, agent, attempt, origin, startedAtMs }: TurnBegun) {
  return {
    name: `invoke_agent ${agent}`,
    traceParent: origin?.traceParent ?? null,
    startedAtMs,
    attributes: {
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.name': agent,
      'gen_ai.conversation.id': hashOfId(sessionId),
      'maya.turn.id': turnId,
      'maya.turn.attempt': attempt,
      ...(origin !== null && { 'maya.request.id': origin.requestId }),
    },
  }
}

class TracedTurn implements TurnObserver {
  readonly #span: TurnSpan
  readonly #turn: TurnBegun
  readonly #conversation: Attributes
  readonly #options: TracingOptions
  #provider: string | undefined

  constructor(span: TurnSpan, turn: TurnBegun, options: TracingOptions) {
    this.#span = span
    this.#turn = turn
    this.#conversation = { 'gen_ai.conversation.id': hashOfId(turn.sessionId) }
    this.#options = options
  }

  firstText(seconds: number): void {
    this.#span.add({ 'maya.turn.first_text_seconds': seconds })
  }

  firstAudio(seconds: number): void {
    this.#span.add({ 'maya.turn.first_audio_seconds': seconds })
  }

  stepEnded(step: TurnStep): void {
    const { names } = this.#options
    const { startedAtMs, seconds } = step
    if (step.kind === 'model') this.#provider = names.modelOf(step.provider).provider
    const span = spanOfStep(step, names)
    const attributes = { ...this.#conversation, ...span.attributes, ...this.#contentOf(step) }
    this.#span.addStep({ ...span, attributes, startedAtMs, endedAtMs: startedAtMs + seconds * 1000 })
  }

  ended({ outcome, code, seconds }: Parameters<TurnObserver['ended']>[0]): void {
    this.#span.add({
      'maya.turn.outcome': outcome,
      ...(this.#provider !== undefined && { 'gen_ai.provider.name': this.#provider }),
    })
    this.#span.end({ endedAtMs: this.#turn.startedAtMs + seconds * 1000, errorType: code })
  }

  #contentOf(step: TurnStep): Attributes {
    const { content } = this.#options
    return content === null ? {} : contentOfStep(step, content)
  }
}
