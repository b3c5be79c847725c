import { describe, expect, it } from 'vitest'
import type { Message, ModelEvent, ServerNote } from '../../../src/llm/model.ts'
import { createHouseModel } from '../../../src/llm/providers/house.ts'
import { FakeClock, settle } from '../../fakes/fake-clock.ts'
import { Conversation, readReply, tools, vocabulary } from './fake-bar.ts'

function setup({ paceMs = 0 } = {}) {
  const clock = new FakeClock()
  const model = createHouseModel({ clock, paceMs, vocabulary })
  return { clock, model, conversation: new Conversation(model) }
}

function user(text: string, notes: readonly ServerNote[] = []): Message {
  return { role: 'user', text, notes }
}

/** The messages of a turn whose one tool call was answered with `result`. */
function answered(said: string, name: string, result: unknown): readonly Message[] {
  return [
    user(said),
    { role: 'assistant', text: '', toolCalls: [{ callId: 'call-1', name, arguments: {} }] },
    { role: 'tool', results: [{ callId: 'call-1', name, result }] },
  ]
}

describe('what the house model says', () => {
  it('names the drinks and the running tab after adding', async () => {
    const { conversation } = setup()
    const { text } = await conversation.say('two martinis and an ipa please')
    expect(text).toMatch(/two Martinis and an IPA/i)
    expect(text).toContain('Your tab is $32.00.')
  })

  it.each(["I constructorn't have a beer", 'two constructor please', 'twenty toString beers'])(
    'is a sentence also to "%s"',
    async (said) => {
      const { conversation } = setup()
      const { text } = await conversation.say(said)
      expect(text).toMatch(/\w/)
      expect(text).not.toMatch(/NaN|function|undefined/)
    },
  )

  it('names the amount and asks before anything is paid', async () => {
    const { model } = setup()
    const result = {
      status: 'confirmation_required',
      confirmation_id: 'c',
      total_cents: 1560,
      tip_cents: 260,
    }
    const { text, toolCalls } = await readReply(model, answered('the bill please', 'pay_bill', result))
    expect(text).toBe('That is $15.60 in all, with a tip of $2.60. Shall I charge it?')
    expect(toolCalls).toEqual([])
  })

  it.each([
    ['pay and tip 20%', 'That is $31.20 in all, with a tip of $5.20. Shall I charge it?'],
    ['pay with a 10 percent tip', 'That is $28.60 in all, with a tip of $2.60. Shall I charge it?'],
    ['check please, and a beer', 'That is $31.00 in all. Shall I charge it?'],
    ['check please, and a coffee', 'That is $26.00 in all. Shall I charge it?'],
    ['the check, and maybe a beer', 'That is $26.00 in all. Shall I charge it?'],
  ])('ends with the final sum and the question: %s', async (said, expected) => {
    const { conversation } = setup()
    await conversation.say('two martinis')
    const { calls, text } = await conversation.say(said)
    expect(calls.at(-1)?.name).toBe('pay_bill')
    expect(text.endsWith(expected)).toBe(true)
  })

  it('names only the sums that hold in the end', async () => {
    const { conversation } = setup()
    await conversation.say('a martini')
    const { text } = await conversation.say('tip 15% and another martini')
    expect(text.match(/\$\d+\.\d\d/g)).toEqual(['$26.00', '$3.90', '$29.90'])
  })

  it('says that the tab is not empty after a clearing and a new order', async () => {
    const { conversation } = setup()
    await conversation.say('two martinis')
    const { text } = await conversation.say('clear my order and give me a beer')
    expect(text).toContain('Your tab is $5.00.')
    expect(text).not.toMatch(/empty|everything is off/)
  })

  it.each(['tip 10 dollars', 'tip 20%'])('names no sum for a tip on an empty tab: %s', async (said) => {
    const { conversation } = setup()
    const { text } = await conversation.say(said)
    expect(text).not.toContain('$0.00')
    expect(text).toContain('will go on your tab')
  })

  it.each(['negroni with vodka instead of gin', 'a gin rather than a rum'])(
    'says nothing of what was not ordered: %s',
    async (said) => {
      const { conversation } = setup()
      expect((await conversation.say(said)).text).not.toContain('I do not see')
    },
  )

  it.each([
    ['anything but beer', ['Tap Beer', 'IPA', 'Negroni'], /Beer|IPA/],
    ['something other than a negroni', ['Negroni', 'Daiquiri'], /Negroni/],
    ['anything except whiskey', ['Old Fashioned', 'Negroni'], /Old Fashioned/],
  ])('does not recommend what is not wanted: %s', async (said, names, unwanted) => {
    const { model } = setup()
    const items = names.map((name) => ({ item_name: name, price_cents: 1000, reason: '' }))
    const { text } = await readReply(model, answered(said, 'get_recommendation', { items }))
    expect(text).toContain('I recommend')
    expect(text).not.toMatch(unwanted)
  })

  it.each(['remove all beers but one', 'remove everything except one beer', 'only one beer'])(
    'asks instead of changing anything: %s',
    async (said) => {
      const { conversation } = setup()
      await conversation.say('three beers')
      const { calls, text } = await conversation.say(said)
      expect(calls).toEqual([])
      expect(text).toMatch(/take off|three Tap Beers/)
    },
  )

  it('says what is missing when the balance does not reach', async () => {
    const { model } = setup()
    const result = {
      status: 'insufficient_funds',
      item_name: 'Martini',
      quantity: 50,
      needed_cents: 65_000,
      balance_cents: 400,
    }
    const { text } = await readReply(model, answered('50 martinis', 'add_to_order', result))
    expect(text).toContain('$4.00')
    expect(text).toContain('$650.00')
  })

  it('mentions what is not on the menu beside what was ordered', async () => {
    const { conversation } = setup()
    const { calls, text } = await conversation.say('a martini and a coffee please')
    expect(calls).toHaveLength(1)
    expect(text).toContain('Coffee is not on our menu')
    expect(text).toMatch(/\. Coffee/)
  })

  it('quotes prices from the vocabulary', async () => {
    const { conversation } = setup()
    expect((await conversation.say('how much are two negronis?')).text).toContain('Two Negronis are $22.00.')
  })

  it('explains which percentages are possible', async () => {
    const { conversation } = setup()
    const { calls, text } = await conversation.say('tip 18%')
    expect(calls).toEqual([])
    expect(text).toContain('10, 15 or 20')
  })

  it('says what the server did with a payment and calls no tool', async () => {
    const { model } = setup()
    const notes = [
      { name: 'payment', result: { status: 'settled', total_cents: 1560, tip_cents: 0, reference: 'r-1' } },
    ]
    const { text, toolCalls } = await readReply(model, [user('yes', notes)])
    expect(text).toContain('$15.60')
    expect(text).toContain('r-1')
    expect(toolCalls).toEqual([])
  })

  it.each([
    [{ status: 'declined', reason: 'card_expired' }, 'declined (card expired)'],
    [{ status: 'unknown' }, 'not heard yet'],
    ['nonsense', 'not heard yet'],
  ])('tells a payment that is %j', async (result, expected) => {
    const { model } = setup()
    const { text, toolCalls } = await readReply(model, [user('yes', [{ name: 'payment', result }])])
    expect(text).toContain(expected)
    expect(toolCalls).toEqual([])
  })

  it('answers the words beside a note that is only informational', async () => {
    const { model } = setup()
    const notes = [{ name: 'confirmation_withdrawn', result: {} }]
    const { toolCalls } = await readReply(model, [user('a beer please', notes)])
    expect(toolCalls).toHaveLength(1)
  })

  it.each([
    undefined,
    null,
    7,
    'oops',
    [],
    {},
    { status: 'error', message: 'x' },
    { status: 'stopped' },
    { status: 3 },
  ])('stays sensible on a result of %j', async (result) => {
    const { model } = setup()
    for (const { name } of tools) {
      const { text, toolCalls } = await readReply(model, answered('a martini please', name, result))
      expect(text.length).toBeGreaterThan(3)
      expect(text).not.toMatch(/undefined|NaN|null|\[object/)
      expect(toolCalls).toEqual([])
    }
  })

  it('says so when the agent has no such tool', async () => {
    const { model } = setup()
    const events: ModelEvent[] = []
    const request = {
      instructions: '',
      summary: null,
      state: null,
      messages: [user('a beer please')],
      tools: [],
      seed: 's',
    }
    for await (const event of model.stream(request, new AbortController().signal)) events.push(event)
    expect(events.filter(({ type }) => type === 'tool-call')).toEqual([])
    expect(events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('')).toContain(
      'cannot',
    )
  })
})

describe('how the house model speaks', () => {
  it('streams word by word and finishes once, with the words counted', async () => {
    const { model } = setup()
    const { events, text } = await readReply(model, [user('hello')])
    const deltas = events.filter(({ type }) => type === 'text-delta')
    expect(deltas.length).toBe(text.split(' ').length)
    expect(events.at(-1)).toEqual({
      type: 'finish',
      reason: 'stop',
      usage: { inputTokens: 1, outputTokens: deltas.length },
    })
    expect(events.filter(({ type }) => type === 'finish')).toHaveLength(1)
  })

  it('numbers its calls within the turn', async () => {
    const { model } = setup()
    const { toolCalls } = await readReply(model, [user('a beer and a water and a 20% tip')])
    expect(toolCalls.map(({ callId }) => callId)).toEqual(['call-1', 'call-2', 'call-3'])
  })

  it('says the same to the same request, and other words for other seeds', async () => {
    const { model } = setup()
    const texts = new Set<string>()
    for (const seed of 'abcdefghij') {
      const first = await readReply(model, [user('hello')], seed)
      const second = await readReply(model, [user('hello')], seed)
      expect(second).toEqual(first)
      texts.add(first.text)
    }
    expect(texts.size).toBeGreaterThan(1)
  })

  it('pauses between words for as long as it is told', async () => {
    const { clock, model } = setup({ paceMs: 30 })
    const events: ModelEvent[] = []
    const request = {
      instructions: '',
      summary: null,
      state: null,
      messages: [user('hello')],
      tools,
      seed: 's',
    }
    const done = (async () => {
      for await (const event of model.stream(request, new AbortController().signal)) events.push(event)
    })()
    await settle()
    expect(events).toHaveLength(1)
    await clock.advanceAsync(29)
    expect(events).toHaveLength(1)
    await clock.advanceAsync(1)
    expect(events).toHaveLength(2)
    await clock.advanceAsync(30 * 60)
    await done
    expect(events.at(-1)?.type).toBe('finish')
    expect(clock.pending).toBe(0)
  })

  it('uses no timer without a pace', async () => {
    const { clock, model } = setup()
    await readReply(model, [user('hello')])
    expect(clock.pending).toBe(0)
  })

  it('stops in the middle of a sentence with the reason of the signal', async () => {
    const { clock, model } = setup({ paceMs: 30 })
    const controller = new AbortController()
    const events: ModelEvent[] = []
    const request = {
      instructions: '',
      summary: null,
      state: null,
      messages: [user('hello')],
      tools,
      seed: 's',
    }
    const done = (async () => {
      for await (const event of model.stream(request, controller.signal)) events.push(event)
    })()
    const failure = done.catch((error: unknown) => error)
    await clock.advanceAsync(30)
    controller.abort(new Error('enough'))
    expect(await failure).toEqual(new Error('enough'))
    expect(events).toHaveLength(2)
    expect(clock.pending).toBe(0)
  })

  it('says nothing when the signal is aborted already', async () => {
    const { model } = setup()
    const request = {
      instructions: '',
      summary: null,
      state: null,
      messages: [user('hello')],
      tools,
      seed: 's',
    }
    const stream = model.stream(request, AbortSignal.abort(new Error('gone')))[Symbol.asyncIterator]()
    await expect(stream.next()).rejects.toThrow('gone')
  })
})

describe('what the house model remembers', () => {
  it('forgets the order when it is paid', async () => {
    const { conversation, model } = setup()
    await conversation.say('two beers')
    const notes = [{ name: 'payment', result: { status: 'settled', total_cents: 1000 } }]
    conversation.messages.push(
      user('yes', notes),
      { role: 'assistant', text: 'Paid.', toolCalls: [] },
      user('actually no beer'),
    )
    const { toolCalls } = await readReply(model, conversation.messages)
    expect(toolCalls).toEqual([])
  })

  it('takes up a question that another model asked', async () => {
    const { model } = setup()
    const messages: readonly Message[] = [
      user('what is good?'),
      { role: 'assistant', text: 'Our Negroni is lovely. Would you like a Negroni?', toolCalls: [] },
      user('yes please'),
    ]
    const { toolCalls } = await readReply(model, messages)
    expect(toolCalls).toMatchObject([
      { name: 'add_to_order', arguments: { item_name: 'Negroni', quantity: 1 } },
    ])
  })

  it('orders nothing on a yes to a payment question', async () => {
    const { conversation } = setup()
    await conversation.say('a beer')
    await conversation.say('the bill please')
    expect((await conversation.say('yes')).calls).toEqual([])
  })
})
