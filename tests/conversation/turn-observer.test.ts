import { Type } from 'typebox'
import { describe, expect, it } from 'vitest'
import type { TurnStep } from '../../src/conversation/observer.ts'
import { defineWorkTool } from '../../src/conversation/tool.ts'
import { barTools } from '../../src/conversation/tools/bar-tools.ts'
import { ModelError, type ModelEvent } from '../../src/llm/model.ts'
import { StoreError } from '../../src/log/store.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import { FakeVoice } from '../fakes/fake-voice.ts'
import type { RecordingObserver } from '../fakes/recording-observer.ts'
import { calls, finish, hangsAfter, says } from '../fakes/scripted-model.ts'
import { unreliable } from '../log/unreliable-store.ts'
import { openSession, type ContainerOptions } from '../sessions/container.ts'

const gin = ['add_to_order', { item_name: 'gin', quantity: 1 }] as const

/** A tool that never answers. */
const endless = (name: string) =>
  defineWorkTool({
    name,
    description: 'Never finds it.',
    parameters: Type.Object({}),
    work: () => new Promise(() => {}),
  })

/** What was reported of the only turn. */
function reportOf({ turns }: RecordingObserver) {
  const [turn] = turns
  if (turn === undefined || turns.length > 1) throw new Error('There is not one turn.')
  return turn
}

const namesOf = (steps: readonly TurnStep[]) =>
  steps.map((step) => {
    switch (step.kind) {
      case 'model':
        return `${step.purpose} ${step.provider}`
      case 'tool':
        return step.tool
      case 'store':
        return step.operation
      case 'speech':
        return `speech ${step.provider}`
    }
  })

