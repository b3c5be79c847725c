import type { ToolOutcome, TurnOutcome } from '../log/events.ts'

/** What the conversation reports. Metrics implement it; tests record it. */
export interface ConversationObserver {
  turnEnded(outcome: TurnOutcome, seconds: number): void
  firstText(seconds: number): void
  firstAudio(seconds: number): void
  toolCalled(tool: string, outcome: ToolOutcome): void
  /** A call of a model, or a message, that a budget refused. */
  budgetExhausted(budget: 'turn' | 'session' | 'day'): void
  paymentEnded(outcome: 'settled' | 'declined' | 'unknown'): void
}
