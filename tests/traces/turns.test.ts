import { describe, expect, it } from 'vitest'
import { ModelError } from '../../src/llm/model.ts'
import { hashOfId } from '../../src/security/session-token.ts'
import { changesOf } from '../fakes/exposition.ts'
import { FakeVoice } from '../fakes/fake-voice.ts'
import { newGuest } from '../fakes/guest.ts'
import { OtlpReceiver } from '../fakes/otlp-receiver.ts'
import { calls, says, type ScriptedReply } from '../fakes/scripted-model.ts'
import { startService, type TestServiceOptions } from '../fakes/test-service.ts'
import { quickLimits, tracedService } from './traced-service.ts'

const martini = calls(['add_to_order', { item_name: 'Martini', quantity: 1 }])
const turnName = 'invoke_agent maya'

/** The spans of one turn that was asked for, the turn's own apart. */
async function turnOf(replies: readonly ScriptedReply[], options: TestServiceOptions = {}, headers = {}) {
  const { receiver, model, guest, service } = await tracedService(options)
  model.add(...replies)
  const answer = await guest.post('/chat', { user_input: 'A Martini, please.' }, { headers })
  const [turn] = await receiver.until(turnName)
  if (turn === undefined) throw new Error('There is no turn.')
  const steps = receiver.spans.filter(({ parentId }) => parentId === turn.spanId)
  return { receiver, guest, service, answer: answer.json(), turn, steps }
}

