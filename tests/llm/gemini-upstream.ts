import { onTestFinished } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { createGeminiModel, type GeminiModelOptions } from '../../src/llm/providers/gemini.ts'
import { chunk, event, GeminiServer, refusal, type ScriptedAnswer } from '../fakes/gemini-server.ts'
import {
  heardOf,
  providerWords,
  requestSaying,
  secretKey,
  type ModelUnderTest,
  type Upstream,
  type UpstreamPiece,
  type UpstreamReply,
} from './model.contract.ts'

/** A server of its own that ends with the test. */
export async function startServer(): Promise<GeminiServer> {
  const server = await GeminiServer.start()
  onTestFinished(() => server.stop())
  return server
}

/** A model that speaks to the server, with everything that a test does not care about. */
export function modelAt(server: GeminiServer, options: Partial<GeminiModelOptions> = {}) {
  const model = createGeminiModel({
    credential: { kind: 'key', key: secretKey, owner: 'server' },
    model: 'gemini-3.5-flash-lite',
    thinking: 'minimal',
    temperature: null,
    outputTokensMax: 1000,
    baseUrl: server.url,
    clock: systemClock,
    limits: { modelReplyBytesMax: 64 * 1024, modelEventBytesMax: 16 * 1024, modelFinishMs: 1000 },
    ...options,
  })
  onTestFinished(() => model.close())
  return model
}

/** How the contract's scripts are played in Gemini's wire format. */
export async function setupGemini(
  reading: 'direct' | 'sdk',
  owner: 'server' | 'guest',
): Promise<ModelUnderTest> {
  const server = await startServer()
  const model = modelAt(server, { reading, credential: { kind: 'key', key: secretKey, owner } })
  return { model, upstream: upstreamOf(server) }
}

function upstreamOf(server: GeminiServer): Upstream {
  let played = 0
  return {
    plays(reply) {
      const to = `message ${++played}.`
      server.answers({ to, ...answerOf(reply) })
      return { request: requestSaying(to), ...heardOf(reply) }
    },
    get openRequests() {
      return server.openRequests
    },
    received: (count) => server.received(count),
    idle: () => server.idle(),
    stop: () => server.stop(),
  }
}

function answerOf(reply: UpstreamReply): ScriptedAnswer {
  switch (reply.type) {
    case 'hangs':
      return { end: 'silent' }
    case 'drops':
      return { end: 'drop' }
    case 'refuses': {
      const { status, retryAfterSeconds } = reply
      const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }
      return { status, headers, pieces: [refusal(status, [], `${providerWords} ${secretKey}`)] }
    }
    case 'streams':
      return { pieces: [...reply.pieces.map(pieceOf), ...lastOf(reply)], end: connectionEnd[reply.end] }
  }
}

const connectionEnd = {
  stop: 'whole',
  length: 'whole',
  blocked: 'whole',
  'cut-off': 'whole',
  reset: 'reset',
  hangs: 'hang',
} as const

function pieceOf(piece: UpstreamPiece): string {
  if (piece.type === 'text') return chunk([{ text: piece.text }])
  return chunk(
    piece.calls.map(({ name, arguments: args }, at) => ({
      functionCall: { name, args, id: `id${at}` },
      ...(at === 0 && { thoughtSignature: 'c2lnbmF0dXJl' }),
    })),
  )
}

const finishReasons = { stop: 'STOP', length: 'MAX_TOKENS', blocked: 'SAFETY' } as const

function lastOf({ pieces, end, usage }: UpstreamReply & { readonly type: 'streams' }): readonly string[] {
  if (end === 'cut-off' || end === 'reset' || end === 'hangs') return []
  const usageMetadata = {
    promptTokenCount: usage?.inputTokens ?? 1,
    candidatesTokenCount: usage?.outputTokens ?? 1,
  }
  if (end === 'blocked' && pieces.length === 0)
    return [event({ promptFeedback: { blockReason: 'PROHIBITED_CONTENT' }, usageMetadata })]
  return [chunk([], finishReasons[end], usageMetadata)]
}
