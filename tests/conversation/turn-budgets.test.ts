import { describe, expect, it } from 'vitest'
import { ModelError, type ModelEvent } from '../../src/llm/model.ts'
import { estimatePrompt } from '../../src/llm/prompt.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import {
  calls,
  hanging,
  hangsAfter,
  says,
  ScriptedModel,
  type ScriptedReply,
} from '../fakes/scripted-model.ts'
import { guestOf, openSession, startContainer, textOf, type ContainerOptions } from '../sessions/container.ts'

const gin = ['add_to_order', { item_name: 'gin', quantity: 1 }] as const
const water = ['add_to_order', { item_name: 'water', quantity: 1 }] as const
const nextDay = Date.UTC(2026, 0, 2)
const dayCounter = `tokens ${Date.UTC(2026, 0, 1) / 86_400_000} default`

function costing(inputTokens: number, outputTokens: number, text = 'Well.'): readonly ModelEvent[] {
  const usage = { inputTokens, outputTokens }
  return [
    { type: 'text-delta', text },
    { type: 'finish', reason: 'stop', usage },
  ]
}

function exhausted(message: RegExp) {
  return {
    type: 'error',
    code: 'BUDGET_EXHAUSTED',
    message: expect.stringMatching(message),
    retryable: false,
  }
}

/** A session with a daily budget of its workspace; what of it is counted as used is seen from outside. */
async function setup(options: ContainerOptions) {
  const session = await openSession({ budgets: { workspaceDailyTokensMax: 1_000_000 }, ...options })
  const usedToday = () => session.store.count(dayCounter, 0, nextDay)
  const promptTokens = (at: number) => {
    const request = session.script.requests[at]
    if (request === undefined) throw new Error(`There was no request ${at}.`)
    return estimatePrompt(request)
  }
  return { ...session, usedToday, promptTokens }
}

describe('a turn', () => {
  it('ends with a clear sentence before the call that could pass its budget, and what it did stands', async () => {
    const dear: ModelEvent = {
      type: 'finish',
      reason: 'stop',
      usage: { inputTokens: 4000, outputTokens: 500 },
    }
    const replies = [[...calls(gin).slice(0, -1), dear], says('Never asked.')]
    const { say, script, state, happened } = await openSession({ replies, budgets: { turnTokensMax: 5000 } })
    const first = await say('A gin')
    expect(script.requests).toHaveLength(1)
    expect(first.at(-1)).toEqual(exhausted(/more than one answer may cost/))
    const { turns, bar } = await state()
    expect(turns).toMatchObject([{ outcome: 'failed', code: 'BUDGET_EXHAUSTED' }])
    expect(bar.lines).toMatchObject([{ itemName: 'Gin' }])
    expect(happened).toContain('budget turn')
  })

  it('is not begun in a session whose tokens are used up, also after a reset and in another process', async () => {
    const clock = new FakeClock()
    const store = createMemoryStore({ clock })
    const options = { clock, store, budgets: { sessionTokensMax: 5000 } }
    const { id, say, use, log } = await openSession({ ...options, replies: [costing(4000, 1000)] })
    await say('Hello')
    const entries = (await log()).length
    await expect(say('More')).rejects.toMatchObject({ code: 'BUDGET_EXHAUSTED' })
    expect(await log()).toHaveLength(entries)
    await use((session) => session.reset(undefined, { status: 200, body: null }))
    await expect(say('More')).rejects.toMatchObject({ code: 'BUDGET_EXHAUSTED' })
    const other = startContainer({ ...options, name: 'b', replies: [says('Hi.')] })
    await expect(guestOf(other, id).say('More')).rejects.toMatchObject({ code: 'BUDGET_EXHAUSTED' })
  })

  it('is ended in a session whose tokens may not last', async () => {
    const { say, script } = await openSession({ replies: [says('Hi.')], budgets: { sessionTokensMax: 300 } })
    expect((await say('Hello')).at(-1)).toEqual(exhausted(/conversation is used up/))
    expect(script.requests).toHaveLength(0)
  })

  it('is ended by a reply that calls more tools than the session has left, and what was said stays', async () => {
    const greedy = [{ type: 'text-delta', text: 'Two more. ' } as const, ...calls(water, water)]
    const { say, state } = await openSession({
      replies: [calls(gin), says('Done.'), greedy, calls(water), says('One.')],
      budgets: { sessionToolCallsMax: 2 },
    })
    await say('A gin')
    const told = await say('Waters')
    expect(told.at(-1)).toEqual(exhausted(/actions in this conversation/))
    expect(textOf(told)).toBe('Two more. ')
    const { turns, bar } = await state()
    expect(turns.at(-1)).toMatchObject({
      outcome: 'failed',
      replies: [{ text: 'Two more. ', toolCalls: [] }],
    })
    expect(bar.lines).toHaveLength(1)
    expect((await say('One water')).at(-1)).toMatchObject({ type: 'complete' })
  })

  it('costs nothing where the model runs here, but its tools are counted', async () => {
    const script = new ScriptedModel(costing(90_000, 9000), says('Hi.'), calls(gin, water))
    const model = { name: 'house', isGeneral: false, stream: script.stream.bind(script) }
    const { say, store } = await openSession({
      model,
      budgets: { turnTokensMax: 1, sessionTokensMax: 1, workspaceDailyTokensMax: 1, sessionToolCallsMax: 1 },
    })
    expect((await say('1')).at(-1)).toMatchObject({ type: 'complete' })
    expect((await say('2')).at(-1)).toMatchObject({ type: 'complete' })
    expect(await store.count(dayCounter, 0, nextDay)).toBe(0)
    expect((await say('A gin and a water')).at(-1)).toEqual(exhausted(/actions/))
  })
})

