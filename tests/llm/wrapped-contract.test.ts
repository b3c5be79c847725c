import { systemClock } from '../../src/clock.ts'
import type { Model } from '../../src/llm/model.ts'
import { wrapped } from '../fakes/wrapped-model.ts'
import { setupGemini } from './gemini-upstream.ts'
import { describeModel } from './model.contract.ts'

describeModel('a model in all its wrappers', {
  capabilities: ['scripted', 'network', 'guest-key'],
  async setup({ owner }) {
    const { model, upstream } = await setupGemini('direct', owner)
    const [first, second] = failingAlike(model)
    const close = async (): Promise<void> => {
      if ('close' in model) await model.close()
    }
    return { model: { ...wrapped(first, second, { clock: systemClock, attemptsMax: 1 }), close }, upstream }
  },
})

/** The model, and one that fails as it has failed, so that how both fail is what the upstream plays. */
function failingAlike(model: Model): readonly [Model, Model] {
  const { name, isGeneral } = model
  const failures: unknown[] = []
  const first: Model = {
    name,
    isGeneral,
    async *stream(request, signal) {
      try {
        yield* model.stream(request, signal)
      } catch (error) {
        failures.push(error)
        throw error
      }
    },
  }
  const second: Model = {
    name: 'second',
    isGeneral,
    stream() {
      throw failures.at(-1)
    },
  }
  return [first, second]
}
