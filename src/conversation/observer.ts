import type { ToolOutcome, TurnOutcome } from '../log/events.ts'

/** What the conversation reports. Metrics implement it; tests record it. */
export interface ConversationObserver {
  turnEnded(outcome: TurnOutcome, seconds: number): void
  firstText(seconds: number): void
  toolCalled(tool: string, outcome: ToolOutcome): void
  modelAnswered(provider: string, outcome: 'ok' | 'error' | 'aborted'): void
  tokensUsed(provider: string, kind: 'input' | 'output', count: number): void
  paymentEnded(outcome: 'settled' | 'declined' | 'unknown'): void
}
