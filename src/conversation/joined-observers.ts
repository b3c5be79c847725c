import type { ConversationObserver, TurnObserver } from './observer.ts'

/** Tells each of them, in this order. */
export function joinObservers(observers: readonly ConversationObserver[]): ConversationObserver {
  return {
    turnBegan: (turn) => joinTurnObservers(observers.map((observer) => observer.turnBegan(turn))),
    budgetExhausted(budget) {
      for (const observer of observers) observer.budgetExhausted(budget)
    },
    paymentEnded(outcome) {
      for (const observer of observers) observer.paymentEnded(outcome)
    },
  }
}

/** The same for one turn. */
export function joinTurnObservers(observers: readonly TurnObserver[]): TurnObserver {
  return {
    firstText(seconds) {
      for (const observer of observers) observer.firstText(seconds)
    },
    firstAudio(seconds) {
      for (const observer of observers) observer.firstAudio(seconds)
    },
    stepEnded(step) {
      for (const observer of observers) observer.stepEnded(step)
    },
    ended(end) {
      for (const observer of observers) observer.ended(end)
    },
  }
}
