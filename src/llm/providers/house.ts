import { sleep, type Clock } from '../../clock.ts'
import { answerText, noteText } from '../house/answers.ts'
import { remember } from '../house/memory.ts'
import { planReply, type Plan } from '../house/plan.ts'
import { readMessage } from '../house/reader.ts'
import { remarksText } from '../house/remarks.ts'
import { createLexicon, type HouseVocabulary, type Lexicon } from '../house/vocabulary.ts'
import type { Message, Model, ModelEvent, ModelRequest, ToolCall, UserMessage } from '../model.ts'

export type { HouseVocabulary } from '../house/vocabulary.ts'

export interface HouseModelOptions {
  readonly clock: Clock
  /** Pause between two words; 0 speaks as fast as it can be read. */
  readonly paceMs: number
  readonly vocabulary: HouseVocabulary
}

/** The offline model: a small grammar of what is said at a bar. The same request always gets the same reply. */
export function createHouseModel({ clock, paceMs, vocabulary }: HouseModelOptions): Model {
  const lexicon = createLexicon(vocabulary)
  return {
    name: 'house',
    isGeneral: false,
    async *stream(request, signal) {
      signal.throwIfAborted()
      const reply = replyTo(request, lexicon)
      const words = wordsWithSpaces(reply.text)
      for (const [at, word] of words.entries()) {
        if (paceMs > 0 && at > 0) await sleep(clock, paceMs, signal)
        signal.throwIfAborted()
        yield { type: 'text-delta', text: word }
      }
      for (const call of reply.toolCalls) {
        signal.throwIfAborted()
        yield { type: 'tool-call', call }
      }
      yield finish(request, words.length + reply.toolCalls.length)
    },
  }
}

interface Reply {
  readonly text: string
  readonly toolCalls: readonly ToolCall[]
}

function replyTo(request: ModelRequest, lexicon: Lexicon): Reply {
  const { messages, seed } = request
  const at = messages.findLastIndex(({ role }) => role === 'user')
  const user = messages[at]
  if (user?.role !== 'user') return { text: 'What can I get you?', toolCalls: [] }
  const noted = noteText(user.notes, seed)
  if (noted !== undefined) return { text: noted, toolCalls: [] }
  const plan = withinTools(planFor(user, messages.slice(0, at), lexicon), request)
  const since = messages.slice(at + 1)
  const results = since.flatMap((message) => (message.role === 'tool' ? message.results : []))
  const remarks = remarksText(plan.remarks, { seed, lexicon }, plan.calls.length === 0)
  if (results.length > 0) {
    const { unwanted } = plan
    return { text: answerText(results, { seed, remarks, unwanted }), toolCalls: [] }
  }
  if (plan.calls.length === 0)
    return { text: remarks === '' ? 'What can I get you?' : remarks, toolCalls: [] }
  return { text: '', toolCalls: numbered(plan, since) }
}

function planFor(user: UserMessage, before: readonly Message[], lexicon: Lexicon): Plan {
  return planReply(readMessage(user.text, lexicon), remember(before, lexicon), lexicon)
}

/** The plan without the calls of tools that this agent does not have. */
function withinTools(plan: Plan, { tools }: ModelRequest): Plan {
  const names = new Set(tools.map(({ name }) => name))
  const calls = plan.calls.filter(({ name }) => names.has(name))
  if (calls.length === plan.calls.length) return plan
  return { ...plan, calls, remarks: [...plan.remarks, { type: 'not-able' }] }
}

function numbered({ calls }: Plan, since: readonly Message[]): readonly ToolCall[] {
  const before = since.reduce(
    (sum, message) => sum + (message.role === 'assistant' ? message.toolCalls.length : 0),
    0,
  )
  return calls.map((call, at) => ({
    callId: `call-${before + at + 1}`,
    name: call.name,
    arguments: call.arguments,
  }))
}

/** Each word with the space behind it, so that they join to the text. */
function wordsWithSpaces(text: string): readonly string[] {
  return text.match(/\S+\s*/g) ?? []
}

/** Words stand in for tokens. */
function finish({ instructions, messages }: ModelRequest, outputTokens: number): ModelEvent {
  const said = messages.map((message) => (message.role === 'tool' ? '' : message.text))
  const inputTokens = [instructions, ...said]
    .join(' ')
    .split(/\s+/)
    .filter((word) => word !== '').length
  return { type: 'finish', reason: 'stop', usage: { inputTokens, outputTokens } }
}
