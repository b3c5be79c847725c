import type {
  ConversationObserver,
  ModelStep,
  TurnBegun,
  TurnEnd,
  TurnObserver,
  TurnStep,
} from '../conversation/observer.ts'
import { hashOfId } from '../security/session-token.ts'
import type { Log } from './log.ts'

/** One line for each run of a turn, when it has ended. */
export function logTurns(log: Log): ConversationObserver {
  return {
    turnBegan: (turn) => new TurnLine(turn, log),
    budgetExhausted() {},
    paymentEnded(outcome) {
      if (outcome === 'unknown') log('payment unknown')
    },
  }
}

/** What the line will say, added up while the turn runs. */
class TurnLine implements TurnObserver {
  readonly #turn: TurnBegun
  readonly #log: Log
  readonly #seconds = { model: 0, tool: 0, store: 0, speech: 0 }
  #firstTextSeconds: number | undefined
  #firstAudioSeconds: number | undefined
  #modelCalls = 0
  #toolCalls = 0
  #inputTokens = 0
  #outputTokens = 0
  /** The last one that was to answer the guest. */
  #reply: ModelStep | undefined

  constructor(turn: TurnBegun, log: Log) {
    this.#turn = turn
    this.#log = log
  }

  firstText(seconds: number): void {
    this.#firstTextSeconds = seconds
  }

  firstAudio(seconds: number): void {
    this.#firstAudioSeconds = seconds
  }

  stepEnded(step: TurnStep): void {
    this.#seconds[step.kind] += step.seconds
    if (step.kind === 'tool') this.#toolCalls++
    if (step.kind !== 'model') return
    this.#modelCalls++
    this.#inputTokens += step.usage.inputTokens
    this.#outputTokens += step.usage.outputTokens
    if (step.purpose === 'reply') this.#reply = step
  }

  /** What there is none of is left out. */
  ended({ outcome, code, seconds }: TurnEnd): void {
    const { turnId, sessionId, agent, attempt, origin, trace } = this.#turn
    this.#log('turn', {
      request_id: origin?.requestId,
      turn_id: turnId,
      session: hashOfId(sessionId),
      agent,
      attempt,
      outcome,
      code: code ?? undefined,
      ms: milliseconds(seconds),
      first_text_ms: milliseconds(this.#firstTextSeconds),
      first_audio_ms: milliseconds(this.#firstAudioSeconds),
      model_ms: milliseconds(this.#seconds.model),
      tools_ms: milliseconds(this.#seconds.tool),
      store_ms: milliseconds(this.#seconds.store),
      speech_ms: milliseconds(this.#seconds.speech || undefined),
      model_calls: this.#modelCalls,
      tool_calls: this.#toolCalls,
      input_tokens: this.#inputTokens,
      output_tokens: this.#outputTokens,
      provider: this.#reply?.provider,
      fallback: this.#reply?.isFallback,
      own_key: this.#reply?.isOwnKey,
      trace_id: trace?.traceId,
      span_id: trace?.spanId,
    })
  }
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1000)
}
