import type { SessionEvent } from '../../src/log/events.ts'
import { fold, type SessionState } from '../../src/log/state.ts'

/** An entry that can be told from all others by its text. */
export function said(text: string): SessionEvent {
  return { at: 1, type: 'turn-started', turnId: 'turn', owner: 'owner', userInput: text }
}

export function textOf(event: SessionEvent): string {
  return 'userInput' in event ? event.userInput : event.type
}

export const created: SessionEvent = { at: 1, type: 'session-created', agent: 'maya', workspace: 'default' }

/** A state that can be told from others by its time. */
export function stateAt(createdAt: number): SessionState {
  const state = fold(undefined, [{ ...created, at: createdAt }], { turnsKeptMax: 1, requestsKeptMax: 1 })
  if (state === undefined) throw new Error('One event is folded.')
  return state
}
