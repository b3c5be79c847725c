import type { ModelEvent, Usage } from './model.ts'

/** How a stream ended: it was over by itself, it failed or was given up as failed, or its reader left first. */
export interface StreamEnd {
  readonly how: 'over' | 'failed' | 'left'
  /** What `finish` said, when that came. */
  readonly usage: Usage | null
  /** What it failed with. */
  readonly error?: unknown
}

/** The same stream; `onEnd` is told once how it ended. Written by hand, because a generator costs more per event. */
export function watchEnd(
  events: AsyncIterable<ModelEvent>,
  onEnd: (end: StreamEnd) => void,
): AsyncIterable<ModelEvent> {
  return { [Symbol.asyncIterator]: () => new WatchedStream(events[Symbol.asyncIterator](), onEnd) }
}

class WatchedStream implements AsyncIterator<ModelEvent> {
  readonly #events: AsyncIterator<ModelEvent>
  readonly #onEnd: (end: StreamEnd) => void
  #usage: Usage | null = null
  #hasEnded = false

  constructor(events: AsyncIterator<ModelEvent>, onEnd: (end: StreamEnd) => void) {
    this.#events = events
    this.#onEnd = onEnd
  }

  next(): Promise<IteratorResult<ModelEvent>> {
    return this.#events.next().then(this.#onResult, this.#onFailure)
  }

  async return(): Promise<IteratorResult<ModelEvent>> {
    this.#end('left')
    await this.#events.return?.()
    return { done: true, value: undefined }
  }

  /** Its reader gave it up for this failure. */
  async throw(error: unknown): Promise<never> {
    this.#end('failed', error)
    await this.#events.return?.()
    throw error
  }

  readonly #onResult = (result: IteratorResult<ModelEvent>): IteratorResult<ModelEvent> => {
    if (result.done === true) this.#end('over')
    else if (result.value.type === 'finish') this.#usage = result.value.usage
    return result
  }

  readonly #onFailure = (error: unknown): never => {
    this.#end('failed', error)
    throw error
  }

  #end(how: StreamEnd['how'], error?: unknown): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#onEnd({ how, usage: this.#usage, error })
  }
}
