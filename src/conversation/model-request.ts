import type { Message, ModelRequest } from '../llm/model.ts'
import { estimatePrompt } from '../llm/prompt.ts'
import type { SessionState, TurnRecord } from '../log/state.ts'
import { messagesOf } from './messages.ts'
import type { TurnContext } from './turn-context.ts'

/** What the model is asked for the next reply of this turn: everything from the newest state of the log. */
export function requestOf(context: TurnContext, turn: TurnRecord): ModelRequest {
  const { agent, log, limits, turnId } = context
  const { state } = log
  const before = turnsBefore(state, turn)
  // Where compaction has run there are no more than these.
  const shown = before.slice(Math.max(0, before.length + 1 - limits.turnsShownToModelMax))
  return {
    instructions: agent.instructions,
    summary: state.summary?.text ?? null,
    state: agent.stateOf?.(state.bar) ?? null,
    messages: messagesOf([...shown, turn]),
    tools: agent.tools,
    seed: `${turnId}:${turn.replies.length}`,
  }
}

/** The turns that are told one by one before the one that runs: those that no summary covers. */
export function turnsBefore(state: SessionState, turn: TurnRecord): readonly TurnRecord[] {
  // Where the turn is no longer kept, all that are kept came later.
  const through = state.turns.findIndex(({ turnId }) => turnId === state.summary?.throughTurnId)
  return state.turns.slice(through + 1).filter(({ turnId }) => turnId !== turn.turnId)
}

/**
 * The request with fewer results of tools where it is still too long: first without those that were answered to, then
 * without any long one. What is left is bounded by the other limits of a message and a turn, and is asked as it is.
 */
export function fitted(request: ModelRequest, tokensMax: number): ModelRequest {
  if (estimatePrompt(request) <= tokensMax) return request
  const shorter = withoutLongResults(request, (message) => message !== request.messages.at(-1))
  return estimatePrompt(shorter) <= tokensMax ? shorter : withoutLongResults(request, () => true)
}

/** Shorter than this is no result worth leaving out: what it says takes as much room. */
const longResultCharacters = 200
const leftOut = { status: 'left_out', message: 'This result was too long to be shown here.' }

function withoutLongResults(request: ModelRequest, isMeant: (message: Message) => boolean): ModelRequest {
  const messages = request.messages.map((message) => {
    if (message.role !== 'tool' || !isMeant(message)) return message
    const results = message.results.map((one) => {
      const isLong = (JSON.stringify(one.result)?.length ?? 0) > longResultCharacters
      return isLong ? { ...one, result: leftOut } : one
    })
    return { ...message, results }
  })
  return { ...request, messages }
}
