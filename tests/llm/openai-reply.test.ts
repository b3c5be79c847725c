import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EventParser } from '../../src/llm/event-parser.ts'
import type { ModelEvent } from '../../src/llm/model.ts'
import { ChatReply } from '../../src/llm/openai/chat-reply.ts'
import { estimateTokens } from '../../src/llm/prompt.ts'
import { FakeClock, settle } from '../fakes/fake-clock.ts'
import {
  chunkOf,
  eventOf,
  streams,
  usageChunk,
  usageOf,
  type Exchange,
  type Play,
} from '../fakes/openai-server.ts'
import { callsOf, failure, finishOf, fragment, hear, heard, setup, textOf } from './openai-under-test.ts'

const calling = chunkOf({}, 'tool_calls')

describe('the words', () => {
  it('come without empty pieces; a role, null and usage alone say nothing', async () => {
    const events = await heard(
      streams(
        chunkOf({ role: 'assistant', content: '' }),
        chunkOf({ content: null }),
        chunkOf({ content: 'Good ' }),
        { choices: [] },
        { choices: null },
        chunkOf({ content: 'evening.' }),
        chunkOf({}, 'stop'),
        usageChunk(11, 7),
      ),
    )
    expect(events).toEqual([
      { type: 'text-delta', text: 'Good ' },
      { type: 'text-delta', text: 'evening.' },
      { type: 'finish', reason: 'stop', usage: { inputTokens: 11, outputTokens: 7 } },
    ])
  })

  it.each(['reasoning_content', 'reasoning'])(
    'of thinking (%s) are a sign of life and not told',
    async (field) => {
      const events = await heard(
        streams(chunkOf({ [field]: 'Hm, a Martini...' }), chunkOf({ content: 'Yes.' }), chunkOf({}, 'stop')),
      )
      expect(events[0]).toEqual({ type: 'progress', what: 'thinking' })
      expect(textOf(events)).toBe('Yes.')
    },
  )

  it('of a refusal are told, as a blocked reply', async () => {
    const events = await heard(streams(chunkOf({ refusal: 'I cannot do that.' }), chunkOf({}, 'stop')))
    expect(textOf(events)).toBe('I cannot do that.')
    expect(finishOf(events).reason).toBe('blocked')
  })

  it.each([
    ['CRLF', (event: string) => event.replaceAll('\n', '\r\n')],
    ['comments and keep-alives', (event: string) => `: ping\n\n${event}:\n`],
    ['names and ids', (event: string) => `event: message\nid: 7\nretry: 5\n${event}`],
    ['no space after the colon', (event: string) => event.replace('data: ', 'data:')],
  ])('are read with %s', async (_name, change) => {
    const events = await heard(async (exchange) => {
      for (const chunk of [
        chunkOf({ content: 'Très ' }),
        chunkOf({ content: 'bien 🍸' }),
        chunkOf({}, 'stop'),
      ])
        await exchange.write(change(eventOf(chunk)))
      await exchange.write(change('data: [DONE]\n\n'))
      exchange.end('cut-off')
    })
    expect(textOf(events)).toBe('Très bien 🍸')
    expect(finishOf(events).reason).toBe('stop')
  })

  it('are the same however the bytes are split', async () => {
    const chunks = [
      chunkOf({ role: 'assistant', content: '' }),
      chunkOf({ reasoning_content: 'Hm…' }),
      chunkOf({ content: 'Très ' }),
      chunkOf({ content: 'bien 🍸.\r\n' }),
      fragment({ index: 0, id: 'a', function: { name: 'add_to_order', arguments: '{"item_name":' } }),
      fragment({ index: 0, function: { arguments: '"Caipirinha 🍋"}' } }),
      calling,
      usageChunk(3, 4),
    ]
    const separators = ['\n\n', '\r\n\r\n', '\r\r', '\n: ping\n\n']
    const pieces = fc.array(fc.nat({ max: 2000 }), { maxLength: 40 })
    fc.assert(
      fc.property(pieces, fc.infiniteStream(fc.constantFrom(...separators)), (cuts, ends) => {
        const text = [...chunks.map((chunk) => JSON.stringify(chunk)), '[DONE]']
          .map((data) => `data: ${data}${ends.next().value}`)
          .join('')
        const bytes = Buffer.from(text)
        expect(eventsOf(bytes, cuts)).toEqual(eventsOf(bytes, []))
        expect(textOf(eventsOf(bytes, cuts))).toBe('Très bien 🍸.\r\n')
      }),
    )
  })

  it('arrive byte by byte as well', async () => {
    const bytes = Buffer.from(eventOf(chunkOf({ content: 'Très bien 🍸' })) + eventOf(chunkOf({}, 'stop')))
    const events = await heard(async (exchange) => {
      for (const byte of bytes) {
        await exchange.write(Buffer.of(byte))
        await new Promise((resolve) => setImmediate(resolve))
      }
      exchange.end()
    })
    expect(textOf(events)).toBe('Très bien 🍸')
  })
})