describe('what a call has cost', () => {
  it('is what its provider reports', async () => {
    const { say, usedToday, state } = await setup({ replies: [costing(700, 30), costing(800, 40)] })
    await say('1')
    await say('2')
    expect(await usedToday()).toBe(1570)
    expect((await state()).tokensUsed).toBe(1570)
  })

  it('is nothing where a model of this process answers in the place of another', async () => {
    const fellBack: ModelEvent = { type: 'progress', what: 'fell-back', provider: 'house', isGeneral: false }
    const heard = Promise.withResolvers<void>()
    const stopped: ScriptedReply = async function* stopped(request, signal) {
      yield fellBack
      for await (const event of hangsAfter('Once upon')(request, signal)) {
        yield event
        heard.resolve()
      }
    }
    const replies = [[fellBack, ...costing(700, 30)], stopped, costing(800, 40)]
    const { say, send, use, usedToday, state } = await setup({ replies })
    const told = await say('1')
    expect(told.at(-1)).toMatchObject({ usage: { inputTokens: 0, outputTokens: 0 } })
    const events = await send('2')
    await heard.promise
    await use((session) => session.stop(undefined, () => ({ status: 200, body: null })))
    await events.whenEnded
    expect(await usedToday()).toBe(0)
    expect((await state()).tokensUsed).toBe(0)
    // The next one is asked of the first model again.
    await say('3')
    expect(await usedToday()).toBe(840)
  })

  it('is what it reports where another provider answers in its place', async () => {
    const fellBack: ModelEvent = { type: 'progress', what: 'fell-back', provider: 'second', isGeneral: true }
    const { say, usedToday } = await setup({ replies: [[fellBack, ...costing(700, 30)]] })
    await say('1')
    expect(await usedToday()).toBe(730)
  })

  it('is reserved while it is not known', async () => {
    const { heard, reply } = hanging('Once upon')
    const { send, use, usedToday, promptTokens } = await setup({ replies: [reply] })
    const events = await send('A story')
    await heard
    expect(await usedToday()).toBe(promptTokens(0) + 100)
    await use((session) => session.stop(undefined, () => ({ status: 200, body: null })))
    await events.whenEnded
    expect(await usedToday()).toBe(promptTokens(0) + 3) // "Once upon" is at most three tokens.
  })

  it('is estimated where a guest stops, and the session pays for it', async () => {
    const { heard, reply } = hanging('Once upon')
    const { send, use, state, promptTokens, usedToday } = await setup({ replies: [reply] })
    await send('A story')
    await heard
    await use((session) => session.stop(undefined, () => ({ status: 200, body: null })))
    expect((await state()).tokensUsed).toBe(promptTokens(0) + 3)
    expect((await state()).tokensUsed).toBe(await usedToday())
  })

  it('is estimated where nothing is reported', async () => {
    const { say, state, usedToday, promptTokens } = await setup({ replies: [costing(0, 0, 'Hello you.')] })
    await say('Hi')
    expect(await usedToday()).toBe(promptTokens(0) + 4)
    expect((await state()).tokensUsed).toBe(promptTokens(0) + 4)
  })

  it('is nothing where the model could not be asked, and the prompt where it broke off', async () => {
    const away = new ModelError('MODEL_UNAVAILABLE', 'Away.', { retryable: true })
    const cut: readonly ModelEvent[] = [{ type: 'text-delta', text: 'So' }]
    const { say, usedToday, promptTokens } = await setup({ replies: [away, cut] })
    await say('1')
    expect(await usedToday()).toBe(0)
    await say('2')
    expect(await usedToday()).toBe(promptTokens(1) + 1)
  })

  it('is counted also for an answer that was empty', async () => {
    const { say, usedToday, state } = await setup({ replies: [costing(50, 5, '')] })
    expect((await say('Hm')).at(-1)).toMatchObject({ code: 'MODEL_TRUNCATED' })
    expect(await usedToday()).toBe(55)
    expect((await state()).tokensUsed).toBe(55)
  })

  it('is counted once, also where an answer breaks off after others of the same turn', async () => {
    const cut: readonly ModelEvent[] = [{ type: 'text-delta', text: 'So' }]
    const { say, usedToday, state, promptTokens } = await setup({ replies: [calls(gin), cut] })
    await say('A gin')
    expect(await usedToday()).toBe(15 + promptTokens(1) + 1)
    expect((await state()).tokensUsed).toBe(15 + promptTokens(1) + 1)
  })

  it('leaves nothing reserved when the time of the turn is over', async () => {
    const { reply } = hanging('Well')
    const { send, clock, usedToday, promptTokens } = await setup({ replies: [reply], turnMs: 1000 })
    const events = await send('Hm')
    await clock.advanceAsync(1000)
    expect(events.last).toMatchObject({ code: 'TURN_LIMIT' })
    expect(await usedToday()).toBe(promptTokens(0) + 2)
  })
})

