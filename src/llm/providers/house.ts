import type { Clock } from '../../clock.ts'
import type { Model } from '../model.ts'

export interface HouseModelOptions {
  readonly clock: Clock
  readonly paceMs: number
  readonly vocabulary: {
    readonly items: readonly { readonly name: string; readonly priceCents: number; readonly category: string }[]
    readonly modifiers: readonly string[]
  }
}

export function createHouseModel(_options: HouseModelOptions): Model {
  return {
    name: 'house',
    async *stream() {
      yield { type: 'text-delta', text: 'Hello. ' } as const
      yield { type: 'finish', reason: 'stop', usage: { inputTokens: 1, outputTokens: 1 } } as const
    },
  }
}
