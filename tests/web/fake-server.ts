import type { HistoryEntryWire, OrderLineWire, TabWire, TurnEventWire } from '../../web/src/api/wire.ts'
import { settle } from '../fakes/fake-clock.ts'

interface FakeTurn {
  readonly turnId: string
  readonly key: string | null
  readonly question: string
  readonly events: TurnEventWire[]
  readonly readers: Set<ReadableStreamDefaultController<Uint8Array>>
  content: string
  isRunning: boolean
}

export interface AskedRequest {
  readonly method: string
  readonly path: string
  readonly body: Record<string, unknown>
  readonly headers: Headers
}

interface Refusal {
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly retryAfterSeconds?: number
}

export const emptyTab: TabWire = {
  tab_amount_cents: 0,
  balance_cents: 1000_00,
  tip_percentage: null,
  tip_amount_cents: 0,
  total_cents: 0,
  status: 'open',
  version: 0,
}

/** A server in memory: its turns go on only as the test says. */
export class FakeServer {
  readonly asked: AskedRequest[] = []
  readonly turns: FakeTurn[] = []
  session: string | null = null
  tab = emptyTab
  order: readonly OrderLineWire[] = []
  speaks = false
  /** The network is lost: requests fail. */
  isDown = false
  /** Answers to the next requests of a path, in order; a promise is waited for. */
  readonly refusals = new Map<string, Refusal[]>()
  readonly holds = new Map<string, Promise<void>>()
  #sessions = 0

  readonly fetch = async (input: RequestInfo | URL, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(input instanceof Request ? input.url : input, 'http://bar')
    const path = url.pathname.replace('/api/v1', '')
    const { method = 'GET', signal } = init
    const headers = new Headers(init.headers)
    const body: Record<string, unknown> = typeof init.body === 'string' ? JSON.parse(init.body) : {}
    if (this.isDown) throw new TypeError('Failed to fetch')
    this.asked.push({ method, path, body, headers })
    const refusal = this.refusals.get(path)?.shift()
    if (refusal !== undefined) return refused(refusal)
    const answer = this.#answer({ method, path, body, headers }, url.searchParams, signal ?? undefined)
    await this.holds.get(path)
    return answer
  }

  /** Goes on with a turn, for all who read it. */
  async tell(turnId: string, ...events: readonly TurnEventWire[]): Promise<void> {
    const turn = this.turn(turnId)
    for (const event of events) {
      turn.events.push(event)
      if (event.type === 'text_chunk') turn.content += event.content
      const isEnd = event.type === 'complete' || event.type === 'error'
      if (isEnd) turn.isRunning = false
      for (const reader of turn.readers) {
        reader.enqueue(frame(turn, turn.events.length, event))
        if (isEnd) reader.close()
      }
      if (isEnd) turn.readers.clear()
    }
    await settled()
  }

  async finish(turnId: string, reason = 'stop'): Promise<void> {
    const { content } = this.turn(turnId)
    await this.tell(turnId, { type: 'complete', content, finish_reason: reason })
  }

  /** Breaks every stream. */
  async breakStreams(): Promise<void> {
    for (const { readers } of this.turns) {
      for (const reader of readers) reader.error(new TypeError('network error'))
      readers.clear()
    }
    await settled()
  }

  /** Somebody else says something in the same session. */
  begin(question: string, key: string | null = null): string {
    const turnId = `turn-${this.turns.length + 1}`
    this.turns.push({ turnId, key, question, events: [], readers: new Set(), content: '', isRunning: true })
    return turnId
  }

  turn(turnId: string): FakeTurn {
    const turn = this.turns.find((each) => each.turnId === turnId)
    if (turn === undefined) throw new Error(`There is no ${turnId}.`)
    return turn
  }

  askedOf(path: string): readonly AskedRequest[] {
    return this.asked.filter((request) => request.path === path)
  }

