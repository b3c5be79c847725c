import { Type } from 'typebox'
import { describe, expect, it } from 'vitest'
import { defineTool } from '../../src/conversation/tool.ts'
import type { ModelEvent } from '../../src/llm/model.ts'
import { ModelError } from '../../src/llm/model.ts'
import { calls, finish, says } from '../fakes/scripted-model.ts'
import { openSession, textOf } from '../sessions/container.ts'

const gin = ['add_to_order', { item_name: 'gin', quantity: 1 }] as const
const usage = { inputTokens: 10, outputTokens: 5 }
const rum = ['add_to_order', { item_name: 'rum', quantity: 2 }] as const

/** A Gin, ordered under an id that a provider may make up. */
function strange(callId: string): ModelEvent {
  return { type: 'tool-call', call: { callId, name: gin[0], arguments: gin[1] } }
}

describe('a turn that only says something', () => {
  it('tells it word by word and is complete', async () => {
    const { say, log, happened } = await openSession({ replies: [says('Good evening to you.')] })
    const told = await say('Hello')
    expect(told.map(({ type }) => type)).toEqual([
      'session',
      ...Array<string>(4).fill('text-chunk'),
      'complete',
    ])
    expect(textOf(told)).toBe('Good evening to you.')
    expect(told.at(-1)).toEqual({
      type: 'complete',
      content: 'Good evening to you.',
      usage: { inputTokens: 10, outputTokens: 5 },
      finishReason: 'stop',
    })
    expect((await log()).map(({ type }) => type)).toEqual([
      'session-created',
      'turn-started',
      'model-replied',
      'turn-ended',
    ])
    expect(happened).toEqual(['created', 'turn complete'])
  })

  it('has said complete only when the store has it', async () => {
    const { send, log } = await openSession({ replies: [says('Hello.')] })
    const events = await send('Hello')
    const seen: string[] = []
    const reader = events.attach(null, () => {
      for (let record = reader?.next(); record !== undefined; record = reader?.next()) {
        if (record.event.type === 'complete')
          void log().then((entries) => seen.push(String(entries.at(-1)?.type)))
      }
    })
    await events.whenEnded
    await log()
    expect(seen).toEqual(['turn-ended'])
  })

  it('shows the model the whole conversation, the guest last', async () => {
    const { say, script } = await openSession({ replies: [says('One.'), says('Two.')] })
    await say('first')
    await say('second')
    expect(script.requests[1]?.messages).toEqual([
      { role: 'user', text: 'first', notes: [] },
      { role: 'assistant', text: 'One.', toolCalls: [] },
      { role: 'user', text: 'second', notes: [] },
    ])
    expect(script.requests[1]).toMatchObject({ instructions: 'Be brief.' })
  })

  it('tells the model what a guard found in the message, now, later and when it is taken up again', async () => {
    const broken = new ModelError('MODEL_UNAVAILABLE', 'Away.', { retryable: true })
    const { use, say, script } = await openSession({ replies: [broken, says('Well.'), says('Yes?')] })
    const request = { key: 'k', fingerprint: 'f' }
    const send = () =>
      use(async (session) => {
        const events = await session.send({ userInput: 'Obey!', marks: ['override'], request })
        await events.whenEnded
      })
    await send()
    await send()
    await say('Hello?')
    for (const { messages } of script.requests) {
      expect(messages[0]).toEqual({ role: 'user', text: 'Obey!', notes: [], marks: ['override'] })
    }
    expect(script.requests.at(-1)?.messages.at(-1)).toEqual({ role: 'user', text: 'Hello?', notes: [] })
  })

  it('shows the model the newest turns only, and a summary of those before', async () => {
    const replies = ['a', 'b', '1 and 2.', 'c', 'd'].map((text) => says(text))
    const { say, script } = await openSession({ replies, limits: { turnsShownToModelMax: 2 } })
    for (const text of ['1', '2', '3', '4']) await say(text)
    const request = script.requests[4]
    const asked = request?.messages.filter(({ role }) => role === 'user')
    expect(asked).toMatchObject([{ text: '3' }, { text: '4' }])
    expect(request?.summary).toBe('1 and 2.')
  })

  it('shows the model nothing but this turn and a summary where one is the bound', async () => {
    const { say, script } = await openSession({
      replies: [says('a'), says('1.'), says('b')],
      limits: { turnsShownToModelMax: 1 },
    })
    await say('1')
    await say('2')
    expect(script.requests[2]).toMatchObject({ summary: '1.', messages: [{ text: '2' }] })
  })

  it.each(['length', 'blocked'] as const)('that was ended by %s says so', async (reason) => {
    const cut: ModelEvent[] = [
      { type: 'text-delta', text: 'So' },
      { type: 'finish', reason, usage },
    ]
    const { say } = await openSession({ replies: [cut] })
    expect((await say('Hello')).at(-1)).toMatchObject({
      type: 'complete',
      content: 'So',
      finishReason: reason,
    })
  })
})

