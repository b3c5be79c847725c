import { ModelError, type Model, type ModelProgress, type Usage } from '../llm/model.ts'
import { estimatePrompt, estimateTokens } from '../llm/prompt.ts'
import { addUsage, noUsage, tokensOf } from '../llm/usage.ts'
import type { OwnKey } from '../log/keys.ts'
import { payerOf, type Payer } from './budgets.ts'
import type { ModelStep } from './observer.ts'
import { readReply, type Reply, type ReplyOptions } from './reply.ts'
import { usageOf } from './tell.ts'
import { startTiming, type Timing } from './timing.ts'
import { ownTurn } from './turn-begin.ts'
import type { TurnContext, TurnModel } from './turn-context.ts'
import { earlyEndOf } from './turn-stop.ts'

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
  async read(options: ReadOptions): Promise<Reply> {
    const { budgets, log, limits, createMasks, clock } = this.#context
    const turn = ownTurn(log.state, this.#context)
    const promptTokens = estimatePrompt(options.request)
    const turnTokens = tokensOf(usageOf(turn)) + (turn.tokensBeside ?? 0) + tokensOf(this.#unlogged)
    const reservation = await budgets.reserve({
      session: log.state,
      payer: this.#payer,
      turnTokens,
      promptTokens,
    })
    const heard = new Heard(this.model.name, this.#payer, startTiming(clock))
    let used = noUsage
    try {
      const reply = await readReply({
        ...options,
        model: this.model,
        createMask: createMasks(),
        signatureCharactersMax: limits.signatureCharactersMax,
        onText: (text) => {
          heard.onText(text)
          options.onText(text)
        },
        onProgress: (progress) => {
          heard.onProgress(progress)
          options.onProgress(progress)
        },
      })
      // Some servers report nothing, and that is not what it cost.
      const isReported = heard.payer !== 'nobody' && tokensOf(reply.usage) > 0
      used = isReported ? reply.usage : estimateOf(heard.payer, promptTokens, reply.text)
      this.#report(options, heard, { usage: used, reply })
      return { ...reply, usage: used }
    } catch (error) {
      const isFree = !heard.isAlive && heard.text === '' && isFreeFailure(error)
      used = isFree ? noUsage : estimateOf(heard.payer, promptTokens, heard.text)
      this.#report(options, heard, { usage: used, error })
      throw error
    } finally {
      this.#unlogged = addUsage(this.#unlogged, used)
      await reservation.settle(tokensOf(used))
    }
  }

  #report({ purpose, request }: ReadOptions, heard: Heard, { usage, reply, error }: ReadEnd): void {
    const { timing, provider, isFallback, firstTextSeconds, text } = heard
    this.#context.observer.stepEnded({
      kind: 'model',
      purpose,
      provider,
      isFallback,
      isOwnKey: this.ownKey !== null && !isFallback,
      startedAtMs: timing.startedAtMs,
      seconds: timing.seconds(),
      firstTextSeconds,
      usage,
      finishReason: reply?.finishReason ?? null,
      toolCalls: reply?.toolCalls.length ?? 0,
      code: reply === undefined ? earlyEndOf(error).code : null,
      content: () => ({ request, text, toolCalls: reply?.toolCalls ?? [] }),
    })
  }
}

interface ReadOptions extends Omit<ReplyOptions, 'model' | 'createMask' | 'signatureCharactersMax'> {
  readonly purpose: ModelStep['purpose']
}

/** `error` says why there is no reply. */
interface ReadEnd {
  readonly usage: Usage
  readonly reply?: Reply
  readonly error?: unknown
}

/** What has come of one reply so far. */
class Heard {
  readonly timing: Timing
  provider: string
  payer: Payer
  isFallback = false
  isAlive = false
  text = ''
  firstTextSeconds: number | null = null

  constructor(provider: string, payer: Payer, timing: Timing) {
    this.provider = provider
    this.payer = payer
    this.timing = timing
  }

  onText(text: string): void {
    this.firstTextSeconds ??= this.timing.seconds()
    this.text += text
  }

  onProgress(progress: ModelProgress): void {
    if (progress.what === 'thinking') this.isAlive = true
    if (progress.what !== 'fell-back') return
    this.provider = progress.provider
    this.isFallback = true
    // A model of this process answers in the place of the one that failed.
    if (!progress.isGeneral) this.payer = 'nobody'
  }
}

function estimateOf(payer: Payer, promptTokens: number, text: string): Usage {
  if (payer === 'nobody') return noUsage
  return { inputTokens: promptTokens, outputTokens: estimateTokens(text) }
}

function isFreeFailure(error: unknown): boolean {
  return error instanceof ModelError && freeFailures.has(error.code)
}
