import { chunkOf, usageChunk, type Exchange, type OpenAiServer } from '../fakes/openai-server.ts'
import {
  heardOf,
  providerWords,
  requestSaying,
  type Played,
  type Upstream,
  type UpstreamPiece,
  type UpstreamReply,
} from './model.contract.ts'

/** The contract's upstream over a server that speaks the chat completions API. */
export class OpenAiUpstream implements Upstream {
  readonly server: OpenAiServer
  readonly #replies = new Map<string, UpstreamReply>()

  constructor(server: OpenAiServer) {
    this.server = server
    server.otherwise = (exchange) => this.#play(exchange)
  }

  plays(reply: UpstreamReply): Played {
    const marker = `request ${this.#replies.size + 1}.`
    this.#replies.set(marker, reply)
    return { request: requestSaying(marker), ...heardOf(reply) }
  }

  get openRequests(): number {
    return this.server.openRequests
  }

  received(count: number): Promise<void> {
    return this.server.received(count)
  }

  idle(): Promise<void> {
    return this.server.idle()
  }

  stop(): Promise<void> {
    return this.server.stop()
  }

  async #play(exchange: Exchange): Promise<void> {
    const asked = exchange.request.body?.messages.findLast(({ role }) => role === 'user')?.content ?? ''
    const reply = [...this.#replies].find(([marker]) => asked.includes(marker))?.[1]
    if (reply === undefined) return exchange.answer(500, { error: { message: providerWords } })
    switch (reply.type) {
      case 'refuses':
        return refuse(exchange, reply)
      case 'drops':
        return exchange.reset()
      case 'hangs':
        return
      case 'streams':
        return await stream(exchange, reply)
    }
  }
}

function refuse(exchange: Exchange, reply: Extract<UpstreamReply, { type: 'refuses' }>): void {
  const { status, retryAfterSeconds } = reply
  const error = { message: providerWords, type: 'error', param: null, code: null }
  const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }
  exchange.answer(status, { error }, headers)
}

async function stream(exchange: Exchange, reply: Extract<UpstreamReply, { type: 'streams' }>): Promise<void> {
  const { pieces, end, usage } = reply
  await exchange.send(chunkOf({ role: 'assistant', content: '' }))
  for (const chunk of pieces.flatMap(chunksOf)) await exchange.send(chunk)
  if (end === 'hangs') return
  if (end === 'reset') return exchange.reset()
  if (end === 'cut-off') return exchange.end('cut-off')
  const hasCalls = pieces.some(({ type }) => type === 'calls')
  const finishReason = {
    stop: hasCalls ? 'tool_calls' : 'stop',
    length: 'length',
    blocked: 'content_filter',
  }[end]
  await exchange.send(chunkOf({}, finishReason))
  await exchange.send(usageChunk(usage?.inputTokens ?? 10, usage?.outputTokens ?? 5))
  exchange.end()
}

/** As OpenAI streams them: a call's name first, then its arguments in fragments. */
function chunksOf(piece: UpstreamPiece): readonly object[] {
  if (piece.type === 'text') return [chunkOf({ content: piece.text })]
  return piece.calls.flatMap(({ name, arguments: args }, index) => {
    const text = JSON.stringify(args)
    const fragments = [text.slice(0, 7), text.slice(7, 20), text.slice(20)]
    return [
      chunkOf({
        tool_calls: [{ index, id: `call_${index}abc`, type: 'function', function: { name, arguments: '' } }],
      }),
      ...fragments.map((fragment) => chunkOf({ tool_calls: [{ index, function: { arguments: fragment } }] })),
    ]
  })
}
