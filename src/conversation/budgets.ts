import type { Clock } from '../clock.ts'
import { ServiceError } from '../errors.ts'
import type { Model } from '../llm/model.ts'
import type { SessionState } from '../log/state.ts'
import type { Store } from '../log/store.ts'
import type { ConversationObserver } from './observer.ts'

/** Bounds of cost; 0 is no bound. */
export interface BudgetBounds {
  readonly turnTokensMax: number
  readonly sessionTokensMax: number
  readonly sessionToolCallsMax: number
  /** Of one workspace in one day, UTC, with the server's own key. */
  readonly workspaceDailyTokensMax: number
  /** The longest reply: reserved before its length is known. */
  readonly outputTokensMax: number
}

export interface BudgetsOptions {
  readonly store: Pick<Store, 'count'>
  readonly clock: Clock
  readonly bounds: BudgetBounds
  readonly observer: Pick<ConversationObserver, 'budgetExhausted'>
}

/** Who pays for a call. `nobody`: the model runs in this process and costs nothing, so no tokens are budgeted. */
export type Payer = 'server' | 'guest' | 'nobody'

/** A model of this process costs nothing; a guest's own key answers with a provider's. */
export function payerOf(own: Pick<Model, 'isGeneral'>, hasOwnKey: boolean): Payer {
  if (hasOwnKey) return 'guest'
  return own.isGeneral ? 'server' : 'nobody'
}

type Used = Pick<SessionState, 'workspace' | 'tokensUsed' | 'toolCallsMade'>

/** One call of a model that is about to be made. */
export interface PlannedCall {
  readonly session: Used
  readonly payer: Payer
  /** What the turn has used before. */
  readonly turnTokens: number
  readonly promptTokens: number
}

/** Tokens that are counted as used from before the call on, until what was used is known. */
export interface Reservation {
  /** To be called once, however the call ended. Never rejects: what cannot be given back stays counted. */
  settle(usedTokens: number): Promise<void>
}

const dayMs = 24 * 60 * 60 * 1000

const sentences = {
  turn: 'This answer needs more than one answer may cost and was ended.',
  session: 'The budget of this conversation is used up. Tab and payment still work.',
  tools: 'The budget of actions in this conversation is used up. Tab and payment still work.',
  day: "Today's budget is used up. It comes back at midnight UTC.",
} as const

/**
 * What conversations may cost. Turns and sessions are measured by what their logs say was used; a workspace's day by
 * a counter in the store, which every call raises by what it can cost at most before it is made, so that many calls at
 * once stay within the bound. A process that dies leaves its reservations counted: at most, too much was counted.
 */
export class Budgets {
  readonly #options: BudgetsOptions

  constructor(options: BudgetsOptions) {
    this.#options = options
  }

  /** Refuses a message for which nothing is left, with `BUDGET_EXHAUSTED`, before anything is written of it. */
  async admit(session: Used, payer: Payer): Promise<void> {
    const { store, bounds } = this.#options
    if (payer === 'nobody') return
    if (isAtBound(session.tokensUsed, bounds.sessionTokensMax)) throw this.#exhausted('session')
    if (payer === 'guest' || bounds.workspaceDailyTokensMax === 0) return
    const { name, endsAt } = this.#day(session)
    const used = await store.count(name, 0, endsAt)
    if (isAtBound(used, bounds.workspaceDailyTokensMax)) throw this.#dayExhausted(endsAt)
  }

  /** Takes what the call can cost out of every budget. Throws `BUDGET_EXHAUSTED` where it does not fit. */
  async reserve({ session, payer, turnTokens, promptTokens }: PlannedCall): Promise<Reservation> {
    const { store, bounds } = this.#options
    if (payer === 'nobody') return nothingReserved
    const tokens = promptTokens + bounds.outputTokensMax
    if (isAbove(turnTokens + tokens, bounds.turnTokensMax)) throw this.#exhausted('turn')
    if (isAbove(session.tokensUsed + tokens, bounds.sessionTokensMax)) throw this.#exhausted('session')
    if (payer === 'guest' || bounds.workspaceDailyTokensMax === 0) return nothingReserved
    const { name, endsAt } = this.#day(session)
    const settle = async (usedTokens: number): Promise<void> => {
      // Of the day on which it was reserved, also after midnight.
      await store.count(name, usedTokens - tokens, endsAt).catch(() => {})
    }
    const used = await store.count(name, tokens, endsAt)
    if (!isAbove(used, bounds.workspaceDailyTokensMax)) return { settle }
    await settle(0)
    throw this.#dayExhausted(endsAt)
  }

  /** Throws `BUDGET_EXHAUSTED` for a reply that calls more tools than the session has left. */
  assertToolCalls(session: Used, calls: number): void {
    const { sessionToolCallsMax } = this.#options.bounds
    if (calls === 0 || !isAbove(session.toolCallsMade + calls, sessionToolCallsMax)) return
    throw this.#exhausted('session', sentences.tools)
  }

  #day({ workspace }: Used): { readonly name: string; readonly endsAt: number } {
    const day = Math.floor(this.#options.clock.date() / dayMs)
    return { name: `tokens ${day} ${workspace}`, endsAt: (day + 1) * dayMs }
  }

  #exhausted(budget: 'turn' | 'session', sentence: string = sentences[budget]): ServiceError {
    this.#options.observer.budgetExhausted(budget)
    return new ServiceError('BUDGET_EXHAUSTED', sentence)
  }

  #dayExhausted(endsAt: number): ServiceError {
    const { clock, observer } = this.#options
    observer.budgetExhausted('day')
    const retryAfterSeconds = Math.ceil((endsAt - clock.date()) / 1000)
    return new ServiceError('BUDGET_EXHAUSTED', sentences.day, { retryAfterSeconds })
  }
}

const nothingReserved: Reservation = { settle: async () => {} }

function isAtBound(used: number, max: number): boolean {
  return max > 0 && used >= max
}

function isAbove(used: number, max: number): boolean {
  return max > 0 && used > max
}