describe('a turn reports', () => {
  it('its beginning, every step in the order of their ends, and its end once', async () => {
    const { say, observer, id } = await openSession({ replies: [calls(gin), says('Here you are.')] })
    await say('Gin')
    const { begun, steps, firstTexts, ends } = reportOf(observer)
    expect(begun).toMatchObject({
      sessionId: id,
      agent: 'maya',
      attempt: 0,
      origin: null,
      trace: null,
    })
    expect(namesOf(steps)).toEqual([
      'acquireLease',
      'append',
      'reply scripted',
      'append',
      'append',
      'add_to_order',
      'reply scripted',
      'append',
      'releaseLease',
    ])
    expect(new Set(steps.map(({ code }) => code))).toEqual(new Set([null]))
    expect(firstTexts).toEqual([0])
    expect(ends).toEqual([{ outcome: 'complete', code: null, seconds: 0 }])
  })

  it('where it comes from, as its message said', async () => {
    const { use, observer } = await openSession({ replies: [says('Hello.')] })
    const origin = { requestId: 'request-1', traceParent: null }
    await use(async (session) => {
      const events = await session.send({ userInput: 'Hello', request: undefined, origin })
      await events.whenEnded
    })
    expect(reportOf(observer).begun.origin).toEqual(origin)
  })

  it('when a step began and how long it took', async () => {
    const clock = new FakeClock()
    const lookUp = defineWorkTool({
      name: 'look_up',
      description: 'Looks something up.',
      parameters: Type.Object({}),
      work: () => new Promise((resolve) => clock.after(700, () => resolve('found'))),
    })
    const { send, observer } = await openSession({
      clock,
      tools: [...barTools, lookUp],
      replies: [calls(['look_up', {}], gin), says('Done.')],
    })
    const startedAtMs = clock.date()
    await send('Look')
    await settle()
    await clock.advanceAsync(700)
    await settle()
    const { steps, ends } = reportOf(observer)
    const tools = steps.filter(({ kind }) => kind === 'tool')
    expect(tools).toMatchObject([
      { tool: 'look_up', startedAtMs, seconds: 0.7 },
      // Its turn came when the first was done.
      { tool: 'add_to_order', startedAtMs: startedAtMs + 700, seconds: 0 },
    ])
    expect(ends).toMatchObject([{ seconds: 0.7 }])
  })

  it('what a model took, why it ended, and on demand what was said', async () => {
    const reply = calls(gin)
    const { say, observer } = await openSession({ replies: [reply, says('Here you are.')] })
    await say('Gin')
    const models = reportOf(observer).steps.filter((step) => step.kind === 'model')
    expect(models).toMatchObject([
      { toolCalls: 1, finishReason: 'stop', firstTextSeconds: null },
      { toolCalls: 0, usage: { inputTokens: 10, outputTokens: 5 }, firstTextSeconds: 0 },
    ])
    expect(models.map(({ isFallback, isOwnKey }) => [isFallback, isOwnKey])).toEqual([
      [false, false],
      [false, false],
    ])
    const content = models[1]?.content()
    expect(content).toMatchObject({ text: 'Here you are.', toolCalls: [] })
    expect(content?.request.messages[0]).toMatchObject({ role: 'user', text: 'Gin' })
  })

  it('the model that answered in the place of another', async () => {
    const fellBack: ModelEvent = { type: 'progress', what: 'fell-back', provider: 'second', isGeneral: true }
    const { say, observer } = await openSession({ replies: [[fellBack, ...says('Hello.')]] })
    await say('Hello')
    expect(reportOf(observer).steps.find(({ kind }) => kind === 'model')).toMatchObject({
      provider: 'second',
      isFallback: true,
    })
  })

  it('a failure of its model with its code, and no step after its end', async () => {
    const failure = new ModelError('MODEL_TIMEOUT', 'Too slow.', { retryable: true })
    const { say, observer } = await openSession({ replies: [failure] })
    await say('Hello')
    const { steps, ends } = reportOf(observer)
    expect(steps.find(({ kind }) => kind === 'model')).toMatchObject({
      code: 'MODEL_TIMEOUT',
      finishReason: null,
    })
    expect(ends).toMatchObject([{ outcome: 'interrupted', code: 'MODEL_TIMEOUT' }])
  })

  it('a step that it was stopped in, and no reason for its own end', async () => {
    const { send, observer, use } = await openSession({ replies: [hangsAfter('Once upon')] })
    await send('Tell me')
    await settle()
    await use((live) => live.stop(undefined, (stopped) => ({ status: 200, body: { stopped } })))
    const { steps, ends } = reportOf(observer)
    expect(steps.find(({ kind }) => kind === 'model')).toMatchObject({ code: 'INTERRUPTED' })
    expect(ends).toMatchObject([{ outcome: 'stopped', code: null }])
  })

  it('a tool that it ran out of time in', async () => {
    const clock = new FakeClock()
    const { send, observer } = await openSession({
      clock,
      turnMs: 1000,
      tools: [endless('look_up')],
      replies: [calls(['look_up', {}])],
    })
    await send('Look')
    await settle()
    await clock.advanceAsync(1000)
    await settle()
    const { steps, ends } = reportOf(observer)
    expect(steps.filter(({ kind }) => kind === 'tool')).toMatchObject([
      { tool: 'look_up', outcome: null, code: 'TURN_LIMIT', seconds: 1 },
    ])
    expect(ends).toMatchObject([{ outcome: 'failed', code: 'TURN_LIMIT' }])
  })

  it('every slow tool that was at work when it was stopped, and no tool that was not', async () => {
    const { send, observer, use } = await openSession({
      tools: [...barTools, endless('look_here'), endless('look_there')],
      replies: [calls(gin, ['look_here', {}], gin, ['look_there', {}])],
    })
    await send('Look')
    await settle()
    await use((live) => live.stop(undefined, (stopped) => ({ status: 200, body: { stopped } })))
    const { steps } = reportOf(observer)
    const tools = steps.filter((step) => step.kind === 'tool')
    expect(tools.map(({ tool, code }) => [tool, code])).toEqual([
      ['add_to_order', null],
      ['look_here', 'INTERRUPTED'],
      ['look_there', 'INTERRUPTED'],
    ])
  })

  it('its end, also where the lease cannot be given back for a defect', async () => {
    const { store, faults } = unreliable(createMemoryStore({ clock: new FakeClock() }))
    const { say, observer, defects } = await openSession({ store, replies: [says('Hello.')] })
    const defect = new Error('A defect of the store.')
    faults.before = (operation) => {
      if (operation === 'releaseLease') throw defect
    }
    await say('Hello')
    expect(reportOf(observer).ends).toMatchObject([{ outcome: 'complete' }])
    expect(defects).toEqual([defect])
  })

  it('each try of an append while the store is away', async () => {
    const clock = new FakeClock()
    const { store, faults } = unreliable(createMemoryStore({ clock }))
    const options: ContainerOptions = { clock, store, replies: [says('Hello.')] }
    const { send, observer } = await openSession(options)
    let failures = 1
    faults.before = (operation) => {
      if (operation === 'append' && failures-- > 0) throw new StoreError('away')
    }
    await send('Hello')
    await settle()
    await clock.advanceAsync(1000)
    await settle()
    const { steps, ends } = reportOf(observer)
    const appends = steps.filter((step) => step.kind === 'store' && step.operation === 'append')
    expect(appends.map(({ code }) => code)).toEqual(['STORE_UNAVAILABLE', null, null])
    expect(ends).toMatchObject([{ outcome: 'complete' }])
  })

  it('its speech before its end, also where it is broken off', async () => {
    const voice = new FakeVoice({ before: () => new Promise(() => {}) })
    const { ask, observer, use } = await openSession({
      chooseVoice: () => voice.lend(),
      replies: [[...says('Good evening. What may I bring you?').slice(0, -1), finish]],
    })
    await ask('Hello')
    await settle()
    await use((live) => live.stop(undefined, (stopped) => ({ status: 200, body: { stopped } })))
    const { steps, ends } = reportOf(observer)
    expect(steps.filter(({ kind }) => kind === 'speech')).toMatchObject([
      { provider: 'fake', soundSeconds: 0, code: 'INTERRUPTED' },
    ])
    expect(ends).toHaveLength(1)
  })

  it('every run of a turn that is taken up again', async () => {
    const failure = new ModelError('MODEL_TIMEOUT', 'Too slow.', { retryable: true })
    const { say, observer } = await openSession({ replies: [failure, says('Hello.')] })
    await say('Hello', 'key')
    await say('Hello', 'key')
    expect(observer.turns.map(({ begun, ends }) => [begun.attempt, ends[0]?.outcome])).toEqual([
      [0, 'interrupted'],
      [1, 'complete'],
    ])
    expect(new Set(observer.turns.map(({ begun }) => begun.turnId)).size).toBe(1)
  })
})
