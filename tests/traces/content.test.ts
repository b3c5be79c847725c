import { describe, expect, it } from 'vitest'
import type { TurnStep } from '../../src/conversation/observer.ts'
import type { ModelEvent, ModelRequest } from '../../src/llm/model.ts'
import { contentOfStep } from '../../src/traces/content-of-step.ts'
import { FakeVoice } from '../fakes/fake-voice.ts'
import { calls, says } from '../fakes/scripted-model.ts'
import type { TestServiceOptions } from '../fakes/test-service.ts'
import { tracedService } from './traced-service.ts'

/** What nobody but the guest may ever read again. */
const words = 'Canary-Words'
const metricsToken = 'canary-metrics-token-0123'
/** As keys of Gemini look. */
const guestKey = `AIza${'Canary-'.repeat(5)}`
const receiverKey = 'Canary-Receiver-Key'
const turnName = 'invoke_agent maya'

/** Everything that a service has sent of a guest who says, orders, pays, listens and brings a key. */
async function sent(options: TestServiceOptions = {}) {
  const voice = { textToSpeech: new FakeVoice(), speechToText: null, close: async () => {} }
  const { receiver, model, guest } = await tracedService({ voice, ...options })
  const [asked, ...rest] = calls(['add_to_order', { item_name: words, quantity: 1 }])
  if (asked?.type !== 'tool-call') throw new Error('There is no call.')
  const call: ModelEvent = { ...asked, call: { ...asked.call, callId: words } }
  model.add([call, ...rest], says(words), calls([words, { [words]: words }]), says(words), new Error(words))
  await guest.post('/chat', { user_input: `${words} ${guestKey} ${metricsToken}` }, { key: words })
  await guest.post('/chat/stream', { user_input: words, voice: true })
  await guest.post('/chat', { user_input: words })
  await receiver.until(turnName, 3)
  const text = Buffer.concat(receiver.bodies).toString('latin1')
  return { receiver, guest, text }
}

describe('what is exported', () => {
  it('has no word of a guest, no key and no session', async () => {
    const environment = {
      OTEL_EXPORTER_OTLP_HEADERS: `authorization=${receiverKey}`,
      MAYA_METRICS_TOKEN: metricsToken,
    }
    const { text, guest, receiver } = await sent({ environment })
    expect(receiver.spans.length).toBeGreaterThan(20)
    const secrets = [/canary/i, guest.token, guest.token.slice(0, 22), guest.token.slice(23)]
    expect(secrets.filter((secret) => text.search(secret) !== -1)).toEqual([])
  })

  it('has what was said where that is wanted, but never a key', async () => {
    const { text, guest, receiver } = await sent({
      environment: { MAYA_TRACE_CONTENT: 'on', MAYA_METRICS_TOKEN: metricsToken },
    })
    expect([metricsToken, guestKey, guest.token].filter((secret) => text.includes(secret))).toEqual([])
    const [asked] = receiver.spans.filter(({ name }) => name === 'chat')
    const parsed = (name: string): unknown => JSON.parse(String(asked?.attributes[name]))
    expect(parsed('gen_ai.input.messages')).toEqual([
      { role: 'user', parts: [{ type: 'text', content: expect.stringContaining(words) }] },
      { role: 'system', parts: [{ type: 'text', content: expect.stringContaining('tab') }] },
    ])
    expect(parsed('gen_ai.output.messages')).toEqual([
      {
        role: 'assistant',
        parts: [
          {
            type: 'tool_call',
            id: words,
            name: 'add_to_order',
            arguments: { item_name: words, quantity: 1 },
          },
        ],
        finish_reason: 'tool_call',
      },
    ])
    expect(parsed('gen_ai.system_instructions')).toEqual([{ type: 'text', content: expect.any(String) }])
    const [tool] = receiver.spans.filter(({ name }) => name === 'execute_tool add_to_order')
    expect(tool?.attributes['gen_ai.tool.call.id']).toBe(words)
    expect(JSON.parse(String(tool?.attributes['gen_ai.tool.call.arguments']))).toMatchObject({
      item_name: words,
    })
    expect(JSON.parse(String(tool?.attributes['gen_ai.tool.call.result']))).toBeTypeOf('object')
  })
})

const mask = (text: string): string => text.replaceAll('secret', '***')

function modelStep(request: Partial<ModelRequest>, text = ''): TurnStep {
  const whole = { instructions: '', summary: null, state: null, messages: [], tools: [], seed: '' }
  return {
    kind: 'model',
    purpose: 'reply',
    provider: 'played',
    isFallback: false,
    isOwnKey: false,
    startedAtMs: 0,
    seconds: 1,
    code: null,
    usage: { inputTokens: 1, outputTokens: 1 },
    finishReason: 'stop',
    toolCalls: 0,
    firstTextSeconds: null,
    content: () => ({ request: { ...whole, ...request }, text, toolCalls: [] }),
  }
}

function toolStep(args: unknown, result: unknown): TurnStep {
  const content = () => ({ arguments: args, result })
  const times = { startedAtMs: 0, seconds: 1, code: null }
  return { kind: 'tool', tool: 'look_up', callId: 'call-1', outcome: 'ok', ...times, content }
}

const said = (text: string) => ({ role: 'user', text, notes: [] }) as const

const brokenMask = (): never => {
  throw new Error('The mask is broken.')
}

describe('the content of a step', () => {
  it('is masked in every text of it, and JSON all the same', () => {
    const content = contentOfStep(toolStep({ q: ['a secret', 1] }, 'secret"'), { mask, charactersMax: 100 })
    expect(content).toEqual({
      'gen_ai.tool.call.id': 'call-1',
      'gen_ai.tool.call.arguments': '{"q":["a ***",1]}',
      'gen_ai.tool.call.result': '"***\\""',
    })
  })

  it('leaves out the oldest messages where all would be too long', () => {
    const messages = ['first', 'second', 'third'].map(said)
    const content = contentOfStep(modelStep({ messages }), { mask, charactersMax: 130 })
    expect(JSON.parse(String(content['gen_ai.input.messages']))).toEqual(
      ['second', 'third'].map((text) => ({ role: 'user', parts: [{ type: 'text', content: text }] })),
    )
  })

  it('leaves out what is too long by itself, and what cannot be masked', () => {
    const long = 'x'.repeat(101)
    expect(contentOfStep(toolStep(long, 'short'), { mask, charactersMax: 100 })).toEqual({
      'gen_ai.tool.call.id': 'call-1',
      'gen_ai.tool.call.result': '"short"',
    })
    expect(contentOfStep(toolStep(1, 'short'), { mask: brokenMask, charactersMax: 100 })).toEqual({
      'gen_ai.tool.call.id': 'call-1',
      'gen_ai.tool.call.arguments': '1',
    })
  })
})