  #answer(request: AskedRequest, query: URLSearchParams, signal: AbortSignal | undefined): Response {
    const { path } = request
    if (path === '/menu') return Response.json({ categories: [], modifiers: [] })
    if (path === '/voice') return Response.json(this.#voice())
    if (path === '/session/status') return Response.json(this.#status())
    if (path === '/sessions') {
      this.session = `session-${++this.#sessions}`
      return Response.json(this.#status(), { status: 201 })
    }
    if (this.session === null) {
      return refused({ status: 404, code: 'SESSION_NOT_FOUND', detail: 'There is no such session.' })
    }
    if (path === '/chat/history') return Response.json(this.#history())
    if (path === '/session/export') {
      return Response.json({ created_at: this.session, tab: this.tab, order: this.order })
    }
    if (path === '/chat/stop') return this.#stop(request)
    if (path === '/session/reset') {
      this.turns.length = 0
      return Response.json({ status: 'reset' })
    }
    if (path === '/chat/stream') return this.#stream(request, query, signal)
    return refused({ status: 404, code: 'NOT_FOUND', detail: 'There is nothing here.' })
  }

  #voice(): object {
    const voices = [{ id: 'slt', name: 'Slt' }]
    const speed = { min: 0.6, max: 1.5 }
    return { speaks: this.speaks, listens: false, provider: null, voices, default_voice: null, speed }
  }

  #status(): object {
    return this.session === null ? { is_active: false } : { is_active: true, created_at: this.session }
  }

  #history(): object {
    const history = this.turns.flatMap(({ question, content, turnId }): HistoryEntryWire[] => [
      { role: 'user', content: question, turn_id: turnId },
      ...(content === '' ? [] : [{ role: 'assistant', content, turn_id: turnId } as const]),
    ])
    return { history, running_turn_id: this.turns.find(({ isRunning }) => isRunning)?.turnId ?? null }
  }

  #stop({ body }: AskedRequest): Response {
    const turn = this.turns.find(({ turnId }) => turnId === body['turn_id'])
    const wasRunning = turn?.isRunning ?? false
    if (turn !== undefined && wasRunning) void this.finish(turn.turnId, 'stopped')
    const heard = body['heard_characters']
    if (turn !== undefined && typeof heard === 'number') turn.content = turn.content.slice(0, heard)
    return Response.json({ stopped: wasRunning })
  }

  #stream(
    { method, body, headers }: AskedRequest,
    query: URLSearchParams,
    signal: AbortSignal | undefined,
  ): Response {
    const key = headers.get('idempotency-key')
    const known = this.turns.find((turn) => (method === 'POST' ? turn.key === key : false))
    const turnId = known?.turnId ?? query.get('turn_id') ?? this.begin(String(body['user_input']), key)
    const turn = this.turn(turnId)
    const after = Number(headers.get('last-event-id')?.split(':')[1] ?? 0)
    const stream = new ReadableStream<Uint8Array>({
      start(reader) {
        signal?.addEventListener('abort', () => reader.error(signal.reason))
        reader.enqueue(frame(turn, after, { type: 'session', turn_id: turnId }))
        for (const [index, event] of turn.events.entries()) {
          if (index >= after) reader.enqueue(frame(turn, index + 1, event))
        }
        if (turn.isRunning) turn.readers.add(reader)
        else reader.close()
      },
    })
    return new Response(stream, { headers: { 'content-type': 'text/event-stream' } })
  }
}

/** Lets everything that is ready run, streams too. */
export async function settled(): Promise<void> {
  for (let round = 0; round < 5; round++) await settle()
}

function frame({ turnId }: FakeTurn, number: number, event: TurnEventWire): Uint8Array {
  return new TextEncoder().encode(`id: ${turnId}:${number}\ndata: ${JSON.stringify(event)}\n\n`)
}

function refused({ status, code, detail, retryAfterSeconds }: Refusal): Response {
  const headers = retryAfterSeconds === undefined ? undefined : { 'retry-after': String(retryAfterSeconds) }
  return Response.json({ code, detail, status }, { status, ...(headers && { headers }) })
}
