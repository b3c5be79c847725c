import { ModelError, type Model, type Usage } from '../llm/model.ts'
import { estimatePrompt, estimateTokens } from '../llm/prompt.ts'
import { payerOf, type Payer } from './budgets.ts'
import { readReply, type Reply, type ReplyOptions } from './reply.ts'
import { usageOf } from './tell.ts'
import { ownTurn } from './turn-begin.ts'
import type { TurnContext, TurnModel } from './turn-context.ts'

export const noUsage: Usage = { inputTokens: 0, outputTokens: 0 }

/** A model that could not be asked at all has taken nothing, as long as it has neither thought nor spoken. */
const freeFailures: ReadonlySet<string> = new Set(['MODEL_UNAVAILABLE', 'KEY_REJECTED', 'KEY_QUOTA'])

/** The calls of the model that one run of a turn makes, each within the budgets. */
export class ModelCalls {
  readonly model: Model
  readonly #context: TurnContext
  readonly #payer: Payer
  #unlogged = noUsage

  constructor(context: TurnContext, { model, ownKey }: TurnModel) {
    this.model = model
    this.#context = context
    this.#payer = payerOf(model, ownKey !== null)
  }

  /** What was used and is in no entry of the log yet. */
  get unlogged(): Usage {
    return this.#unlogged
  }

  /** To be called when an entry says it. */
  markLogged(): void {
    this.#unlogged = noUsage
  }

  /** Reads one reply. Throws also `BUDGET_EXHAUSTED`, and then the model was not asked. */
  async read(options: Omit<ReplyOptions, 'model' | 'createMask'>): Promise<Reply> {
    const { budgets, log, createMask } = this.#context
    const turn = ownTurn(log.state, this.#context)
    const promptTokens = estimatePrompt(options.request)
    const turnTokens = tokensOf(usageOf(turn)) + (turn.tokensBeside ?? 0) + tokensOf(this.#unlogged)
    const reservation = await budgets.reserve({
      session: log.state,
      payer: this.#payer,
      turnTokens,
      promptTokens,
    })
    const heard = { isAlive: false, text: '' }
    let used = noUsage
    try {
      const reply = await readReply({
        ...options,
        model: this.model,
        createMask,
        onText: (text) => {
          heard.text += text
          options.onText(text)
        },
        onProgress: (what) => {
          if (what === 'thinking') heard.isAlive = true
          options.onProgress(what)
        },
      })
      // Some servers report nothing, and that is not what it cost.
      used = tokensOf(reply.usage) > 0 ? reply.usage : this.#estimate(promptTokens, reply.text)
      return { ...reply, usage: used }
    } catch (error) {
      const isFree = !heard.isAlive && heard.text === '' && isFreeFailure(error)
      used = isFree ? noUsage : this.#estimate(promptTokens, heard.text)
      throw error
    } finally {
      this.#unlogged = sum(this.#unlogged, used)
      await reservation.settle(tokensOf(used))
    }
  }

  #estimate(promptTokens: number, text: string): Usage {
    if (this.#payer === 'nobody') return noUsage
    return { inputTokens: promptTokens, outputTokens: estimateTokens(text) }
  }
}

function isFreeFailure(error: unknown): boolean {
  return error instanceof ModelError && freeFailures.has(error.code)
}

export function tokensOf({ inputTokens, outputTokens }: Usage): number {
  return inputTokens + outputTokens
}

function sum(one: Usage, other: Usage): Usage {
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
  }
}
