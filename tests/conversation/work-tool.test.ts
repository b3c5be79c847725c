import { Type } from 'typebox'
import { describe, expect, it } from 'vitest'
import { defineWorkTool, type WorkContext } from '../../src/conversation/tool.ts'
import { barTools } from '../../src/conversation/tools/bar-tools.ts'
import { settle } from '../fakes/fake-clock.ts'
import { calls, says } from '../fakes/scripted-model.ts'
import { openSession } from '../sessions/container.ts'

type Work = (args: { place: string }, context: WorkContext) => Promise<unknown>

/** A session whose agent can look something up, by the work given. */
function setup(work: Work, ...more: readonly (readonly [string, unknown])[]) {
  const lookUp = defineWorkTool({
    name: 'look_up',
    description: 'Looks something up.',
    parameters: Type.Object({ place: Type.String() }),
    work,
  })
  return openSession({
    tools: [...barTools, lookUp],
    replies: [calls(['look_up', { place: 'here' }], ...more), says('Done.')],
  })
}

function resultsIn({ script }: Awaited<ReturnType<typeof setup>>): readonly unknown[] {
  const last = script.requests[1]?.messages.at(-1)
  return last?.role === 'tool' ? last.results.map(({ result }) => result) : []
}

describe('a tool that works outside', () => {
  it('gives the model its result, and knows which call it is', async () => {
    const seen: unknown[] = []
    const session = await setup(async (args, { effectId }) => {
      seen.push(args, effectId)
      return { found: 1 }
    })
    await session.say('Look')
    const [turn] = (await session.state()).turns
    expect(seen).toEqual([{ place: 'here' }, `${turn?.turnId}:call-1`])
    expect(resultsIn(session)).toEqual([{ found: 1 }])
    expect(session.happened).toContain('look_up ok')
    expect(session.clock.pending).toBe(0)
  })

  it('is not asked with arguments that do not fit', async () => {
    let asked = 0
    const session = await setup(async () => void asked++, ['look_up', { place: 1 }])
    await session.say('Look')
    expect(asked).toBe(1)
    expect(resultsIn(session)[1]).toMatchObject({ status: 'invalid_arguments' })
  })

  it('that throws, at once or later, becomes a result that says no more than that', async () => {
    const session = await setup(() => {
      throw new Error('secret')
    }, ['look_up', { place: 'there' }])
    await session.say('Look')
    const failed = { status: 'error', message: 'The tool failed.' }
    expect(resultsIn(session)).toEqual([failed, failed])
    expect(session.happened).toContain('look_up failed')
    expect(session.defects).toEqual([])
  })

  it('that is too slow is told to stop, and the model that it did not answer', async () => {
    let signal: AbortSignal | undefined
    const session = await setup((_args, context) => {
      ;({ signal } = context)
      return new Promise(() => {})
    })
    const events = await session.send('Look')
    await session.clock.advanceAsync(session.limits.toolMs)
    await events.whenEnded
    expect(resultsIn(session)).toEqual([{ status: 'error', message: 'The tool did not answer in time.' }])
    expect(signal?.aborted).toBe(true)
    await settle()
    expect(session.clock.pending).toBe(0)
  })

  it('that answers after its time is heard no more', async () => {
    const late = Promise.withResolvers<unknown>()
    const session = await setup(() => late.promise)
    const events = await session.send('Look')
    await session.clock.advanceAsync(session.limits.toolMs)
    late.reject(new Error('too late'))
    await events.whenEnded
    await settle()
    expect(resultsIn(session)).toHaveLength(1)
  })

  it('whose result is too large, in bytes, becomes a result that says so', async () => {
    const session = await setup(async () => ({ text: 'é'.repeat(session.limits.toolResultBytesMax / 2) }))
    await session.say('Look')
    expect(resultsIn(session)).toEqual([{ status: 'error', message: 'The result is too large.' }])
  })

  it.each<[string, unknown, unknown]>([
    ['a date', { at: new Date(0) }, { at: '1970-01-01T00:00:00.000Z' }],
    ['nothing', undefined, null],
    ['what is not in JSON', { a: undefined, b: () => 1, c: NaN }, { c: null }],
    ['what cannot be written', { n: 1n }, { status: 'error', message: 'The tool failed.' }],
  ])('gives the model %s as the log will have it', async (_name, value, expected) => {
    const session = await setup(async () => value)
    await session.say('Look')
    expect(resultsIn(session)).toEqual([expected])
    expect((await session.state()).turns[0]?.effects[0]?.result).toEqual(expected)
  })

  it('works beside the others of its round, whose effects stand in the order of the calls', async () => {
    const doors = [Promise.withResolvers<unknown>(), Promise.withResolvers<unknown>()]
    let asked = 0
    const session = await setup(
      () => doors[asked++]?.promise ?? Promise.reject(new Error('unexpected')),
      ['add_to_order', { item_name: 'gin', quantity: 1 }],
      ['look_up', { place: 'there' }],
      ['get_bill', {}],
    )
    const events = await session.send('Look')
    await settle()
    expect(asked).toBe(2)
    doors[1]?.resolve('second')
    await settle()
    expect((await session.log()).filter(({ type }) => type === 'effect')).toEqual([])
    doors[0]?.resolve('first')
    await events.whenEnded
    expect(resultsIn(session)).toMatchObject(['first', { status: 'added' }, 'second', { tab_cents: 800 }])
    const effects = (await session.log()).filter((event) => event.type === 'effect')
    expect(effects.map(({ callId }) => callId)).toEqual(['call-1', 'call-2', 'call-3', 'call-4'])
  })

  it('ends with the turn, also when it does not listen', async () => {
    let signal: AbortSignal | undefined
    const session = await setup((_args, context) => {
      ;({ signal } = context)
      return new Promise(() => {})
    })
    const events = await session.send('Look')
    await settle()
    await session.use((live) => live.stop(undefined, (stopped) => ({ status: 200, body: { stopped } })))
    expect(events.last).toMatchObject({ type: 'complete', finishReason: 'stopped' })
    expect(signal?.aborted).toBe(true)
    expect((await session.log()).filter(({ type }) => type === 'effect')).toEqual([])
    await settle()
    expect(session.clock.pending).toBe(0)
  })
})
