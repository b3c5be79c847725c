import { sleep } from '../clock.ts'
import type { ToolCall } from '../llm/model.ts'
import type { SessionState } from '../log/state.ts'
import type { Tool, ToolEffect } from './tool.ts'
import { ownTurn } from './turn-begin.ts'
import { commitTurn } from './turn-commit.ts'
import type { TurnContext } from './turn-context.ts'

/** What is left of a call when its slow part is done: a pure decision on the newest state. */
type Decide = (state: SessionState) => ToolEffect

/** Given as the reason, because without one every abort makes an exception with its stack. */
const callsOver = 'The calls are over.'

/** Does the slow parts of all calls side by side, then appends what they decide one after the other, in their order. */
export async function runTools(
  context: TurnContext,
  calls: readonly ToolCall[],
  signal: AbortSignal,
): Promise<void> {
  const round = new AbortController()
  const inRound = AbortSignal.any([signal, round.signal])
  const prepared = inOrder(context, calls).map((call) => ({ call, decide: prepare(context, call, inRound) }))
  for (const { decide } of prepared) decide.catch(() => {}) // Awaited below, unless one before it has failed.
  try {
    for (const { call, decide } of prepared) {
      const decided = await decide
      signal.throwIfAborted()
      await applyCall(context, call, decided)
    }
  } finally {
    round.abort(callsOver)
  }
}

/** As the model made them, but for those whose tools have to come last. */
function inOrder(context: TurnContext, calls: readonly ToolCall[]): readonly ToolCall[] {
  const isLast = (call: ToolCall): boolean => findTool(context, call.name)?.runsLast === true
  return [...calls.filter((call) => !isLast(call)), ...calls.filter(isLast)]
}

/** Appends the call's effect and tells the readers. An effect that the log has already is not applied again. */
async function applyCall(context: TurnContext, call: ToolCall, decide: Decide): Promise<void> {
  const { log, turnId, events, observer } = context
  const { callId, name } = call
  let effect: ToolEffect | undefined
  await commitTurn(context, (state) => {
    if (ownTurn(state, context).effects.some((present) => present.callId === callId)) return []
    effect = decide(state)
    return [{ type: 'effect', effectId: effectIdOf(context, call), turnId, callId, name, ...effect }]
  })
  if (effect === undefined) return
  observer.toolCalled(findTool(context, name) === undefined ? 'unknown' : name, effect.outcome)
  events.emit({ type: 'tool-result', callId, name, result: effect.result })
  if (effect.changes.length > 0) events.emit({ type: 'state', bar: log.state.bar })
  const { confirmation } = log.state.bar
  const hasAsked = effect.changes.some(({ type }) => type === 'confirmation-asked')
  if (hasAsked && confirmation !== null) events.emit({ type: 'confirmation', confirmation })
}

async function prepare(context: TurnContext, call: ToolCall, signal: AbortSignal): Promise<Decide> {
  const { clock, limits, reportDefect } = context
  const tool = findTool(context, call.name)
  if (tool === undefined) return () => failure('invalid', 'There is no tool of that name.')
  if ('work' in tool) {
    const effect = await workOutside(tool, call, { context, signal })
    return () => effect
  }
  const effectId = effectIdOf(context, call)
  const { confirmationMs } = limits
  return ({ bar }) => {
    try {
      return tool.decide(call.arguments, { bar, date: clock.date(), effectId, confirmationMs })
    } catch (error) {
      reportDefect(error)
      return failure('failed', 'The tool failed.')
    }
  }
}

/** Slow work with its time-out and its bound; what goes wrong in it is a result for the model. */
async function workOutside(
  tool: Extract<Tool, { work: unknown }>,
  call: ToolCall,
  { context, signal }: { readonly context: TurnContext; readonly signal: AbortSignal },
): Promise<ToolEffect> {
  const { clock, limits } = context
  const over = new AbortController()
  const inTime = AbortSignal.any([signal, over.signal])
  const timedOut = sleep(clock, limits.toolMs, inTime).then(() =>
    failure('failed', 'The tool did not answer in time.'),
  )
  timedOut.catch(() => {}) // Its rejection is seen through the race below, or it came after it.
  try {
    const work = tool.work(call.arguments, { effectId: effectIdOf(context, call), signal: inTime })
    const effect = await Promise.race([work, timedOut])
    // As the log will have it, so that the model is told the same now and after a crash.
    const text = JSON.stringify(effect.result) ?? 'null'
    if (Buffer.byteLength(text) > limits.toolResultBytesMax)
      return failure('failed', 'The result is too large.')
    return { ...effect, result: JSON.parse(text) }
  } catch {
    signal.throwIfAborted()
    return failure('failed', 'The tool failed.')
  } finally {
    over.abort(callsOver) // Ends the time-out, and work that was too slow.
  }
}

function findTool({ agent }: TurnContext, name: string): Tool | undefined {
  return agent.tools.find((tool) => tool.name === name)
}

function effectIdOf({ turnId }: TurnContext, { callId }: ToolCall): string {
  return `${turnId}:${callId}`
}

function failure(outcome: 'invalid' | 'failed', message: string): ToolEffect {
  return { outcome, result: { status: 'error', message }, changes: [] }
}
