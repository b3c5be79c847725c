import type { Message, ServerNote, ToolResult } from '../llm/model.ts'
import type { ReplyRecord, TurnRecord } from '../log/state.ts'

/** What the model is told of calls that were made but whose turn ended before they ran. */
const notRun = { status: 'stopped', message: 'This call was not run: the turn ended before it.' }

/** The conversation as a model sees it: every call has its result, in the order of the calls. */
export function messagesOf(turns: readonly TurnRecord[]): readonly Message[] {
  return turns.flatMap((turn) => {
    const known = messagesOfTurns.get(turn)
    if (known !== undefined) return known
    const messages = messagesOfTurn(turn)
    messagesOfTurns.set(turn, messages)
    return messages
  })
}

/** Records never change: the same turn is always the same messages, which can be measured once. */
const messagesOfTurns = new WeakMap<TurnRecord, readonly Message[]>()

function messagesOfTurn(turn: TurnRecord): readonly Message[] {
  const { userInput, marks } = turn
  const asked = { role: 'user', text: userInput, notes: notesOf(turn), ...(marks && { marks }) } as const
  return [asked, ...turn.replies.flatMap((reply) => repliesOf(reply, turn))]
}

function repliesOf({ text, toolCalls, signature }: ReplyRecord, turn: TurnRecord): readonly Message[] {
  if (text === '' && toolCalls.length === 0) return []
  const said = { role: 'assistant', text, toolCalls, ...(signature && { signature }) } as const
  if (toolCalls.length === 0) return [said]
  const results = toolCalls.map(({ callId, name }): ToolResult => {
    const effect = turn.effects.find((candidate) => candidate.callId === callId)
    return { callId, name, result: effect === undefined ? notRun : effect.result }
  })
  return [said, { role: 'tool', results }]
}

/** What the server did by itself in this turn: the effects that no call of the model asked for. */
function notesOf(turn: TurnRecord): readonly ServerNote[] {
  const asked = new Set(turn.replies.flatMap((reply) => reply.toolCalls.map((call) => call.callId)))
  return turn.effects
    .filter((effect) => !asked.has(effect.callId))
    .map(({ name, result }) => ({ name, result }))
}

/** All that was said in a turn, as its readers saw it. */
export function contentOf(turn: TurnRecord): string {
  return turn.replies.reduce((content, { text }) => content + separatorBefore(content, text) + text, '')
}

/** Two replies of one turn are told apart by a space where neither of them brings one. */
export function separatorBefore(content: string, text: string): string {
  return content === '' || text === '' || /\s$/.test(content) || /^\s/.test(text) ? '' : ' '
}
