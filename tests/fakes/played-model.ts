import { sleep, type Clock } from '../../src/clock.ts'
import { ModelError, type Model, type ModelEvent, type ModelRequest } from '../../src/llm/model.ts'
import type { ModelObserver } from '../../src/llm/observed.ts'

/**
 * One step of a reply: an event, a failure, a pause, `hang` until it is aborted, or `deaf`, which nothing ends.
 * A reply without `finish` or failure at its end is cut off.
 */
export type Step = ModelEvent | Error | { readonly waitMs: number } | 'hang' | 'deaf'

/** Plays one reply for each request, the last one again and again, and keeps count of what was asked and left. */
export class PlayedModel implements Model {
  readonly name: string
  readonly isGeneral: boolean
  readonly signals: AbortSignal[] = []
  /** When each request was made. */
  readonly askedAt: number[] = []
  /** Requests that nobody has left yet. */
  running = 0
  readonly #clock: Clock
  readonly #replies: readonly (readonly Step[])[]

  constructor(
    clock: Clock,
    replies: readonly (readonly Step[])[],
    { name = 'played', isGeneral = true }: { readonly name?: string; readonly isGeneral?: boolean } = {},
  ) {
    this.#clock = clock
    this.#replies = replies
    this.name = name
    this.isGeneral = isGeneral
  }

  get asked(): number {
    return this.askedAt.length
  }

  async *stream(_request: ModelRequest, signal: AbortSignal): AsyncIterable<ModelEvent> {
    const steps = this.#replies[Math.min(this.asked, this.#replies.length - 1)] ?? []
    this.askedAt.push(this.#clock.now())
    this.signals.push(signal)
    this.running++
    try {
      for (const step of steps) {
        signal.throwIfAborted()
        if (step === 'deaf') await new Promise(() => {})
        else if (step === 'hang') await sleep(this.#clock, 1e9, signal)
        else if (step instanceof Error) throw step
        else if ('waitMs' in step) await sleep(this.#clock, step.waitMs, signal)
        else yield step
      }
    } finally {
      this.running--
    }
  }
}

export const thinking: ModelEvent = { type: 'progress', what: 'thinking' }
export const warmingUp: ModelEvent = { type: 'progress', what: 'warming-up' }
export const fellBack: ModelEvent = {
  type: 'progress',
  what: 'fell-back',
  provider: 'second',
  isGeneral: true,
}
export const done: ModelEvent = {
  type: 'finish',
  reason: 'stop',
  usage: { inputTokens: 10, outputTokens: 5 },
}

export function text(content: string): ModelEvent {
  return { type: 'text-delta', text: content }
}

/** A failure of the provider that can be gone the next time. */
export function outage(options: { readonly retryAfterMs?: number; readonly isStarting?: boolean } = {}) {
  return new ModelError('MODEL_UNAVAILABLE', 'Not now.', { retryable: true, isDown: true, ...options })
}

export const plainRequest: ModelRequest = {
  instructions: 'Be brief.',
  summary: null,
  state: null,
  messages: [{ role: 'user', text: 'hello', notes: [] }],
  tools: [{ name: 'add_to_order', description: 'Adds a drink.', parameters: {} }],
  seed: 'seed',
}

/** What was heard of one reply, growing while it is read; `error` is why it ended where it did not finish. */
export class Hearing {
  readonly events: ModelEvent[] = []
  error: unknown
  isOver = false
  readonly stop = new AbortController()
  readonly whenOver: Promise<void>

  constructor(
    model: Model,
    { request = plainRequest, leaveAfter = Infinity }: { request?: ModelRequest; leaveAfter?: number } = {},
  ) {
    this.whenOver = this.#read(model, request, leaveAfter)
  }

  get text(): string {
    return this.events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('')
  }

  async #read(model: Model, request: ModelRequest, leaveAfter: number): Promise<void> {
    try {
      for await (const event of model.stream(request, this.stop.signal)) {
        this.events.push(event)
        if (this.events.length >= leaveAfter) break
      }
    } catch (error) {
      this.error = error
    }
    this.isOver = true
  }
}

/** Writes down what it is told. */
export class NotedModels implements ModelObserver {
  readonly notes: string[] = []

  modelAnswered(provider: string, outcome: string): void {
    this.notes.push(`${provider} ${outcome}`)
  }

  tokensUsed(provider: string, kind: string, count: number): void {
    this.notes.push(`${provider} ${count} ${kind}`)
  }

  modelFailed(provider: string, { code }: ModelError): void {
    this.notes.push(`${provider} ${code}`)
  }

  modelRetried(provider: string): void {
    this.notes.push(`${provider} retried`)
  }

  modelFellBack(provider: string): void {
    this.notes.push(`${provider} fell back`)
  }

  breakerChanged(provider: string, isOpen: boolean): void {
    this.notes.push(`${provider} ${isOpen ? 'opened' : 'closed'}`)
  }
}
