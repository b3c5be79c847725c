import { describe, expect, it } from 'vitest'
import { withOpening } from '../../src/llm/hand-over.ts'
import type { Model, ModelEvent } from '../../src/llm/model.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { done, Hearing, PlayedModel, text, type Step } from '../fakes/played-model.ts'

const played = (...steps: readonly Step[]) => new PlayedModel(new FakeClock(), [steps])

/** Reads the first event of a model, and hands over the rest. */
function afterFirst(model: Model): Model {
  return withOpening(model, async function* first({ ask }) {
    const next = ask(model)
    yield await next()
  })
}

describe('an opening', () => {
  it('hands over what it has not read', async () => {
    const hearing = new Hearing(afterFirst(played(text('a'), text('b'), done)))
    await hearing.whenOver
    expect(hearing.events).toEqual([text('a'), text('b'), done])
  })

  it('lets go of a model that it asked before another one', async () => {
    const [first, second] = [played(text('a'), 'hang'), played(text('b'), done)]
    const model = withOpening(first, async function* both({ ask }) {
      yield await ask(first)()
      ask(second)
    })
    const hearing = new Hearing(model)
    await hearing.whenOver
    await settle()
    expect(hearing.events).toEqual([text('a'), text('b'), done])
    expect(first.running).toBe(0)
  })

  it('finds a stream that ends before its next event cut off', async () => {
    const hearing = new Hearing(afterFirst(played()))
    await hearing.whenOver
    expect(hearing.error).toMatchObject({ code: 'MODEL_TRUNCATED', retryable: true })
  })

  it.each<readonly [string, () => readonly ModelEvent[]]>([
    ['ends', () => []],
    [
      'fails in its own way',
      () => {
        throw new Error('This operation was aborted')
      },
    ],
  ])('knows why a model %s when it is aborted', async (_how, end) => {
    const model: Model = {
      name: 'played',
      isGeneral: true,
      async *stream(_request, signal): AsyncIterable<ModelEvent> {
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        yield* end()
      },
    }
    const hearing = new Hearing(afterFirst(model))
    await settle()
    hearing.stop.abort('stopped')
    await hearing.whenOver
    expect(hearing.error).toBe('stopped')
  })
})
