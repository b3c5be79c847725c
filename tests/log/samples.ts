import { add } from '../bar/samples.ts'
import { openBar, type BarChange } from '../../src/bar/bar.ts'
import { addToOrder } from '../../src/bar/orders.ts'
import type { NewEvent, RequestKey, SessionEvent } from '../../src/log/events.ts'

export const bounds = { turnsKeptMax: 3, requestsKeptMax: 5, eventsPerSnapshot: 4 }

export const created: NewEvent = { type: 'session-created', agent: 'maya', workspace: 'default' }

export const usage = { inputTokens: 10, outputTokens: 5 }

export function at(moment: number, ...events: readonly NewEvent[]): SessionEvent[] {
  return events.map((event) => ({ ...event, at: moment }))
}

export function started(turnId: string, request?: RequestKey): NewEvent {
  return {
    type: 'turn-started',
    turnId,
    owner: 'owner',
    userInput: `say ${turnId}`,
    ...(request && { request }),
  }
}

export function replied(turnId: string, text: string, ...callIds: readonly string[]): NewEvent {
  const toolCalls = callIds.map((callId) => ({ callId, name: 'add_to_order', arguments: {} }))
  return { type: 'model-replied', turnId, text, toolCalls, usage }
}

export function effect(turnId: string, callId: string, ...changes: readonly BarChange[]): NewEvent {
  const effectId = `${turnId}:${callId}`
  return {
    type: 'effect',
    effectId,
    turnId,
    callId,
    name: 'add_to_order',
    outcome: 'ok',
    result: callId,
    changes,
  }
}

export function ended(turnId: string, outcome: 'complete' | 'interrupted' = 'complete'): NewEvent {
  return outcome === 'complete'
    ? { type: 'turn-ended', turnId, outcome, finishReason: 'stop', lastNumber: 7 }
    : { type: 'turn-ended', turnId, outcome, code: 'INTERRUPTED', lastNumber: 7 }
}

/** What happens at a new guest's bar when one Gin is ordered. */
export const ginAdded = addToOrder(openBar(), add('Gin')).changes

export function keyed(key: string): RequestKey {
  return { key, fingerprint: `what ${key} asks` }
}

export function answeredTo(key: string): NewEvent {
  return { type: 'request-answered', request: keyed(key), status: 200, body: { key } }
}
