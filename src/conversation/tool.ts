import type { Static, TObject } from 'typebox'
import { Value } from 'typebox/value'
import type { BarChange, BarState } from '../bar/bar.ts'
import type { Decision } from '../bar/orders.ts'
import type { ToolSpec } from '../llm/model.ts'
import type { ToolOutcome } from '../log/events.ts'

/** What a tool did: the answer for the model, and what it changed at the bar. */
export interface ToolEffect {
  readonly outcome: ToolOutcome
  readonly result: unknown
  readonly changes: readonly BarChange[]
}

export interface DecisionContext {
  readonly bar: BarState
  /** Milliseconds since 1970. */
  readonly date: number
  /** `<turnId>:<callId>`: the same whenever this call is tried again. */
  readonly effectId: string
  readonly confirmationMs: number
}

export interface WorkContext {
  readonly effectId: string
  readonly signal: AbortSignal
}

/**
 * A tool that an agent can call. One of two kinds:
 * `decide` is a pure function over the bar that runs inside the append, so it may be called again on a conflict;
 * `work` does something slow outside and only reports. After a crash it may be called again with the same `effectId`.
 */
export type Tool = ToolSpec & {
  /** Decided after all other calls of its reply. */
  readonly runsLast?: boolean
} & (
    | { readonly decide: (args: unknown, context: DecisionContext) => ToolEffect }
    | { readonly work: (args: unknown, context: WorkContext) => Promise<ToolEffect> }
  )

interface ToolHead<Parameters extends TObject> {
  readonly name: string
  readonly description: string
  readonly parameters: Parameters
  readonly runsLast?: boolean
}

/** Defines a tool over the bar. Its result reaches the model with snake_case names. */
export function defineTool<Parameters extends TObject>(
  tool: ToolHead<Parameters> & {
    readonly decide: (args: Static<Parameters>, context: DecisionContext) => Decision<unknown>
  },
): Tool {
  return {
    ...tool,
    decide(args, context) {
      if (!Value.Check(tool.parameters, args)) return invalidCall(tool, args)
      const { result, changes, refused } = tool.decide(args, context)
      return { outcome: refused ? 'refused' : 'ok', result: snakeCaseNames(result), changes }
    },
  }
}

/** Defines a tool that works outside the bar: a search, a request to another system. */
export function defineWorkTool<Parameters extends TObject>(
  tool: ToolHead<Parameters> & {
    readonly work: (args: Static<Parameters>, context: WorkContext) => Promise<unknown>
  },
): Tool {
  return {
    ...tool,
    async work(args, context) {
      if (!Value.Check(tool.parameters, args)) return invalidCall(tool, args)
      return { outcome: 'ok', result: await tool.work(args, context), changes: [] }
    },
  }
}

/** Model output is untrusted input: a bad call becomes a result that the model can correct. */
function invalidCall(tool: ToolHead<TObject>, args: unknown): ToolEffect {
  const [first] = Value.Errors(tool.parameters, args)
  const problem =
    first === undefined ? 'do not fit' : `${first.instancePath || 'the arguments'} ${first.message}`
  return { outcome: 'invalid', result: { status: 'invalid_arguments', message: problem }, changes: [] }
}

/** `{ tabCents: 1 }` as `{ tab_cents: 1 }`, all the way down. */
function snakeCaseNames(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeCaseNames)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      snakeCaseNames(inner),
    ]),
  )
}
