import { sleep } from '../clock.ts'
import type { ErrorCode } from '../errors.ts'
import type { ToolCall } from '../llm/model.ts'
import type { SessionState } from '../log/state.ts'
import { startTiming, type Timing } from './timing.ts'
import type { Tool, ToolEffect } from './tool.ts'
import { ownTurn } from './turn-begin.ts'
import { commitTurn } from './turn-commit.ts'
import type { TurnContext } from './turn-context.ts'
import { earlyEndOf } from './turn-stop.ts'

/** What is left of a call when its slow part is done: a pure decision on the newest state. */
type Decide = (state: SessionState) => ToolEffect

/** Given as the reason, because without one every abort makes an exception with its stack. */
const callsOver = 'The calls are over.'

/** One call, whose slow part is on its way where it has one. */
interface Prepared {
  readonly call: ToolCall
  /** A slow one begins at once, any other when it is its turn. */
  timing: Timing | undefined
  readonly decide: Promise<Decide>
}

/** Does the slow parts of all calls side by side, then appends what they decide one after the other, in their order. */
export async function runTools(
  context: TurnContext,
  calls: readonly ToolCall[],
  signal: AbortSignal,
): Promise<void> {
  const round = new AbortController()
  const inRound = AbortSignal.any([signal, round.signal])
  const prepared = inOrder(context, calls).map((call): Prepared => {
    const timing = isSlow(context, call) ? startTiming(context.clock) : undefined
    return { call, timing, decide: prepare(context, call, inRound) }
  })
  for (const { decide } of prepared) decide.catch(() => {}) // Awaited below, unless one before it has failed.
  const unfinished = new Set(prepared)
  try {
    for (const one of prepared) {
      one.timing ??= startTiming(context.clock)
      const effect = await finishCall(context, one, signal)
      unfinished.delete(one)
      if (effect !== undefined) report(context, one, { effect, code: null })
    }
  } catch (error) {
    const { code } = earlyEndOf(error)
    for (const one of unfinished) report(context, one, { effect: undefined, code })
    throw error
  } finally {
    round.abort(callsOver)
  }
}

async function finishCall(
  context: TurnContext,
  { call, decide }: Prepared,
  signal: AbortSignal,
): Promise<ToolEffect | undefined> {
  const decided = await decide
  signal.throwIfAborted()
  return applyCall(context, call, decided)
}

interface CallEnd {
  readonly effect: ToolEffect | undefined
  readonly code: ErrorCode | null
}

/** Of a call that has not begun there is nothing to report. */
function report(context: TurnContext, { call, timing }: Prepared, { effect, code }: CallEnd): void {
  if (timing === undefined) return
  context.observer.stepEnded({
    kind: 'tool',
    tool: findTool(context, call.name) === undefined ? 'unknown' : call.name,
    callId: call.callId,
    startedAtMs: timing.startedAtMs,
    seconds: timing.seconds(),
    outcome: effect?.outcome ?? null,
    code,
    content: () => ({ arguments: call.arguments, result: effect?.result }),
  })
}

/** As the model made them, but for those whose tools have to come last. */
function inOrder(context: TurnContext, calls: readonly ToolCall[]): readonly ToolCall[] {
  const isLast = (call: ToolCall): boolean => findTool(context, call.name)?.runsLast === true
  return [...calls.filter((call) => !isLast(call)), ...calls.filter(isLast)]
}

/**
 * Appends the call's effect and tells the readers. An effect that the log has already is not applied again, and then
 * there is nothing to be told.
 */
async function applyCall(
  context: TurnContext,
  call: ToolCall,
  decide: Decide,
): Promise<ToolEffect | undefined> {
  const { log, turnId, events } = context
  const { callId, name } = call
  let effect: ToolEffect | undefined
  await commitTurn(context, (state) => {
    if (ownTurn(state, context).effects.some((present) => present.callId === callId)) return []
    effect = decide(state)
    return [{ type: 'effect', effectId: effectIdOf(context, call), turnId, callId, name, ...effect }]
  })
  if (effect === undefined) return undefined
  events.emit({ type: 'tool-result', callId, name, result: effect.result })
  if (effect.changes.length > 0) events.emit({ type: 'state', bar: log.state.bar })
  const { confirmation } = log.state.bar
  const hasAsked = effect.changes.some(({ type }) => type === 'confirmation-asked')
  if (hasAsked && confirmation !== null) events.emit({ type: 'confirmation', confirmation })
  return effect
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

function isSlow(context: TurnContext, { name }: ToolCall): boolean {
  const tool = findTool(context, name)
  return tool !== undefined && 'work' in tool
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
