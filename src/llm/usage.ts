import type { Usage } from './model.ts'

export const noUsage: Usage = { inputTokens: 0, outputTokens: 0 }

export function addUsage(one: Usage, other: Usage): Usage {
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
  }
}

/** All of them together, as budgets count. */
export function tokensOf({ inputTokens, outputTokens }: Usage): number {
  return inputTokens + outputTokens
}
