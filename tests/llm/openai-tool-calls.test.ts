import { describe, expect, it } from 'vitest'
import type { ModelEvent } from '../../src/llm/model.ts'
import { CallFragments } from '../../src/llm/openai/call-fragments.ts'
import { chunkOf, streams } from '../fakes/openai-server.ts'
import { callsOf, finishOf, fragment, heard, request, setup, textOf } from './openai-under-test.ts'

const calling = chunkOf({}, 'tool_calls')

describe('tool calls', () => {
  const add = { name: 'add_to_order', arguments: '{"item_name":"Martini"}' }
  const martini = { name: 'add_to_order', arguments: { item_name: 'Martini' } }
  const beer = { name: 'add_to_order', arguments: '{"item_name":"Beer"}' }

  it('come in fragments that share an index, even interleaved', async () => {
    const events = await heard(
      streams(
        fragment({
          index: 0,
          id: 'call_a',
          type: 'function',
          function: { name: 'add_to_order', arguments: '' },
        }),
        fragment({ index: 1, id: 'call_b', type: 'function', function: { name: 'get_menu', arguments: '' } }),
        fragment({ index: 0, function: { arguments: '{"item_na' } }),
        fragment({ index: 1, function: { arguments: '{' } }),
        fragment({ index: 0, function: { arguments: 'me":"Martini"}' } }),
        fragment({ index: 1, function: { arguments: '}' } }),
        calling,
      ),
    )
    expect(callsOf(events)).toEqual([
      { callId: 'call_a', ...martini },
      { callId: 'call_b', name: 'get_menu', arguments: {} },
    ])
    expect(finishOf(events).reason).toBe('stop')
  })

  it.each([
    ['two ids under one index', { index: 0, id: 'a' }, { index: 0, id: 'b' }],
    ['two ids without an index', { id: 'a' }, { id: 'b' }],
  ])('are told apart by %s', async (_name, first, second) => {
    const events = await heard(
      streams(
        fragment({ ...first, function: { name: 'add_to_order', arguments: '{"item_name":' } }),
        fragment({ ...first, id: null, function: { arguments: '"Martini"}' } }),
        fragment({ ...second, function: beer }),
        calling,
      ),
    )
    expect(callsOf(events)).toEqual([
      { callId: 'a', ...martini },
      { callId: 'b', name: 'add_to_order', arguments: { item_name: 'Beer' } },
    ])
  })

  it('without any id are told apart where one is whole and the next begins, and get ids', async () => {
    const events = await heard(
      streams(
        fragment({ index: 0, id: '', function: add }),
        fragment({ index: 0, function: beer }),
        fragment({ index: 0, function: { name: 'get_menu', arguments: '' } }),
        calling,
      ),
    )
    expect(callsOf(events)).toEqual([
      { callId: 'call-1', ...martini },
      { callId: 'call-2', name: 'add_to_order', arguments: { item_name: 'Beer' } },
      { callId: 'call-3', name: 'get_menu', arguments: {} },
    ])
  })

  it('can have their name, or another id, in every fragment', async () => {
    const events = await heard(
      streams(
        fragment({ index: 0, id: 'a', function: { name: 'add_to_order', arguments: '{"item_name"' } }),
        fragment({ index: 0, id: 'a', function: { name: 'add_to_order', arguments: ':"Martini"}' } }),
        fragment({ index: 1, id: 'c', function: { name: 'add_to_order', arguments: '{"item_name"' } }),
        fragment({ index: 1, id: 'd', function: { name: '', arguments: ':"Martini"}' } }),
        fragment({ index: 2, function: { name: 'add_to_order', arguments: '{"item_name"' } }),
        fragment({ index: 2, function: { name: 'add_to_order', arguments: ':"Martini"}' } }),
        fragment({ index: 2, function: { name: 'add_to_order', arguments: '' } }),
        calling,
      ),
    )
    expect(callsOf(events)).toEqual([
      { callId: 'a', ...martini },
      { callId: 'c', ...martini },
      { callId: 'call-3', ...martini },
    ])
  })

  it('can have their id and name come one after the other', async () => {
    const events = await heard(
      streams(
        fragment({ index: 0, id: 'a' }),
        fragment({ index: 0, function: { name: 'add_to_order' } }),
        fragment({ index: 0, function: { arguments: add.arguments } }),
        calling,
      ),
    )
    expect(callsOf(events)).toEqual([{ callId: 'a', ...martini }])
  })

  it('can come whole in one chunk, with arguments as JSON, and with a reason of `stop`', async () => {
    const whole = { ...add, arguments: { item_name: 'Martini' } }
    const events = await heard(
      streams(
        chunkOf(
          {
            content: null,
            tool_calls: [
              { id: 'a', function: add },
              { id: 'b', function: whole },
            ],
          },
          'stop',
        ),
      ),
    )
    expect(callsOf(events)).toEqual([
      { callId: 'a', ...martini },
      { callId: 'b', ...martini },
    ])
  })

  it.each(['', ' ', 'null', '{}'])('without arguments have none: %j', async (text) => {
    const events = await heard(
      streams(fragment({ index: 0, id: 'a', function: { name: 'get_menu', arguments: text } }), calling),
    )
    expect(callsOf(events)).toEqual([{ callId: 'a', name: 'get_menu', arguments: {} }])
  })

  it.each(['{"item_name":"Mart', 'Martini', '{"a":1}{"b":2}'])(
    'with arguments that are no JSON are made with what fits no schema: %j',
    async (text) => {
      const events = await heard(
        streams(
          fragment({ index: 0, id: 'a', function: { name: 'add_to_order', arguments: text } }),
          calling,
        ),
      )
      expect(callsOf(events)).toEqual([{ callId: 'a', name: 'add_to_order', arguments: text }])
    },
  )

  it('that the limit cut off before their arguments are not made without them', async () => {
    const events = await heard(
      streams(
        fragment({ index: 0, id: 'a', function: { name: 'clear_order', arguments: '' } }),
        chunkOf({}, 'length'),
      ),
    )
    expect(callsOf(events)).toEqual([{ callId: 'a', name: 'clear_order', arguments: '' }])
    expect(finishOf(events).reason).toBe('length')
  })

  it('give signs of life while their arguments come, and are made only when the reply is whole', async () => {
    const { server, model } = await setup()
    server.plays(async (exchange) => {
      await exchange.send(fragment({ index: 0, id: 'a', function: add }))
      exchange.end('cut-off')
    })
    const events: ModelEvent[] = []
    const reading = (async () => {
      for await (const event of model.stream(request, new AbortController().signal)) events.push(event)
    })()
    await expect(reading).rejects.toMatchObject({ code: 'MODEL_TRUNCATED' })
    expect(events).toEqual([{ type: 'progress', what: 'thinking' }])
  })

  it('of a strange shape are nothing', async () => {
    const strange = [chunkOf({ tool_calls: 'x' }), chunkOf({ tool_calls: { index: 0 } })]
    const events = await heard(streams(...strange, chunkOf({ content: 'Hm.' }), chunkOf({}, 'stop')))
    expect(callsOf(events)).toEqual([])
    expect(textOf(events)).toBe('Hm.')
  })
})

