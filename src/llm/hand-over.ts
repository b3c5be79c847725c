import { ModelError, type Model, type ModelEvent, type ModelRequest } from './model.ts'

/**
 * What a wrapper does until it is settled which stream answers. It asks models, yields events itself, and ends when
 * the reader may have the rest of the stream that was asked for last.
 */
export type Opening = AsyncGenerator<ModelEvent, void, void>

export interface OpeningOptions {
  /**
   * Asks a model for the reply, and leaves the one that was asked before. The result waits for its next event; it
   * throws where there is none: an aborted signal's reason, or `MODEL_TRUNCATED` for a stream that ended too early.
   */
  readonly ask: (model: Model) => () => Promise<ModelEvent>
  readonly request: ModelRequest
  readonly signal: AbortSignal
}

/** A model that is read through an opening. After it the wrapper costs one plain call per event. */
export function withOpening(
  { name, isGeneral }: Pick<Model, 'name' | 'isGeneral'>,
  open: (options: OpeningOptions) => Opening,
): Model {
  return {
    name,
    isGeneral,
    stream: (request, signal) => ({
      [Symbol.asyncIterator]: () => new HandedOverStream(open, request, signal),
    }),
  }
}

class HandedOverStream implements AsyncIterator<ModelEvent> {
  #opening: Opening | undefined
  #events: AsyncIterator<ModelEvent> | undefined

  constructor(open: (options: OpeningOptions) => Opening, request: ModelRequest, signal: AbortSignal) {
    const ask: OpeningOptions['ask'] = (model) => {
      this.#leave()
      const events = model.stream(request, signal)[Symbol.asyncIterator]()
      this.#events = events
      return () => nextOf(events, signal)
    }
    this.#opening = open({ ask, request, signal })
  }

  next(): Promise<IteratorResult<ModelEvent>> {
    return this.#opening === undefined ? this.#rest() : this.#open(this.#opening)
  }

  async return(): Promise<IteratorResult<ModelEvent>> {
    const events = this.#events
    this.#events = undefined
    await this.#opening?.return()
    this.#opening = undefined
    await events?.return?.()
    return { done: true, value: undefined }
  }

  async #open(opening: Opening): Promise<IteratorResult<ModelEvent>> {
    try {
      const result = await opening.next()
      if (result.done !== true) return result
    } catch (error) {
      this.#fail(error)
      throw error
    }
    this.#opening = undefined
    return this.#rest()
  }

  #rest(): Promise<IteratorResult<ModelEvent>> {
    return this.#events?.next() ?? Promise.resolve({ done: true, value: undefined })
  }

  /** As `#leave`, and the stream is told why: one that was too slow for its reader has failed, and was not left. */
  #fail(reason: unknown): void {
    const events = this.#events
    this.#events = undefined
    const ended = events?.throw === undefined ? events?.return?.() : events.throw(reason)
    ended?.catch(() => {})
  }

  /** Not waited for: it has failed, or was given up. */
  #leave(): void {
    this.#events?.return?.().catch(() => {})
    this.#events = undefined
  }
}

async function nextOf(events: AsyncIterator<ModelEvent>, signal: AbortSignal): Promise<ModelEvent> {
  const result = await events.next().catch((error: unknown) => {
    throw signal.aborted ? signal.reason : error
  })
  if (result.done !== true) return result.value
  signal.throwIfAborted()
  throw new ModelError('MODEL_TRUNCATED', 'The answer broke off. Ask again.', {
    retryable: true,
    isDown: true,
  })
}
