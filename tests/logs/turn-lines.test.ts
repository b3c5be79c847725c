import { expect, it } from 'vitest'
import type { ModelStep, ToolStep, TurnBegun } from '../../src/conversation/observer.ts'
import { logTurns } from '../../src/logs/turn-lines.ts'
import { hashOfId } from '../../src/security/session-token.ts'

const begun: TurnBegun = {
  turnId: 'turn-1',
  sessionId: 'a-session-nobody-may-know',
  agent: 'maya',
  attempt: 1,
  origin: { requestId: 'request-1', traceParent: null },
  trace: { traceId: 'trace-1', spanId: 'span-1' },
  startedAtMs: 0,
}

function notAskedFor(): never {
  throw new Error('What guests say is for nobody.')
}

const reply: ModelStep = {
  kind: 'model',
  purpose: 'reply',
  provider: 'gemini',
  isFallback: false,
  isOwnKey: false,
  usage: { inputTokens: 100, outputTokens: 10 },
  finishReason: 'stop',
  firstTextSeconds: 0.1,
  code: null,
  startedAtMs: 0,
  seconds: 0.5,
  toolCalls: 1,
  content: notAskedFor,
}

const call: ToolStep = {
  kind: 'tool',
  tool: 'get_menu',
  callId: 'call-1',
  outcome: 'ok',
  code: null,
  startedAtMs: 0,
  seconds: 0.02,
  content: notAskedFor,
}

function setup() {
  const lines: unknown[] = []
  const observer = logTurns((line, fields) => lines.push([line, JSON.parse(JSON.stringify(fields ?? {}))]))
  return { lines, observer }
}

it('writes one line when a turn has ended, with what its steps took', () => {
  const { lines, observer } = setup()
  const turn = observer.turnBegan(begun)
  turn.stepEnded({ ...reply, purpose: 'summary', provider: 'house' })
  turn.stepEnded({ kind: 'store', operation: 'append', code: null, startedAtMs: 0, seconds: 0.004 })
  turn.stepEnded(reply)
  turn.firstText(0.25)
  turn.stepEnded(call)
  turn.stepEnded({ ...reply, provider: 'openai', isFallback: true, isOwnKey: true })
  turn.firstAudio(0.5)
  const spoken = { provider: 'embedded', characters: 40, soundSeconds: 2 }
  turn.stepEnded({ kind: 'speech', ...spoken, code: null, startedAtMs: 0, seconds: 0.8 })
  expect(lines).toEqual([])
  turn.ended({ outcome: 'complete', code: null, seconds: 1.2344 })
  expect(lines).toEqual([
    [
      'turn',
      {
        request_id: 'request-1',
        turn_id: 'turn-1',
        session: hashOfId(begun.sessionId),
        agent: 'maya',
        attempt: 1,
        outcome: 'complete',
        ms: 1234,
        first_text_ms: 250,
        first_audio_ms: 500,
        model_ms: 1500,
        tools_ms: 20,
        store_ms: 4,
        speech_ms: 800,
        model_calls: 3,
        tool_calls: 1,
        input_tokens: 300,
        output_tokens: 30,
        provider: 'openai',
        fallback: true,
        own_key: true,
        trace_id: 'trace-1',
        span_id: 'span-1',
      },
    ],
  ])
})

it('says why a turn failed, and leaves out what there is none of', () => {
  const { lines, observer } = setup()
  const turn = observer.turnBegan({ ...begun, origin: null, trace: null })
  turn.ended({ outcome: 'failed', code: 'MODEL_TIMEOUT', seconds: 30 })
  expect(lines).toEqual([
    [
      'turn',
      {
        turn_id: 'turn-1',
        session: hashOfId(begun.sessionId),
        agent: 'maya',
        attempt: 1,
        outcome: 'failed',
        code: 'MODEL_TIMEOUT',
        ms: 30_000,
        model_ms: 0,
        tools_ms: 0,
        store_ms: 0,
        model_calls: 0,
        tool_calls: 0,
        input_tokens: 0,
        output_tokens: 0,
      },
    ],
  ])
})

it('writes a line for a payment of which nobody knows whether it was made, and for no other', () => {
  const { lines, observer } = setup()
  for (const outcome of ['settled', 'declined', 'unknown'] as const) observer.paymentEnded(outcome)
  expect(lines).toEqual([['payment unknown', {}]])
})
