import type { Usage } from '../llm/model.ts'
import { addUsage, noUsage } from '../llm/usage.ts'
import type { ErrorCode } from '../errors.ts'
import type { BarState } from '../bar/bar.ts'
import type { TurnRecord } from '../log/state.ts'
import { contentOf, heardReplies, separatorBefore } from './messages.ts'
import { endOfRange, numbersPerAttempt, TurnEvents, type TurnEventsOptions } from './turn-events.ts'

/** Tells readers what the log has of a turn: what was said and done, in order. */
export function tellLogged(turn: TurnRecord, bar: BarState, events: TurnEvents): void {
  let content = ''
  for (const { text, toolCalls } of heardReplies(turn)) {
    if (text !== '') {
      const chunk = separatorBefore(content, text) + text
      content += chunk
      events.emit({ type: 'text-chunk', content: chunk })
    }
    for (const { callId, name, arguments: args } of toolCalls) {
      events.emit({ type: 'tool-call', callId, name, arguments: args })
    }
    for (const { callId } of toolCalls) {
      const effect = turn.effects.find((candidate) => candidate.callId === callId)
      if (effect === undefined) continue
      events.emit({ type: 'tool-result', callId, name: effect.name, result: effect.result })
    }
  }
  if (turn.effects.length > 0) events.emit({ type: 'state', bar })
}

/** The whole of a turn that has ended, for readers that come when its numbered events are gone. */
export function retellTurn(
  turn: TurnRecord,
  bar: BarState,
  options: Omit<TurnEventsOptions, 'base' | 'retoldUpTo' | 'turnId'>,
): TurnEvents {
  const { turnId, outcome, lastNumber, attempt } = turn
  const retoldUpTo = outcome === 'running' ? Infinity : lastNumber
  const events = new TurnEvents({ ...options, turnId, base: attempt * numbersPerAttempt, retoldUpTo })
  events.beginRetelling()
  events.emit({ type: 'session' })
  tellLogged(turn, bar, events)
  tellEnd(turn, events)
  events.end()
  return events
}

/** The last event of a turn that is told again, under the number that says that all was told, where it was. */
export function tellEnd(turn: TurnRecord, events: TurnEvents): void {
  const { outcome, code, finishReason } = turn
  const number = outcome === 'running' ? undefined : endOfRange(events.lastNumber)
  if (outcome === 'complete' || outcome === 'stopped') {
    const usage = usageOf(turn)
    const content = contentOf(turn)
    events.emit({ type: 'complete', content, usage, finishReason: finishReason ?? 'stop' }, number)
    return
  }
  const retryable = outcome !== 'failed'
  const general = retryable
    ? 'This answer was interrupted. Ask again to go on with it.'
    : 'This answer could not be given.'
  const message = keyFailures[code ?? 'INTERRUPTED'] ?? general
  events.emit({ type: 'error', code: code ?? 'INTERRUPTED', message, retryable }, number)
}

/** What a guest can do about them stays true. */
const keyFailures: { readonly [Code in ErrorCode]?: string } = {
  KEY_REJECTED: 'There was no Gemini key that works. Enter yours again, or remove it.',
  KEY_QUOTA: 'Your Gemini key had no quota left. Try again later, or remove it.',
}

export function usageOf(turn: TurnRecord): Usage {
  return turn.replies.reduce((total, { usage }) => addUsage(total, usage), noUsage)
}
