import type { Board, BoardBounds, PostResult } from '../log/board.ts'
import type { RedisConnection } from './redis-connection.ts'
import { allTextsScript, postTextScript, removeTextScript } from './redis-scripts.ts'

/** One tag, so that a script can change both. */
const keys = ['maya:{board}:texts', 'maya:{board}:ends']

/** The board of all containers that use the same Redis. Nothing of it stays when they have all gone. */
export class RedisBoard implements Board {
  readonly #connection: RedisConnection
  readonly #bounds: BoardBounds

  constructor(connection: RedisConnection, bounds: BoardBounds) {
    this.#connection = connection
    this.#bounds = bounds
  }

  async post(container: string, text: string, lifeMs: number): Promise<PostResult> {
    const { containersMax, textBytesMax } = this.#bounds
    if (Buffer.byteLength(text) > textBytesMax) return { ok: false, reason: 'too-large' }
    const values = [container, text, lifeMs, containersMax]
    const reply = await this.#connection.evaluate(postTextScript, keys, values)
    return reply === 'ok' ? { ok: true } : { ok: false, reason: 'too-many' }
  }

  async all(): Promise<ReadonlyMap<string, string>> {
    const reply = await this.#connection.evaluate(allTextsScript, keys, [])
    const shown = Array.isArray(reply) ? reply : []
    return new Map(shown.map(([container, text]) => [String(container), String(text)]))
  }

  async remove(container: string): Promise<void> {
    await this.#connection.evaluate(removeTextScript, keys, [container])
  }
}
