import type { Clock } from '../clock.ts'
import type { Board, BoardBounds, PostResult } from '../log/board.ts'

export interface MemoryBoardOptions extends BoardBounds {
  readonly clock: Clock
}

/** The board of one process: for a store that nobody else uses, and for several services in one test. */
export function createMemoryBoard(options: MemoryBoardOptions): Board {
  return new MemoryBoard(options)
}

interface Note {
  readonly text: string
  readonly endsMs: number
}

class MemoryBoard implements Board {
  readonly #options: MemoryBoardOptions
  readonly #notes = new Map<string, Note>()

  constructor(options: MemoryBoardOptions) {
    this.#options = options
  }

  async post(container: string, text: string, lifeMs: number): Promise<PostResult> {
    const { clock, containersMax, textBytesMax } = this.#options
    if (Buffer.byteLength(text) > textBytesMax) return { ok: false, reason: 'too-large' }
    this.#dropEnded()
    const isNew = !this.#notes.has(container)
    if (isNew && this.#notes.size >= containersMax) return { ok: false, reason: 'too-many' }
    this.#notes.set(container, { text, endsMs: clock.now() + lifeMs })
    return { ok: true }
  }

  async all(): Promise<ReadonlyMap<string, string>> {
    this.#dropEnded()
    return new Map([...this.#notes].map(([container, { text }]) => [container, text]))
  }

  async remove(container: string): Promise<void> {
    this.#notes.delete(container)
  }

  #dropEnded(): void {
    const nowMs = this.#options.clock.now()
    for (const [container, { endsMs }] of this.#notes) {
      if (endsMs <= nowMs) this.#notes.delete(container)
    }
  }
}
