import { describe, expect, it } from 'vitest'
import type { ModelEvent } from '../../src/llm/model.ts'
import { settle } from '../fakes/fake-clock.ts'
import { calls, finish, hangsAfter, says } from '../fakes/scripted-model.ts'
import { openSession, textOf, type ContainerOptions } from '../sessions/container.ts'

const gin = ['add_to_order', { item_name: 'gin', quantity: 1 }] as const

type Call = readonly [string, unknown]

function times(count: number, call: Call): readonly Call[] {
  return Array.from({ length: count }, () => call)
}

/** A model that does not listen to being aborted. */
async function* deaf(): AsyncIterable<ModelEvent> {
  yield { type: 'text-delta', text: 'Well' }
  await new Promise(() => {})
}

async function turnWith(options: ContainerOptions) {
  const session = await openSession(options)
  const told = await session.say('Go on')
  const [turn] = (await session.state()).turns
  return { ...session, told, turn, end: told.at(-1) }
}

/** Calls with signatures of 1000 characters each. */
function signed(count: number): readonly ModelEvent[] {
  const [name, args] = gin
  const signature = 's'.repeat(1000)
  const made = Array.from({ length: count }, (_, at): ModelEvent => {
    return { type: 'tool-call', call: { callId: `c${at}`, name, arguments: args, signature } }
  })
  return [...made, finish]
}

function limitError(message: RegExp) {
  return { type: 'error', code: 'TURN_LIMIT', message: expect.stringMatching(message), retryable: false }
}

describe('a turn ends with a clear sentence', () => {
  it('after 8 calls of the model, and the effects of all of them stand', async () => {
    const replies = Array.from({ length: 20 }, () => calls(gin))
    const { script, end, turn, state, clock } = await turnWith({ replies })
    expect(script.requests).toHaveLength(8)
    expect(end).toEqual(limitError(/too many steps/))
    expect(turn).toMatchObject({ outcome: 'failed', code: 'TURN_LIMIT' })
    expect((await state()).bar.lines).toMatchObject([{ quantity: 8 }])
    expect(clock.pending).toBe(0)
  })

  it('at the 33rd call of a tool in one reply, of which none is run', async () => {
    const { end, turn, state } = await turnWith({ replies: [calls(...times(33, gin))] })
    expect(end).toEqual(limitError(/too many actions/))
    expect(turn?.effects).toEqual([])
    expect((await state()).bar.lines).toEqual([])
  })

  it('at the 33rd call of a tool over several replies, and those before stand', async () => {
    const water = ['add_to_order', { item_name: 'water', quantity: 1 }] as const
    const replies = [calls(...times(30, water)), calls(water, water), calls(water), says('Done.')]
    const { end, state } = await turnWith({ replies })
    expect(end).toEqual(limitError(/too many actions/))
    expect((await state()).bar.lines).toMatchObject([{ quantity: 32 }])
  })

  it('when the model says too much, and what was said until then stays', async () => {
    const { told, end, turn } = await turnWith({
      replies: [says('one two three four')],
      limits: { turnCharactersMax: 10 },
    })
    expect(textOf(told)).toBe('one two ')
    expect(end).toEqual(limitError(/too long/))
    expect(turn?.replies).toMatchObject([{ text: 'one two ' }])
  })

  it('when the replies of one turn say too much together', async () => {
    const first = [{ type: 'text-delta', text: '123456' } as const, ...calls(['get_tip', {}])]
    const { told, end } = await turnWith({
      replies: [first, says('7890 123456')],
      limits: { turnCharactersMax: 16 },
    })
    expect(textOf(told)).toBe('123456 7890 ')
    expect(end).toEqual(limitError(/too long/))
  })

  it('when the arguments of a call are too large to be kept', async () => {
    const huge: ModelEvent = {
      type: 'tool-call',
      call: { callId: 'x', name: 'y', arguments: 'z'.repeat(70_000) },
    }
    const { end, turn } = await turnWith({ replies: [[huge, finish]] })
    expect(end).toEqual(limitError(/too long/))
    expect(turn?.replies).toEqual([])
  })

  it('when the signatures of its calls are too large to be kept, of which none is run', async () => {
    // Beside them there is room for all that is said.
    const bounds = { turnCharactersMax: 1000, signatureCharactersMax: 3000 }
    const { end, turn, state } = await turnWith({ replies: [signed(3), signed(4)], limits: bounds })
    expect(end).toEqual(limitError(/too long/))
    expect(turn?.replies).toHaveLength(1)
    expect((await state()).bar.lines).toMatchObject([{ quantity: 3 }])
  })

  it('after its seconds, also when the model ignores that', async () => {
    const session = await openSession({
      turnMs: 5000,
      replies: [deaf],
    })
    const events = await session.send('Hm')
    await session.clock.advanceAsync(4999)
    expect(events.isEnded).toBe(false)
    await session.clock.advanceAsync(1)
    expect(events.last).toEqual(limitError(/too long and was ended/))
    expect((await session.state()).turns).toMatchObject([{ outcome: 'failed', replies: [{ text: 'Well' }] }])
    expect(session.clock.pending).toBe(0)
  })

  it('after its seconds in all, however many replies it had', async () => {
    const session = await openSession({ turnMs: 5000, replies: [calls(gin), hangsAfter('Well')] })
    const events = await session.send('Hm')
    await session.clock.advanceAsync(5000)
    expect(events.last).toMatchObject({ code: 'TURN_LIMIT' })
    expect((await session.state()).bar.lines).toHaveLength(1)
  })

  it('and a late word of the model is heard by nobody', async () => {
    const word = Promise.withResolvers<void>()
    const session = await openSession({
      turnMs: 1000,
      replies: [
        async function* late() {
          await word.promise
          yield { type: 'text-delta', text: 'Late' }
          yield finish
        },
        says('Next.'),
      ],
    })
    const events = await session.send('Hm')
    await session.clock.advanceAsync(1000)
    word.resolve()
    await settle()
    expect(events.last).toMatchObject({ code: 'TURN_LIMIT' })
    expect(textOf(await session.say('And now?'))).toBe('Next.')
    expect((await session.log()).filter((event) => event.type === 'model-replied')).toHaveLength(1)
  })

  it('and takes no further message when the log is full', async () => {
    const session = await openSession({ replies: [says('One.'), says('Two.')], limits: { logEventsMax: 4 } })
    await session.say('1', 'k')
    await expect(session.send('2')).rejects.toMatchObject({ code: 'BUDGET_EXHAUSTED' })
    expect((await session.say('1', 'k')).at(-1)).toMatchObject({ content: 'One.' })
  })
  it('and takes no tip either when the log is full, but lets what is owed be paid', async () => {
    const order = calls(['add_to_order', { item_name: 'gin', quantity: 1 }])
    const replies = [order, says('Here you are.')]
    const limits = { logEventsMax: 6, logEventsToFinishMax: 8 }
    const { say, use } = await openSession({ replies, limits })
    await say('A gin')
    const tip = { kind: 'percentage', percentage: 20 } as const
    await expect(use(({ cashier }) => cashier.tip(tip, undefined))).rejects.toMatchObject({
      code: 'BUDGET_EXHAUSTED',
    })
    expect(await use(({ cashier }) => cashier.pay({ request: undefined }))).toMatchObject({ status: 200 })
    await expect(use(({ cashier }) => cashier.pay({ request: undefined }))).rejects.toMatchObject({
      code: 'BUDGET_EXHAUSTED',
    })
  })
})