describe('tool calls without a bound', () => {
  const tooLong = { code: 'MODEL_TRUNCATED', retryable: false }

  it('are too long beyond 64 K characters of arguments', () => {
    const fragments = new CallFragments()
    const take = (text: string) => fragments.take({ index: 0, function: { name: 'a', arguments: text } })
    take(`{"a":"${'x'.repeat(64 * 1024 - 8)}"}`)
    take('{}')
    expect(fragments.calls(false)).toHaveLength(2)
    fragments.take({ index: 0, function: { arguments: ' '.repeat(64 * 1024 - 2) } })
    expect(() => fragments.take({ index: 0, function: { arguments: ' ' } })).toThrow(
      expect.objectContaining(tooLong),
    )
    expect(() => take('x'.repeat(64 * 1024 + 1))).toThrow(expect.objectContaining(tooLong))
  })

  it('are not read again and again for each of many fragments that could be the last', () => {
    const fragments = new CallFragments()
    fragments.take({ index: 0, function: { name: 'a', arguments: `{"a":"${'x'.repeat(20_000)}}` } })
    const flood = () => {
      for (let count = 0; count < 20_000; count++)
        fragments.take({ index: 0, function: { name: 'a', arguments: '}' } })
    }
    expect(flood).toThrow(expect.objectContaining(tooLong))
  })
})
