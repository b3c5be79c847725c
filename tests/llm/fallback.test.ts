import { describe, expect, it } from 'vitest'
import { withFallback } from '../../src/llm/fallback.ts'
import { ModelError, type ModelErrorCode, type ModelEvent } from '../../src/llm/model.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import {
  done,
  fellBack,
  Hearing,
  NotedModels,
  outage,
  plainRequest,
  PlayedModel,
  text,
  thinking,
  type Step,
} from '../fakes/played-model.ts'

const answer = [text('From the '), text('second.'), done]
const toolCall: ModelEvent = { type: 'tool-call', call: { callId: '1', name: 'x', arguments: {} } }

function setup(steps: readonly Step[], secondSteps: readonly Step[] = answer, isGeneral = true) {
  const clock = new FakeClock()
  const first = new PlayedModel(clock, [steps], { name: 'first' })
  const second = new PlayedModel(clock, [secondSteps], { name: 'second', isGeneral })
  const observer = new NotedModels()
  return { clock, first, second, model: withFallback(first, second, observer), notes: observer.notes }
}

describe('a model with a fallback', () => {
  it('goes by the name and the kind of the first', () => {
    expect(setup(answer, answer, false).model).toMatchObject({ name: 'first', isGeneral: true })
  })

  it('never asks the second while the first answers', async () => {
    const { model, second, notes } = setup([thinking, text('Hello.'), done])
    const hearing = new Hearing(model)
    await hearing.whenOver
    expect(hearing.events).toEqual([thinking, text('Hello.'), done])
    expect(second.asked).toBe(0)
    expect(notes).toEqual([])
  })

  it.each<readonly [string, readonly Step[]]>([
    ['cannot be reached', [outage()]],
    [
      'cannot be reached, whatever one does',
      [new ModelError('MODEL_UNAVAILABLE', 'No.', { retryable: false })],
    ],
    ['is too slow', [new ModelError('MODEL_TIMEOUT', 'No.', { retryable: true })]],
    ['is cut off', []],
    ['breaks off', [new ModelError('MODEL_TRUNCATED', 'No.', { retryable: true })]],
  ])('is the second when the first %s', async (_how, steps) => {
    const { model, first, notes } = setup(steps)
    const hearing = new Hearing(model)
    await hearing.whenOver
    expect([hearing.events, hearing.error]).toEqual([[fellBack, ...answer], undefined])
    expect(notes).toEqual(['first fell back'])
    expect(first.running).toBe(0)
  })

  it('is the second also after the first has only been thinking', async () => {
    const hearing = new Hearing(setup([thinking, outage()]).model)
    await hearing.whenOver
    expect(hearing.events).toEqual([thinking, fellBack, ...answer])
  })

  it.each([true, false])('says whether the second is a general one (%s)', async (isGeneral) => {
    const hearing = new Hearing(setup([outage()], answer, isGeneral).model)
    await hearing.whenOver
    expect(hearing.events[0]).toEqual({ type: 'progress', what: 'fell-back', provider: 'second', isGeneral })
  })

  it.each<ModelErrorCode>(['KEY_REJECTED', 'KEY_QUOTA', 'MODEL_BLOCKED'])(
    'tells the guest of %s and asks nobody else',
    async (code) => {
      const failure = new ModelError(code, 'No.', { retryable: true })
      const { model, second } = setup([failure])
      const hearing = new Hearing(model)
      await hearing.whenOver
      expect([hearing.error, second.asked]).toEqual([failure, 0])
    },
  )

  it('does not hide a defect', async () => {
    const failure = new Error('a defect')
    const hearing = new Hearing(setup([failure]).model)
    await hearing.whenOver
    expect(hearing.error).toBe(failure)
  })

  it.each([[text('Hel')], [toolCall]])('is cut off where the first is, after %j', async (event) => {
    const failure = outage()
    const { model, second } = setup([event, failure])
    const hearing = new Hearing(model)
    await hearing.whenOver
    expect([hearing.events, hearing.error, second.asked]).toEqual([[event], failure, 0])
  })

  it('fails as the second fails', async () => {
    const failure = new ModelError('MODEL_TIMEOUT', 'Both.', { retryable: true })
    const hearing = new Hearing(setup([outage()], [failure]).model)
    await hearing.whenOver
    expect(hearing.error).toBe(failure)
  })

  it('never asks a model that only tends a bar where there are no tools', async () => {
    const failure = outage()
    const summary = { request: { ...plainRequest, tools: [] } }
    const bar = setup([failure], answer, false)
    const hearing = new Hearing(bar.model, summary)
    await hearing.whenOver
    expect([hearing.error, bar.second.asked]).toEqual([failure, 0])
    const general = new Hearing(setup([failure], answer).model, summary)
    await general.whenOver
    expect(general.events).toEqual([fellBack, ...answer])
  })

  it.each<readonly [string, readonly Step[], readonly Step[]]>([
    ['of the first', ['hang'], answer],
    ['while the first thinks', [thinking, 'hang'], answer],
    ['of the second', [outage()], ['hang']],
    ['in the middle of the second', [outage()], [text('From'), 'hang']],
  ])('takes an abort %s for no failure', async (_when, steps, secondSteps) => {
    const parts = setup(steps, secondSteps)
    const hearing = new Hearing(parts.model)
    await settle()
    const asked = parts.second.asked
    hearing.stop.abort(outage())
    await hearing.whenOver
    expect(hearing.error).toBe(hearing.stop.signal.reason)
    expect(parts.second.asked).toBe(asked)
    await settle()
    expect([parts.first.running, parts.second.running, parts.clock.pending]).toEqual([0, 0, 0])
  })

  it.each([1, 2, 3])('lets both go when its reader leaves after event %i', async (leaveAfter) => {
    const { model, first, second } = setup([thinking, outage()])
    await new Hearing(model, { leaveAfter }).whenOver
    await settle()
    expect([first.running, second.running]).toEqual([0, 0])
    expect(second.asked).toBe(leaveAfter === 3 ? 1 : 0)
  })
})
