import type { BarState } from '../bar/bar.ts'
import type { Tool } from './tool.ts'

/** Who the guest talks to. An agent is one file in `agents/` plus its tools. */
export interface Agent {
  readonly name: string
  readonly instructions: string
  readonly tools: readonly Tool[]
  /** How things stand, told to the model with every call: made from the ledger, whatever was said. */
  readonly stateOf?: (bar: BarState) => object
}