describe('what a server says', () => {
  it('is an answer or a failure in our words, whatever it is', () => {
    const any = fc.jsonValue({ maxDepth: 1 })
    const some = <Value>(value: fc.Arbitrary<Value>) => fc.oneof({ weight: 4, arbitrary: value }, any)
    const fields = { requiredKeys: [] }
    const named = fc.record({ name: some(fc.string()), arguments: some(fc.json({ maxDepth: 1 })) }, fields)
    const call = fc.record({ index: some(fc.nat(2)), id: some(fc.string()), function: some(named) }, fields)
    const calls = some(fc.array(some(call), { maxLength: 3 }))
    const delta = fc.record({ content: some(fc.string()), refusal: any, tool_calls: calls }, fields)
    const reason = some(fc.constantFrom('stop', 'length', null))
    const choice = fc.record({ delta: some(delta), finish_reason: reason }, fields)
    const chunk = fc.record({ choices: some(fc.tuple(some(choice))), usage: any, error: any }, fields)
    fc.assert(
      fc.property(fc.array(some(chunk), { maxLength: 5 }), (chunks) => {
        expect(outcomeOf(chunks)).toMatch(/^(?:finish|ModelError)$/)
      }),
    )
  })

  it('is not believed when it is nested deeper than anybody could walk through', async () => {
    const deep = `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`
    const call = { index: 0, id: 'a', function: { name: 'get_menu', arguments: deep } }
    const [made] = callsOf(await heard(streams(chunkOf({ tool_calls: [call] }), calling)))
    expect(made?.arguments).toBe(deep)
    const raw = `data: {"choices":[{"delta":{"tool_calls":[{"function":{"name":"x","arguments":${deep}}}]}}]}`
    const error = await failure((exchange) => exchange.write(`${raw}\n\n`))
    expect(error).toMatchObject({ code: 'MODEL_TRUNCATED' })
  })
})

describe('the end', () => {
  it.each([
    ['stop', 'stop'],
    ['tool_calls', 'stop'],
    ['function_call', 'stop'],
    ['end_turn', 'stop'],
    ['length', 'length'],
    ['content_filter', 'blocked'],
  ])('%s is %s', async (finishReason, reason) => {
    const events = await heard(streams(chunkOf({ content: 'Well.' }), chunkOf({}, finishReason)))
    expect(finishOf(events).reason).toBe(reason)
  })

  it.each(['error', 'abort', 'insufficient_system_resource'])('%s is a truncation', async (finishReason) => {
    const error = await failure(streams(chunkOf({ content: 'Well.' }), chunkOf({}, finishReason)))
    expect(error).toMatchObject({ code: 'MODEL_TRUNCATED', retryable: true })
  })

  it('can come without [DONE]', async () => {
    const events = await heard(async (exchange) => {
      await exchange.send(chunkOf({ content: 'Well.' }))
      await exchange.send(chunkOf({}, 'stop'))
      exchange.end('cut-off')
    })
    expect(finishOf(events).reason).toBe('stop')
  })

  it('can come without a reason, or with an empty one, when [DONE] does', async () => {
    const said = await heard(streams(chunkOf({ content: 'Well.' }, '')))
    expect(finishOf(said).reason).toBe('stop')
    const called = await heard(
      streams(fragment({ id: 'a', function: { name: 'get_menu', arguments: '{}' } })),
    )
    expect(callsOf(called)).toHaveLength(1)
  })

  it('is a truncation when neither comes, or nothing was said', async () => {
    for (const play of [cutOff, streams(), streams(chunkOf({ role: 'assistant', content: '' }))])
      expect(await failure(play)).toMatchObject({ code: 'MODEL_TRUNCATED', retryable: true })
  })

  it('stands when the connection breaks after it', async () => {
    const events = await heard(async (exchange) => {
      await exchange.send(chunkOf({ content: 'Well.' }, 'stop'))
      exchange.reset()
    })
    expect(finishOf(events).reason).toBe('stop')
  })

  it.each([
    ['says no more', async () => {}],
    [
      'goes on with signs of life',
      async (exchange: Exchange) => {
        await exchange.send(chunkOf({}))
        await exchange.send(chunkOf({}))
      },
    ],
  ])(
    'comes soon after the reason also where the server keeps the connection and %s',
    async (_how, goesOn) => {
      const clock = new FakeClock()
      const { server, model } = await setup({ clock })
      server.plays(async (exchange) => {
        await exchange.send(chunkOf({ content: 'Yes.' }))
        await exchange.send(chunkOf({}, 'stop'))
        await exchange.send(usageChunk(7, 3))
        await goesOn(exchange)
      })
      const reply = hear(model)
      while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
      await clock.advanceAsync(999)
      expect([server.openRequests, clock.pending]).toEqual([1, 1])
      await clock.advanceAsync(1)
      const events = await reply
      expect([textOf(events), finishOf(events).reason, clock.pending]).toEqual(['Yes.', 'stop', 0])
      await server.idle()
    },
  )

  it('is not put off by a server that keeps the connection after [DONE]', async () => {
    const { server, model } = await setup()
    const taken = server.next()
    const reading = hear(model)
    const exchange = await taken
    await exchange.send(chunkOf({ content: 'Well.' }, 'stop'))
    await exchange.write('data: [DONE]\n\n')
    expect(finishOf(await reading).reason).toBe('stop')
    expect(server.openRequests).toBe(1)
    await exchange.send(chunkOf({ content: 'And another thing.' }))
    await server.idle()
  })

  it('leaves the connection to the next reply, even if the end of the body comes a moment after [DONE]', async () => {
    const { server, model } = await setup()
    for (const word of ['One.', 'Two.', 'Three.']) {
      const taken = server.next()
      const reading = hear(model)
      const exchange = await taken
      await exchange.send(chunkOf({ content: word }, 'stop'))
      await exchange.write('data: [DONE]\n\n')
      await reading
      exchange.end('cut-off')
      await server.idle()
      await settle() // The client has to hear of it, too.
    }
    expect(server.connections).toBe(1)
  })
})

