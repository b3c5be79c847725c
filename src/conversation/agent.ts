import type { Tool } from './tool.ts'

/** Who the guest talks to. An agent is one file in `agents/` plus its tools. */
export interface Agent {
  readonly name: string
  readonly instructions: string
  readonly tools: readonly Tool[]
}
