import { ModelError, type Model, type Usage } from '../llm/model.ts'
import { estimatePrompt, estimateTokens } from '../llm/prompt.ts'
import { addUsage, noUsage, tokensOf } from '../llm/usage.ts'
import type { OwnKey } from '../log/keys.ts'
import { payerOf, type Payer } from './budgets.ts'
import { readReply, type Reply, type ReplyOptions } from './reply.ts'
import { usageOf } from './tell.ts'
import { ownTurn } from './turn-begin.ts'
import type { TurnContext, TurnModel } from './turn-context.ts'

/** A model that could not be asked at all has taken nothing, as long as it has neither thought nor spoken. */
const freeFailures: ReadonlySet<string> = new Set(['MODEL_UNAVAILABLE', 'KEY_REJECTED', 'KEY_QUOTA'])

/** The calls of the model that one run of a turn makes, each within the budgets. */
export class ModelCalls {
  readonly model: Model
  readonly ownKey: OwnKey | null
  readonly #context: TurnContext
  readonly #payer: Payer
  #unlogged = noUsage

  constructor(context: TurnContext, { model, ownKey }: TurnModel) {
    this.model = model
    this.ownKey = ownKey
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
  async read(options: Omit<ReplyOptions, 'model' | 'createMask' | 'signatureCharactersMax'>): Promise<Reply> {
    const { budgets, log, limits, createMasks } = this.#context
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
    let payer = this.#payer
    let used = noUsage
    try {
      const reply = await readReply({
        ...options,
        model: this.model,
        createMask: createMasks(),
        signatureCharactersMax: limits.signatureCharactersMax,
        onText: (text) => {
          heard.text += text
          options.onText(text)
        },
        onProgress: (progress) => {
          if (progress.what === 'thinking') heard.isAlive = true
          // A model of this process answers in the place of the one that failed.
          if (progress.what === 'fell-back' && !progress.isGeneral) payer = 'nobody'
          options.onProgress(progress)
        },
      })
      // Some servers report nothing, and that is not what it cost.
      const isReported = payer !== 'nobody' && tokensOf(reply.usage) > 0
      used = isReported ? reply.usage : estimateOf(payer, promptTokens, reply.text)
      return { ...reply, usage: used }
    } catch (error) {
      const isFree = !heard.isAlive && heard.text === '' && isFreeFailure(error)
      used = isFree ? noUsage : estimateOf(payer, promptTokens, heard.text)
      throw error
    } finally {
      this.#unlogged = addUsage(this.#unlogged, used)
      await reservation.settle(tokensOf(used))
    }
  }
}

function estimateOf(payer: Payer, promptTokens: number, text: string): Usage {
  if (payer === 'nobody') return noUsage
  return { inputTokens: promptTokens, outputTokens: estimateTokens(text) }
}

function isFreeFailure(error: unknown): boolean {
  return error instanceof ModelError && freeFailures.has(error.code)
}