describe('a turn that calls tools', () => {
  it('runs them, tells what they did, and gives the model their results', async () => {
    const { say, script, state } = await openSession({ replies: [calls(gin), says('One Gin.')] })
    const told = await say('A gin, please')
    expect(told.map(({ type }) => type)).toEqual([
      'session',
      'tool-call',
      'tool-result',
      'state',
      'text-chunk',
      'text-chunk',
      'complete',
    ])
    expect(told[1]).toEqual({ type: 'tool-call', callId: 'call-1', name: gin[0], arguments: gin[1] })
    expect(told[2]).toMatchObject({ callId: 'call-1', result: { status: 'added', tab_cents: 800 } })
    expect(script.requests[1]?.messages).toMatchObject([
      { role: 'user' },
      { role: 'assistant', text: '', toolCalls: [{ callId: 'call-1' }] },
      { role: 'tool', results: [{ callId: 'call-1', name: gin[0], result: { status: 'added' } }] },
    ])
    expect((await state()).bar.lines).toMatchObject([{ itemName: 'Gin', quantity: 1 }])
  })

  it('logs what the model said before any of its tools runs', async () => {
    const types: string[][] = []
    const spy = defineTool({
      name: 'spy',
      description: '',
      parameters: Type.Object({}),
      decide: () => ({ result: {}, changes: [], refused: false }),
    })
    const session = await openSession({ replies: [calls(['spy', {}]), says('Done.')], tools: [spy] })
    const appends = session.store.append.bind(session.store)
    Object.assign(session.store, {
      append: (append: Parameters<typeof appends>[0]) => {
        types.push(append.events.map(({ type }) => type))
        return appends(append)
      },
    })
    await session.say('Spy')
    expect(types).toEqual([['turn-started'], ['model-replied'], ['effect'], ['model-replied', 'turn-ended']])
  })

  it('gives results and effects in the order of the calls', async () => {
    const { say, script, log } = await openSession({
      replies: [calls(gin, rum, ['get_bill', {}], gin), says('Done.')],
    })
    await say('Many')
    expect(script.requests[1]?.messages.at(-1)).toMatchObject({
      role: 'tool',
      results: [
        { callId: 'call-1', result: { tab_cents: 800 } },
        { callId: 'call-2', result: { tab_cents: 2200 } },
        { callId: 'call-3', result: { tab_cents: 2200 } },
        { callId: 'call-4', result: { tab_cents: 3000 } },
      ],
    })
    const effects = (await log()).filter((event) => event.type === 'effect')
    expect(effects.map(({ callId }) => callId)).toEqual(['call-1', 'call-2', 'call-3', 'call-4'])
  })

  it('takes a call of an unknown tool or with wrong arguments as something the model can correct', async () => {
    const wrong = calls(['fly', {}], ['add_to_order', { item_name: 'gin', quantity: '1' }])
    const { say, script, happened, state } = await openSession({
      replies: [wrong, calls(gin), says('Done.')],
    })
    expect((await say('Gin')).at(-1)).toMatchObject({ type: 'complete', content: 'Done.' })
    expect(script.requests[1]?.messages.at(-1)).toMatchObject({
      results: [
        { result: { status: 'error', message: 'There is no tool of that name.' } },
        { result: { status: 'invalid_arguments', message: expect.stringContaining('quantity') } },
      ],
    })
    expect(happened).toEqual(
      expect.arrayContaining(['unknown invalid', 'add_to_order invalid', 'add_to_order ok']),
    )
    expect((await state()).bar.lines).toMatchObject([{ quantity: 1 }])
  })

  it.each([null, undefined, 'text', 1, [], { quantity: 1e9, item_name: 'gin' }, { __proto__: null }])(
    'survives the arguments %j',
    async (args) => {
      const { say, defects } = await openSession({ replies: [calls(['add_to_order', args]), says('Sorry.')] })
      expect((await say('Gin')).at(-1)).toMatchObject({ type: 'complete' })
      expect(defects).toEqual([])
    },
  )

  it('tells the same id of two rounds, of one reply, and a strange one apart', async () => {
    const { say, state, log } = await openSession({
      replies: [
        [strange('x'), strange('x'), strange(''), strange('server:payment-0'), finish],
        [strange('x'), finish],
        says('Done.'),
      ],
    })
    await say('Gins')
    const effects = (await log()).filter((event) => event.type === 'effect')
    expect(effects.map(({ callId }) => callId)).toEqual(['x', 'x-2', 'call', 'call-2', 'x-3'])
    expect((await state()).bar.lines).toMatchObject([{ quantity: 5 }])
  })

  it('goes on when a tool throws, and reports the defect', async () => {
    const broken = defineTool({
      name: 'broken',
      description: '',
      parameters: Type.Object({}),
      decide: () => {
        throw new Error('a secret of the server')
      },
    })
    const { say, script, defects } = await openSession({
      replies: [calls(['broken', {}]), says('Sorry.')],
      tools: [broken],
    })
    expect((await say('Break')).at(-1)).toMatchObject({ type: 'complete', content: 'Sorry.' })
    expect(script.requests[1]?.messages.at(-1)).toMatchObject({
      results: [{ result: { status: 'error', message: 'The tool failed.' } }],
    })
    expect(defects).toHaveLength(1)
  })

  it('tells two replies apart by a space, and all of it is the content', async () => {
    const first = [{ type: 'text-delta', text: 'One moment.' } as const, ...calls(gin)]
    const { say } = await openSession({ replies: [first, says('Here it is.')] })
    const told = await say('Gin')
    expect(textOf(told)).toBe('One moment. Here it is.')
    expect(told.at(-1)).toMatchObject({ content: 'One moment. Here it is.', usage: { inputTokens: 20 } })
  })

  it('tells what the server asks the guest to confirm', async () => {
    const { say } = await openSession({ replies: [calls(gin, ['pay_bill', {}]), says('8 dollars?')] })
    const told = await say('A gin and the bill')
    expect(told.find(({ type }) => type === 'confirmation')).toMatchObject({
      confirmation: { totalCents: 800, confirmationId: expect.stringContaining('call-2') },
    })
  })
})

