import { describe, expect, it } from 'vitest'
import { contentOf, heardReplies, messagesOf, wholeContentOf } from '../../src/conversation/messages.ts'
import type { EffectRecord, ReplyRecord, TurnRecord } from '../../src/log/state.ts'

const usage = { inputTokens: 1, outputTokens: 1 }

function reply(text: string, ...callIds: readonly string[]): ReplyRecord {
  return { text, usage, toolCalls: callIds.map((callId) => ({ callId, name: 'tool', arguments: {} })) }
}

function effect(callId: string, name = 'tool'): EffectRecord {
  return { callId, name, outcome: 'ok', result: `result of ${callId}` }
}

function turn(replies: readonly ReplyRecord[], effects: readonly EffectRecord[] = []): TurnRecord {
  return {
    turnId: 't',
    owner: 'o',
    userInput: 'Hello',
    startedAt: 0,
    endedAt: 0,
    attempt: 0,
    replies,
    effects,
    outcome: 'complete',
    code: null,
    finishReason: 'stop',
    lastNumber: 1,
  }
}

describe('what the model is shown', () => {
  it('has a result for every call, in the order of the calls, also for those that were not run', () => {
    const messages = messagesOf([
      turn([reply('One moment.', 'a', 'b', 'c'), reply('Done.')], [effect('c'), effect('a')]),
    ])
    expect(messages).toEqual([
      { role: 'user', text: 'Hello', notes: [] },
      { role: 'assistant', text: 'One moment.', toolCalls: reply('', 'a', 'b', 'c').toolCalls },
      {
        role: 'tool',
        results: [
          { callId: 'a', name: 'tool', result: 'result of a' },
          { callId: 'b', name: 'tool', result: expect.objectContaining({ status: 'stopped' }) },
          { callId: 'c', name: 'tool', result: 'result of c' },
        ],
      },
      { role: 'assistant', text: 'Done.', toolCalls: [] },
    ])
  })

  it('has what the server did by itself as notes on the message of the guest', () => {
    const record = turn(
      [reply('', 'a'), reply('Paid.')],
      [effect('server:payment-0', 'payment'), effect('a')],
    )
    expect(messagesOf([record])[0]).toEqual({
      role: 'user',
      text: 'Hello',
      notes: [{ name: 'payment', result: 'result of server:payment-0' }],
    })
  })

  it('has no empty words of the model', () => {
    expect(messagesOf([turn([reply('')])])).toHaveLength(1)
  })
})

describe('an answer that was not heard to its end', () => {
  const whole = turn([reply('One moment.', 'a'), reply('Here you are.')], [effect('a')])

  it.each([
    [0, ['', ''], ''],
    [3, ['One', ''], 'One'],
    [11, ['One moment.', ''], 'One moment.'],
    [12, ['One moment.', ''], 'One moment.'],
    [16, ['One moment.', 'Here'], 'One moment. Here'],
    [25, ['One moment.', 'Here you are.'], 'One moment. Here you are.'],
  ] as const)('at %i characters', (heardCharacters, texts, content) => {
    const cut = { ...whole, heardCharacters }
    expect(heardReplies(cut).map(({ text }) => text)).toEqual(texts)
    expect([contentOf(cut), wholeContentOf(cut)]).toEqual([content, 'One moment. Here you are.'])
  })

  it('has the signature only of a text that is whole', () => {
    const signed = turn([
      { ...reply('One.'), signature: 'x' },
      { ...reply('Two.'), signature: 'y' },
    ])
    const messages = messagesOf([{ ...signed, heardCharacters: 7 }])
    expect(messages.slice(1)).toEqual([
      { role: 'assistant', text: 'One.', toolCalls: [], signature: 'x' },
      { role: 'assistant', text: 'Tw', toolCalls: [] },
    ])
  })
})

describe('what was said in a turn', () => {
  it.each([
    [['One.', 'Two.'], 'One. Two.'],
    [['One. ', 'Two.'], 'One. Two.'],
    [['One.', '\nTwo.'], 'One.\nTwo.'],
    [['', 'Two.'], 'Two.'],
    [['One.', '', 'Three.'], 'One. Three.'],
    [[], ''],
  ])('in %j is %j', (texts, content) => {
    expect(contentOf(turn(texts.map((text) => reply(text))))).toBe(content)
  })
})