describe('the usage', () => {
  it('is the last count where every chunk has one', async () => {
    const events = await heard(
      streams(counted('One ', 1), counted('two.', 2), { ...chunkOf({}, 'stop'), usage: null }),
    )
    expect(finishOf(events).usage).toEqual({ inputTokens: 9, outputTokens: 2 })
  })

  it.each([
    ['none', undefined],
    ['zeros', usageOf(0, 0)],
    ['nonsense', { prompt_tokens: -5, completion_tokens: 'many' }],
    ['more than can be', { prompt_tokens: 1e300, completion_tokens: 0.5 }],
  ])('is estimated where the server counts %s', async (_name, usage) => {
    const events = await heard(
      streams(chunkOf({ content: 'Well, well.' }), { ...chunkOf({}, 'stop'), usage }),
    )
    const { inputTokens, outputTokens } = finishOf(events).usage
    expect(outputTokens).toBe(estimateTokens('Well, well.'))
    expect(inputTokens).toBeGreaterThan(estimateTokens('A Martini, please.'))
    expect(inputTokens).toBeLessThan(2000)
  })
})

describe('a server that does not stream', () => {
  it('is understood', async () => {
    const message = {
      role: 'assistant',
      content: 'Gladly.',
      tool_calls: [{ id: 'a', type: 'function', function: { name: 'get_menu', arguments: '{}' } }],
    }
    const answer = { choices: [{ index: 0, message, finish_reason: 'tool_calls' }], usage: usageOf(5, 6) }
    const events = await heard((exchange) => exchange.answer(200, answer))
    expect(events).toEqual([
      { type: 'text-delta', text: 'Gladly.' },
      { type: 'tool-call', call: { callId: 'a', name: 'get_menu', arguments: {} } },
      { type: 'finish', reason: 'stop', usage: { inputTokens: 5, outputTokens: 6 } },
    ])
  })

  it('is understood in a long answer, up to the bound', async () => {
    expect(textOf(await heard(saysMuch(60_000)))).toHaveLength(60_000)
    expect(await failure(saysMuch(70_000))).toMatchObject({ code: 'MODEL_TRUNCATED', retryable: false })
  })

  it.each([
    ['a page', '<!doctype html><title>Log in</title>'],
    ['no object', [1]],
    ['cut JSON', '{"choices":[{'],
  ])('has failed with %s', async (_name, body) => {
    const error = await failure((exchange) => exchange.answer(200, body))
    expect(error).toMatchObject({ code: 'MODEL_TRUNCATED', retryable: true })
  })
})

function outcomeOf(chunks: readonly unknown[]): string {
  const reply = new ChatReply(() => 0)
  try {
    for (const chunk of chunks) reply.read(JSON.stringify(chunk))
    return reply.end().at(-1)?.type ?? 'nothing'
  } catch (error) {
    return error instanceof Error ? error.name : 'nothing'
  }
}

/** What is read of bytes that come in pieces, cut at these places. */
function eventsOf(bytes: Buffer, cuts: readonly number[]): readonly ModelEvent[] {
  const parser = new EventParser()
  const reply = new ChatReply(() => 0)
  const places = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].toSorted(
    (a, b) => a - b,
  )
  const pieces = places.slice(1).map((end, at) => bytes.subarray(places[at], end))
  const events = pieces.flatMap((piece) => parser.push(piece).flatMap((data) => reply.read(data)))
  return [...events, ...reply.end()]
}

const cutOff: Play = async (exchange) => {
  await exchange.send(chunkOf({ content: 'Well.' }, ''))
  exchange.end('cut-off')
}

const counted = (content: string, tokens: number) => ({
  ...chunkOf({ content }),
  usage: usageOf(9, tokens),
})

const saysMuch = (characters: number): Play => {
  const message = { content: 'a'.repeat(characters) }
  return (exchange) => exchange.answer(200, { choices: [{ message, finish_reason: 'stop' }] })
}