describe("a workspace's day", () => {
  it('that is used up refuses messages before anything is written, until midnight UTC', async () => {
    const budgets = { workspaceDailyTokensMax: 5000 }
    const { say, log, clock } = await setup({
      budgets,
      replies: [costing(4900, 200), says('Good morning.')],
      expiryMs: 48 * 3600_000,
    })
    await say('Hello')
    const entries = (await log()).length
    await expect(say('More')).rejects.toMatchObject({
      code: 'BUDGET_EXHAUSTED',
      retryAfterSeconds: 86_400,
      message: expect.stringMatching(/midnight UTC/),
    })
    expect(await log()).toHaveLength(entries)
    await clock.advanceAsync(nextDay - clock.date())
    expect(textOf(await say('More'))).toBe('Good morning.')
  })

  it('answers a request again that it has answered before', async () => {
    const budgets = { workspaceDailyTokensMax: 5000 }
    const { say } = await setup({ budgets, replies: [costing(4900, 200)] })
    const first = await say('Hello', 'k')
    expect(first.at(-1)).toMatchObject({ type: 'complete' })
    expect(await say('Hello', 'k')).toEqual(first)
  })

  it('begins one turn for a request that comes twice at once', async () => {
    const { send, log } = await setup({ replies: [says('Hi.'), says('Again.')] })
    const [one, other] = await Promise.all([send('Hello', 'k'), send('Hello', 'k')])
    expect(other).toBe(one)
    await one.whenEnded
    expect((await log()).filter(({ type }) => type === 'turn-started')).toHaveLength(1)
  })

  it('that may not last ends the turn with a clear sentence', async () => {
    const { say, usedToday } = await setup({
      budgets: { workspaceDailyTokensMax: 300 },
      replies: [says('Hi.')],
    })
    expect((await say('Hello')).at(-1)).toEqual(exhausted(/midnight UTC/))
    expect(await usedToday()).toBe(0)
  })
})

describe('an output mask', () => {
  it('changes what is told, logged and given to tools, and keeps nothing back at the end', async () => {
    const spoken: readonly ModelEvent[] = [
      { type: 'text-delta', text: 'The word is se' },
      { type: 'text-delta', text: 'cret' },
    ]
    const named: ModelEvent = {
      type: 'tool-call',
      call: { callId: 'a', name: 'get_recommendation', arguments: { preference: 'a secret', n: [1] } },
    }
    const { say, state } = await openSession({
      replies: [[...spoken, named, ...says('')], says('Done')],
      createMask: () => {
        let held = ''
        return {
          push: (text) => {
            held += text
            return ''
          },
          end: () => held.replaceAll('secret', '***'),
        }
      },
    })
    const told = await say('Tell me')
    expect(textOf(told)).toBe('The word is *** Done')
    expect(told).toContainEqual(
      expect.objectContaining({ type: 'tool-call', arguments: { preference: 'a ***', n: [1] } }),
    )
    expect(JSON.stringify(await state())).not.toContain('secret')
  })

  it('gives out what it held back of an answer that breaks off', async () => {
    const { say } = await openSession({
      replies: [says('Let me tell').slice(0, -1)],
      createMask: () => {
        let held = ''
        return {
          push(text) {
            const shown = held
            held = text
            return shown
          },
          end: () => held,
        }
      },
    })
    const told = await say('Tell me')
    expect(textOf(told)).toBe('Let me tell')
  })
})
