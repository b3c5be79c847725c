import { ServiceError } from '../errors.ts'
import { ModelError, type ModelRequest } from '../llm/model.ts'
import { estimateMessages, estimatePrompt } from '../llm/prompt.ts'
import type { TurnRecord } from '../log/state.ts'
import { StoreError } from '../log/store.ts'
import { messagesOf } from './messages.ts'
import type { ModelCalls } from './model-calls.ts'
import { fitted, requestOf, turnsBefore } from './model-request.ts'
import { shortened, summaryByRule, summaryRequest, type SummaryTask } from './summary.ts'
import { ownTurn } from './turn-begin.ts'
import { commitTurn } from './turn-commit.ts'
import type { TurnContext } from './turn-context.ts'
import { TurnStop } from './turn-stop.ts'

/** How much longer than asked for a model may write before it is not listened to any more. */
const patience = 4

/**
 * The request for the next reply, short enough. Where the conversation has become too long its older turns become a
 * summary in the log first: half of the room is free again then, so that this is rare. The turn that runs stays whole.
 */
export async function compactedRequest(
  context: TurnContext,
  calls: ModelCalls,
  signal: AbortSignal,
): Promise<ModelRequest> {
  const { log, promptTokensMax } = context
  const turn = ownTurn(log.state, context)
  const request = requestOf(context, turn)
  const older = turnsToCompact(context, turn, request)
  const last = older.at(-1)
  if (last === undefined) return fitted(request, promptTokensMax)
  await compact(context, { older, last, calls, signal })
  return fitted(requestOf(context, turn), promptTokensMax)
}

/** The turns that no longer fit, beginning with the oldest. None as long as all do. */
function turnsToCompact(
  context: TurnContext,
  turn: TurnRecord,
  request: ModelRequest,
): readonly TurnRecord[] {
  const { log, limits, promptTokensMax } = context
  const before = turnsBefore(log.state, turn)
  // The next turn may push the oldest out of the state, and what is not there can be in no summary.
  const turnsMax = Math.min(limits.turnsShownToModelMax, limits.turnsKeptMax - 1)
  if (before.length < turnsMax && estimatePrompt(request) <= promptTokensMax) return []
  const alone = estimatePrompt({ ...request, summary: null, messages: messagesOf([turn]) })
  let room = promptTokensMax / 2 - alone
  let kept = 0
  for (const older of before.toReversed()) {
    room -= estimateMessages(messagesOf([older]))
    if (room < 0 || kept + 1 > (turnsMax - 1) / 2) break
    kept++
  }
  return before.slice(0, before.length - kept)
}

interface Compaction {
  readonly older: readonly TurnRecord[]
  readonly last: TurnRecord
  readonly calls: ModelCalls
  readonly signal: AbortSignal
}

async function compact(context: TurnContext, { older, last, calls, signal }: Compaction): Promise<void> {
  const { limits, turnId, promptTokensMax } = context
  const { summary } = context.log.state
  const task: SummaryTask = {
    previous: summary?.text ?? null,
    turns: older,
    // At most an eighth of the prompt, as one character can be a token.
    charactersMax: Math.min(limits.summaryCharactersMax, Math.floor(promptTokensMax / 8)),
  }
  const byModel = await askForSummary(context, { task, calls, signal })
  const text = byModel ?? summaryByRule(task)
  const usage = calls.unlogged
  await commitTurn(context, (state) => {
    ownTurn(state, context)
    if (state.summary?.throughTurnId === last.turnId) return []
    return [{ type: 'history-compacted', turnId, summary: text, throughTurnId: last.turnId, usage }]
  })
  calls.markLogged()
}

interface Asking extends Pick<Compaction, 'calls' | 'signal'> {
  readonly task: SummaryTask
}

/** What a general model makes of it; undefined where there is none, or it fails, is late or says nothing usable. */
async function askForSummary(
  context: TurnContext,
  { task, calls, signal }: Asking,
): Promise<string | undefined> {
  const { clock, limits, promptTokensMax, reportDefect } = context
  if (!calls.model.isGeneral) return undefined
  const late = new AbortController()
  const cancel = clock.after(limits.summaryMs, () => late.abort(new TurnStop('time')))
  try {
    const { text, finishReason } = await calls.read({
      purpose: 'summary',
      request: summaryRequest(task, promptTokensMax / 2),
      callIdsTaken: new Set(),
      charactersLeft: task.charactersMax * patience,
      toolCallsMax: 0,
      signal: AbortSignal.any([signal, late.signal]),
      onText: () => {},
      onProgress: () => {},
    })
    if (finishReason === 'blocked') return undefined
    return shortened(text, task.charactersMax) || undefined
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof StoreError) throw error
    const isForeseen =
      error instanceof ModelError || error instanceof ServiceError || error instanceof TurnStop
    if (!isForeseen) reportDefect(error)
    return undefined
  } finally {
    cancel()
  }
}
