import { sleep } from '../clock.ts'
import type { ToolCall } from '../llm/model.ts'
import type { SessionState } from '../log/state.ts'
import type { Tool, ToolEffect } from './tool.ts'
import type { TurnContext } from './turn-context.ts'
import { openTurnOf } from './turn-begin.ts'

/** Runs one call, appends its effect, and tells the readers. An effect that the log has already is not applied again. */
export async function runTool(context: TurnContext, call: ToolCall, signal: AbortSignal): Promise<void> {
  const { log, owner, turnId, agent, events, observer } = context
  const { callId, name } = call
  const effectId = `${turnId}:${callId}`
  const tool = agent.tools.find((candidate) => candidate.name === name)
  const decide = await decider({ context, tool, call, signal })
  let effect: ToolEffect | undefined
  await log.commit((state) => {
    const isApplied = openTurnOf(state)?.effects.some((present) => present.callId === callId)
    if (isApplied === true) return []
    effect = decide(state)
    return [{ type: 'effect', effectId, turnId, callId, name, ...effect }]
  }, owner)
  if (effect === undefined) return
  observer.toolCalled(tool === undefined ? 'unknown' : name, effect.outcome)
  events.emit({ type: 'tool-result', callId, name, result: effect.result })
  if (effect.changes.length > 0) events.emit({ type: 'state', bar: log.state.bar })
  const { confirmation } = log.state.bar
  const hasAsked = effect.changes.some(({ type }) => type === 'confirmation-asked')
  if (hasAsked && confirmation !== null) events.emit({ type: 'confirmation', confirmation })
}

interface CallOptions {
  readonly context: TurnContext
  readonly tool: Tool | undefined
  readonly call: ToolCall
  readonly signal: AbortSignal
}

/** Does the slow part of a call, if it has one, and leaves what has to be decided on the newest state. */
async function decider({
  context,
  tool,
  call,
  signal,
}: CallOptions): Promise<(state: SessionState) => ToolEffect> {
  signal.throwIfAborted()
  const { turnId, clock, limits, reportDefect } = context
  const effectId = `${turnId}:${call.callId}`
  if (tool === undefined) return () => failure('invalid', `There is no tool of that name.`)
  if ('work' in tool) {
    const effect = await bounded(tool.work(call.arguments, { effectId, signal }), context, signal)
    return () => effect
  }
  return ({ bar }) => {
    try {
      const { confirmationMs } = limits
      return tool.decide(call.arguments, { bar, date: clock.date(), effectId, confirmationMs })
    } catch (error) {
      reportDefect(error)
      return failure('failed', 'The tool failed.')
    }
  }
}

/** Slow work with its time-out and its bound; what goes wrong in it is a result for the model. */
async function bounded(
  work: Promise<ToolEffect>,
  context: TurnContext,
  signal: AbortSignal,
): Promise<ToolEffect> {
  const { clock, limits } = context
  const over = new AbortController()
  const timedOut = sleep(clock, limits.toolMs, AbortSignal.any([signal, over.signal])).then(() =>
    failure('failed', 'The tool did not answer in time.'),
  )
  timedOut.catch(() => {}) // Its rejection is seen through the race below, or it came after it.
  try {
    const effect = await Promise.race([work, timedOut])
    const bytes = JSON.stringify(effect.result)?.length ?? 0
    return bytes > limits.toolResultBytesMax ? failure('failed', 'The result is too large.') : effect
  } catch {
    signal.throwIfAborted()
    return failure('failed', 'The tool failed.')
  } finally {
    over.abort()
  }
}

function failure(outcome: 'invalid' | 'failed', message: string): ToolEffect {
  return { outcome, result: { status: 'error', message }, changes: [] }
}
