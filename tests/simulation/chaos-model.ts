import { sleep, type Clock } from '../../src/clock.ts'
import { ModelError, type Model, type ModelEvent, type ModelRequest } from '../../src/llm/model.ts'
import type { Random } from './random.ts'

const items = ['Martini', 'IPA', 'Water', 'Long Island', 'Nectar']
const usage = { inputTokens: 3, outputTokens: 2 }

/** A model that does anything a model may do, and some things that it may not. */
export function createChaosModel(random: Random, clock: Clock): Model {
  return {
    name: 'chaos',
    isGeneral: true,
    async *stream({ messages }: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent> {
      const pause = () => sleep(clock, random.between(0, 1500), signal)
      const words = random.between(0, 12)
      for (let word = 0; word < words; word++) {
        if (random.chance(0.5)) await pause()
        yield { type: 'text-delta', text: `word${word} ` }
      }
      if (random.chance(0.05)) await sleep(clock, 100_000, signal)
      if (random.chance(0.05)) throw failure(random)
      if (random.chance(0.03)) return
      const hasResults = messages.at(-1)?.role === 'tool'
      const calls = random.chance(hasResults ? 0.2 : 0.7) ? random.between(1, 3) : 0
      for (let call = 1; call <= calls; call++) {
        yield { type: 'tool-call', call: { callId: `call-${call}`, ...randomCall(random) } }
      }
      if (words === 0 && calls === 0) yield { type: 'text-delta', text: 'Yes?' }
      yield { type: 'finish', reason: 'stop', usage }
    },
  }
}

function failure(random: Random): Error {
  if (random.chance(0.1)) return new Error('simulated: a defect in the provider')
  return new ModelError('MODEL_UNAVAILABLE', 'simulated', { retryable: random.chance(0.5) })
}

function randomCall(random: Random): { readonly name: string; readonly arguments: unknown } {
  const item_name = random.pick(items)
  return random.pick([
    { name: 'add_to_order', arguments: { item_name, quantity: random.between(1, 9) } },
    { name: 'add_to_order', arguments: { item_name, quantity: random.between(1, 50) } },
    { name: 'remove_from_order', arguments: { item_name, quantity: random.between(1, 3) } },
    { name: 'clear_order', arguments: {} },
    { name: 'set_tip', arguments: { tip_percentage: random.pick([10, 15, 20, null]) } },
    { name: 'pay_bill', arguments: {} },
    { name: 'get_bill', arguments: {} },
    { name: 'add_to_order', arguments: { item_name: 7 } },
    { name: 'drop_table', arguments: {} },
  ])
}