describe('a turn', () => {
  it('is a trace of its own, whose steps are its children and lie within it', async () => {
    const { turn, steps, receiver } = await turnOf([martini, says('Here you are.')])
    expect(turn).toMatchObject({ parentId: '', kind: 'internal', isError: false })
    expect(steps.map(({ name }) => name)).toEqual([
      'acquireLease',
      'append',
      'chat',
      'append',
      'append',
      'execute_tool add_to_order',
      'chat',
      'append',
      'releaseLease',
    ])
    expect(receiver.spans).toHaveLength(steps.length + 1)
    expect(new Set(receiver.spans.map(({ traceId }) => traceId)).size).toBe(1)
    for (const { startMs, endMs } of steps) {
      expect(startMs).toBeGreaterThanOrEqual(turn.startMs)
      expect(endMs).toBeGreaterThanOrEqual(startMs)
      // The clock of dates has no parts of a millisecond.
      expect(endMs).toBeLessThanOrEqual(turn.endMs + 1)
    }
  })

  it('says which it was, by the names of the conventions, and not whose session it was', async () => {
    const { turn, answer, guest } = await turnOf([says('Good evening.')])
    const sessionId = guest.token.slice(0, 22)
    expect(turn.attributes).toMatchObject({
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.name': 'maya',
      'gen_ai.conversation.id': hashOfId(sessionId),
      'gen_ai.provider.name': 'scripted',
      'maya.turn.id': answer.turn_id,
      'maya.turn.attempt': 0,
      'maya.turn.outcome': 'complete',
      'maya.turn.first_text_seconds': expect.any(Number),
      'maya.request.id': expect.any(String),
    })
    expect(turn.resource).toMatchObject({ 'service.name': 'maya', 'service.version': '0.0.0-test' })
  })

  it('says of a model call what it took and why it ended', async () => {
    const { steps } = await turnOf([martini, says('Here you are.')])
    const asked = steps.filter(({ name }) => name === 'chat')
    expect(asked.map(({ attributes }) => attributes['gen_ai.response.finish_reasons'])).toEqual([
      ['tool_call'],
      ['stop'],
    ])
    expect(asked[1]).toMatchObject({
      kind: 'client',
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'scripted',
        'gen_ai.request.stream': true,
        'gen_ai.usage.input_tokens': 10,
        'gen_ai.usage.output_tokens': 5,
        'gen_ai.response.time_to_first_chunk': expect.any(Number),
        'maya.model.purpose': 'reply',
        'maya.model.fallback': false,
        'maya.model.own_key': false,
      },
    })
  })

  it('says of a tool call which it was and what became of it', async () => {
    const { steps } = await turnOf([martini, says('Here you are.')])
    expect(steps.find(({ name }) => name.startsWith('execute_tool'))).toMatchObject({
      isError: false,
      attributes: {
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': 'add_to_order',
        'gen_ai.tool.type': 'function',
        'maya.tool.outcome': 'ok',
      },
    })
  })

  it('names no tool that there is not, as its name is the word of a model', async () => {
    const { steps } = await turnOf([calls(['my secret wish', {}]), says('I cannot.')])
    expect(steps.find(({ name }) => name.startsWith('execute_tool'))).toMatchObject({
      name: 'execute_tool unknown',
      isError: true,
      attributes: { 'error.type': 'invalid', 'gen_ai.tool.name': 'unknown' },
    })
  })

  it('names the model that is asked, and tells one of this process from another', async () => {
    const receiver = await OtlpReceiver.start()
    const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url }
    const guest = await newGuest(await startService({ limits: quickLimits, environment }))
    await guest.post('/chat', { user_input: 'A Martini, please.' })
    await receiver.until(turnName)
    const [asked] = receiver.spans.filter(({ name }) => name === 'chat house')
    expect(asked).toMatchObject({ kind: 'internal', attributes: { 'gen_ai.request.model': 'house' } })
  })

  it('is an error with its code where it fails, and so is the step that failed', async () => {
    const failure = new ModelError('MODEL_BLOCKED', 'No.', { retryable: false })
    const { turn, steps } = await turnOf([failure])
    expect(turn).toMatchObject({
      isError: true,
      attributes: { 'error.type': 'MODEL_BLOCKED', 'maya.turn.outcome': 'failed' },
    })
    expect(steps.find(({ name }) => name === 'chat')).toMatchObject({
      isError: true,
      attributes: { 'error.type': 'MODEL_BLOCKED', 'gen_ai.response.finish_reasons': ['error'] },
    })
  })

  it('has its speech among its steps', async () => {
    const voice = { textToSpeech: new FakeVoice(), speechToText: null, close: async () => {} }
    const { receiver, model, guest } = await tracedService({ voice })
    model.add(says('Good evening.'))
    await guest.post('/chat/stream', { user_input: 'Hello', voice: true })
    await receiver.until(turnName)
    expect(receiver.spans.find(({ name }) => name === 'speak fake')).toMatchObject({
      isError: false,
      attributes: {
        'gen_ai.output.type': 'speech',
        'maya.speech.characters': 'Good evening.'.length,
        'maya.speech.sound_seconds': 0.2,
      },
    })
  })
})

const milliseconds = (seconds: unknown) => Math.round(Number(seconds) * 1000)

it('the trace of a turn, its line in the log and the metrics say the same of it', async () => {
  const lines: object[] = []
  const write = (fields: object, message: string) => void (message === 'turn' && lines.push(fields))
  const logger = { debug: write, info: write, warn: write, error: write, fatal: write }
  const voice = { textToSpeech: new FakeVoice(), speechToText: null, close: async () => {} }
  const { receiver, model, guest, service } = await tracedService({ logger, voice })
  const twoCalls = calls(['add_to_order', { item_name: 'Martini', quantity: 1 }], ['no_tool', {}])
  model.add(twoCalls, says('Here you are.'))
  const changes = await changesOf(service, async () => {
    await guest.post('/chat/stream', { user_input: 'A Martini, please.', voice: true })
    await receiver.until(turnName)
  })
  const [turn] = receiver.spans.filter(({ name }) => name === turnName)
  const firstText = turn?.attributes['maya.turn.first_text_seconds']
  const firstAudio = turn?.attributes['maya.turn.first_audio_seconds']
  expect(lines).toMatchObject([
    {
      turn_id: turn?.attributes['maya.turn.id'],
      trace_id: turn?.traceId,
      span_id: turn?.spanId,
      outcome: turn?.attributes['maya.turn.outcome'],
      ms: milliseconds(changes['maya_turn_duration_seconds_sum']),
      first_text_ms: milliseconds(firstText),
      first_audio_ms: milliseconds(firstAudio),
      model_calls: 2,
      tool_calls: 2,
      input_tokens: 20,
      output_tokens: 10,
    },
  ])
  expect(changes).toMatchObject({
    'maya_turns_total{outcome="complete"}': 1,
    maya_turn_duration_seconds_count: 1,
    maya_turn_first_text_seconds_sum: expect.closeTo(Number(firstText), 9),
    maya_turn_first_audio_seconds_sum: expect.closeTo(Number(firstAudio), 9),
    'maya_tool_calls_total{tool="add_to_order",outcome="ok"}': 1,
    'maya_tool_calls_total{tool="unknown",outcome="invalid"}': 1,
    'maya_llm_tokens_total{provider="scripted",kind="input"}': 20,
    'maya_llm_tokens_total{provider="scripted",kind="output"}': 10,
  })
  const named = (name: string) => receiver.spans.filter((span) => span.name.startsWith(name))
  expect([named('chat').length, named('execute_tool').length, named('speak').length]).toEqual([2, 2, 1])
})

