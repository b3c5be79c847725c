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
  return [asked, ...heardReplies(turn).flatMap((reply) => repliesOf(reply, turn))]
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
  const done = turn.effects
    .filter((effect) => !asked.has(effect.callId))
    .map(({ name, result }) => ({ name, result }))
  return turn.heardCharacters === undefined ? done : [...done, brokenIn]
}

/** What the model is told of an answer that the guest did not listen to. */
const brokenIn: ServerNote = {
  name: 'answer_interrupted',
  result: { message: 'The guest broke in on the answer to this message and heard only what follows of it.' },
}

/** All that was said in a turn, as far as its guest has heard it. */
export function contentOf(turn: TurnRecord): string {
  return joined(heardReplies(turn))
}

/** All that was said in a turn, also what its guest did not listen to. */
export function wholeContentOf({ replies }: TurnRecord): string {
  return joined(replies)
}

/** The replies of a turn, cut where its guest broke in. What was done stays done. */
export function heardReplies({ replies, heardCharacters }: TurnRecord): readonly ReplyRecord[] {
  if (heardCharacters === undefined) return replies
  let content = ''
  return replies.map((reply) => {
    const separator = separatorBefore(content, reply.text)
    const heard = Math.max(0, heardCharacters - content.length - separator.length)
    content += separator + reply.text
    if (heard >= reply.text.length) return reply
    // A signature is of the whole text.
    const { signature: _, ...rest } = reply
    return { ...rest, text: cut(reply.text, heard) }
  })
}

/** The first characters, without half of one at their end. */
function cut(text: string, length: number): string {
  const isWithinPair = /[\uD800-\uDBFF]/.test(text.charAt(length - 1))
  return text.slice(0, isWithinPair ? length - 1 : length)
}

function joined(replies: readonly ReplyRecord[]): string {
  return replies.reduce((content, { text }) => content + separatorBefore(content, text) + text, '')
}

/** Two replies of one turn are told apart by a space where neither of them brings one. */
export function separatorBefore(content: string, text: string): string {
  return content === '' || text === '' || /\s$/.test(content) || /^\s/.test(text) ? '' : ' '
}