describe('a turn whose model fails', () => {
  it('is interrupted when asking again can help, and goes on with the same key', async () => {
    const busy = new ModelError('MODEL_UNAVAILABLE', 'Busy.', { retryable: true })
    const { say, state, log } = await openSession({ replies: [calls(gin), busy, says('Done.')] })
    expect((await say('Gin', 'k')).at(-1)).toEqual({
      type: 'error',
      code: 'MODEL_UNAVAILABLE',
      message: 'Busy.',
      retryable: true,
    })
    expect((await state()).turns).toMatchObject([{ outcome: 'interrupted', code: 'MODEL_UNAVAILABLE' }])
    const told = await say('Gin', 'k')
    expect(told.at(-1)).toMatchObject({ type: 'complete', content: 'Done.' })
    expect(told.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['tool-call', 'tool-result', 'state']),
    )
    expect((await state()).bar.lines).toMatchObject([{ quantity: 1 }])
    expect((await log()).filter(({ type }) => type === 'effect')).toHaveLength(1)
  })

  it('has failed when asking again cannot help, and keeps what was said', async () => {
    const refused: ModelEvent[] = [{ type: 'text-delta', text: 'Well' }]
    const { say, state } = await openSession({
      replies: [
        async function* fails() {
          yield* refused
          throw new ModelError('MODEL_BLOCKED', 'Not allowed.', { retryable: false })
        },
      ],
    })
    expect((await say('Hm', 'k')).at(-1)).toMatchObject({ code: 'MODEL_BLOCKED', retryable: false })
    expect((await state()).turns).toMatchObject([{ outcome: 'failed', replies: [{ text: 'Well' }] }])
    expect((await say('Hm', 'k')).at(-1)).toMatchObject({ code: 'MODEL_BLOCKED', retryable: false })
  })

  it.each<[string, readonly ModelEvent[]]>([
    ['says nothing at all', [finish]],
    ['says nothing but empty text', [{ type: 'text-delta', text: '' }, finish]],
    ['breaks off without an end', [{ type: 'text-delta', text: 'Well' }]],
    ['is over before it begins', []],
  ])('is interrupted as truncated when the model %s', async (_name, reply) => {
    const { say, state } = await openSession({ replies: [reply, says('Again.')] })
    expect((await say('Hm', 'k')).at(-1)).toMatchObject({ code: 'MODEL_TRUNCATED', retryable: true })
    expect((await state()).turns[0]?.replies).toEqual([])
    expect((await say('Hm', 'k')).at(-1)).toMatchObject({ type: 'complete', content: 'Again.' })
  })

  it('has failed as blocked when the provider refused before the first word', async () => {
    const blocked: ModelEvent = { type: 'finish', reason: 'blocked', usage }
    const { say } = await openSession({ replies: [[blocked]] })
    expect((await say('Hm')).at(-1)).toMatchObject({ code: 'MODEL_BLOCKED', retryable: false })
  })

  it('is complete with what was said before when the reply after the tools is empty', async () => {
    const first = [{ type: 'text-delta', text: 'Coming.' } as const, ...calls(gin)]
    const { say } = await openSession({ replies: [first, [finish]] })
    expect((await say('Gin')).at(-1)).toMatchObject({ type: 'complete', content: 'Coming.' })
  })

  it('says only that something went wrong on a defect, and reports it', async () => {
    const { say, defects } = await openSession({ replies: [new Error('the password is 1234')] })
    const error = (await say('Hm')).at(-1)
    expect(error).toMatchObject({ code: 'INTERNAL', retryable: false })
    expect(JSON.stringify(error)).not.toContain('1234')
    expect(defects).toHaveLength(1)
  })
})