describe('the trace of a client', () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const spanId = '00f067aa0ba902b7'

  it.each([
    ['00', `00-${traceId}-${spanId}-01`],
    ['one that is not there yet', `cc-${traceId}-${spanId}-01-what-comes-then`],
  ])('is gone on with, where its version is %s', async (_, traceparent) => {
    const headers = { traceparent }
    const { turn, steps } = await turnOf([says('Good evening.')], {}, headers)
    expect([turn.traceId, turn.parentId]).toEqual([traceId, spanId])
    expect(new Set(steps.map((step) => step.traceId))).toEqual(new Set([traceId]))
  })

  it('is not kept where the client does not keep it', async () => {
    const { receiver, model, guest } = await tracedService()
    model.add(says('One.'), says('Two.'))
    const headers = { traceparent: `00-${traceId}-${spanId}-00` }
    await guest.post('/chat', { user_input: 'Not this.' }, { headers })
    await guest.post('/chat', { user_input: 'But this.' })
    await receiver.until(turnName)
    expect(receiver.spans.filter((span) => span.traceId === traceId)).toEqual([])
  })

  it.each([
    ['no hexadecimal', `00-${'x'.repeat(32)}-${spanId}-01`],
    ['only zeros', `00-${'0'.repeat(32)}-${spanId}-01`],
    ['the version that there is not', `ff-${traceId}-${spanId}-01`],
    ['more than its version has', `00-${traceId}-${spanId}-01-more`],
    ['words', 'hello'],
  ])('is left alone where it says %s', async (_, traceparent) => {
    const { turn } = await turnOf([says('Good evening.')], {}, { traceparent })
    expect([turn.traceId === traceId, turn.parentId]).toEqual([false, ''])
  })
})

describe('the settings', () => {
  it('name the service, and give the receiver its headers', async () => {
    const environment = {
      OTEL_SERVICE_NAME: 'the-bar',
      OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Basic%20bWF5YQ==,X-Scope-OrgID=7',
    }
    const { turn, receiver } = await turnOf([says('Good evening.')], { environment })
    expect(turn.resource['service.name']).toBe('the-bar')
    expect(receiver.requests[0]).toMatchObject({
      path: '/v1/traces',
      headers: {
        authorization: 'Basic bWF5YQ==',
        'x-scope-orgid': '7',
        'content-type': 'application/x-protobuf',
      },
    })
  })

  it('keep only a part of the traces', async () => {
    const { receiver, model, guest } = await tracedService({ environment: { OTEL_TRACES_SAMPLER_ARG: '0' } })
    model.add(says('One.'), says('Two.'))
    await guest.post('/chat', { user_input: 'Not this.' })
    const headers = { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' }
    await guest.post('/chat', { user_input: 'But this.' }, { headers })
    expect(await receiver.until(turnName)).toHaveLength(1)
  })
})
