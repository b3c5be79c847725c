import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Clock } from '../clock.ts'
import type { SessionEvent } from '../log/events.ts'
import {
  StoreError,
  type Append,
  type AppendResult,
  type Snapshot,
  type Store,
  type StoredLog,
} from '../log/store.ts'
import { RedisConnection, type RedisConnectionOptions } from './redis-connection.ts'
import {
  acquireLeaseScript,
  appendScript,
  countScript,
  loadScript,
  releaseLeaseScript,
  removeScript,
  renewLeaseScript,
  saveSnapshotScript,
  touchScript,
} from './redis-scripts.ts'

/** Keeps the logs in a server of Redis or Valkey that several processes share. */
export async function openRedisStore(options: RedisConnectionOptions): Promise<Store> {
  return createRedisStore(await RedisConnection.open(options), options.clock)
}

/** The same over a connection that is there; the store closes it. */
export function createRedisStore(connection: RedisConnection, clock: Clock): Store {
  return new RedisStore(connection, clock)
}

/**
 * All keys of a session have the tag of its shard, and each shard has indexes of its own, so that one script can
 * change them together on a cluster, too. The number is part of the stored form: it cannot be changed later.
 */
const shardCount = 16
const shards = Array.from({ length: shardCount }, (_, shard) => shard)
/** How long after its expiry a session is kept by Redis: the sweep comes first, and counts what it removes. */
const sweepMs = 24 * 60 * 60_000
/** Events that are read at a time, so that a long log does not hold up everybody else. */
const pageEvents = 1000
/** Characters of the id of an append, before each of its events. */
const appendIdCharacters = 8

class RedisStore implements Store {
  readonly description: string
  readonly shared = true
  readonly #connection: RedisConnection
  readonly #clock: Clock

  constructor(connection: RedisConnection, clock: Clock) {
    this.description = connection.description
    this.#connection = connection
    this.#clock = clock
  }

  async append({ id, expectedVersion, events, expiresAt, owner = '' }: Append): Promise<AppendResult> {
    const appendId = randomBytes((appendIdCharacters / 4) * 3).toString('base64url')
    const entries = events.map((event) => appendId + JSON.stringify(event))
    const { log, lease, snapshot, expiry, ids } = keysOf(id)
    const reply = await this.#connection.evaluate(
      appendScript,
      [log, lease, snapshot, expiry, ids],
      [appendId, expectedVersion, owner, id, expiresAt, this.#lifetimeMs(expiresAt), ...entries],
    )
    if (reply === 'conflict' || reply === 'lease-lost') return { ok: false, reason: reply }
    return { ok: true, version: Number(reply) }
  }

  async load(id: string): Promise<StoredLog | undefined> {
    const { log, snapshot, expiry } = keysOf(id)
    const reply = await this.#connection.evaluate(loadScript, [log, snapshot, expiry], [id])
    if (!Array.isArray(reply)) return undefined
    const [version, expiresAt, snapshotVersion, state, entries] = reply
    return {
      version: Number(version),
      snapshot:
        snapshotVersion === null
          ? undefined
          : { version: Number(snapshotVersion), state: this.#parse(String(state)) },
      events: this.#parseEntries(entries),
      expiresAt: Number(expiresAt),
    }
  }

  async events(id: string): Promise<readonly SessionEvent[]> {
    const events: SessionEvent[] = []
    for (;;) {
      const from = events.length
      const page = await this.#connection.ask((client) =>
        client.lRange(keysOf(id).log, from, from + pageEvents - 1),
      )
      for (const event of this.#parseEntries(page)) events.push(event)
      if (page.length < pageEvents) return events
    }
  }

  version(id: string): Promise<number> {
    return this.#connection.ask((client) => client.lLen(keysOf(id).log))
  }

  async saveSnapshot(id: string, { version, state }: Snapshot): Promise<void> {
    const { log, snapshot } = keysOf(id)
    await this.#connection.evaluate(saveSnapshotScript, [log, snapshot], [version, JSON.stringify(state)])
  }

  async touch(id: string, expiresAt: number): Promise<void> {
    const { log, snapshot, expiry } = keysOf(id)
    const values = [id, expiresAt, this.#lifetimeMs(expiresAt)]
    await this.#connection.evaluate(touchScript, [log, snapshot, expiry], values)
  }

  async expired(now: number, max: number): Promise<readonly string[]> {
    const limit = { LIMIT: { offset: 0, count: max } }
    const found = await this.#connection.ask((client) =>
      Promise.all(shards.map((shard) => client.zRangeByScoreWithScores(expiryOf(shard), '-inf', now, limit))),
    )
    const oldestFirst = found.flat().toSorted((one, other) => one.score - other.score)
    return oldestFirst.slice(0, max).map(({ value }) => value)
  }

  async ids(after: string | undefined, max: number): Promise<readonly string[]> {
    const from = after === undefined ? '-' : `(${after}`
    const limit = { LIMIT: { offset: 0, count: max } }
    const found = await this.#connection.ask((client) =>
      Promise.all(shards.map((shard) => client.zRangeByLex(idsOf(shard), from, '+', limit))),
    )
    return found.flat().toSorted().slice(0, max)
  }

  async remove(id: string, expiredBefore?: number): Promise<boolean> {
    const { log, lease, snapshot, expiry, ids } = keysOf(id)
    const keys = [log, lease, snapshot, expiry, ids]
    return (await this.#connection.evaluate(removeScript, keys, [id, expiredBefore ?? ''])) === 1
  }

  async acquireLease(id: string, owner: string, durationMs: number): Promise<boolean> {
    const { lease } = keysOf(id)
    return (await this.#connection.evaluate(acquireLeaseScript, [lease], [owner, durationMs])) === 1
  }

  async renewLease(id: string, owner: string, durationMs: number): Promise<boolean> {
    const { lease } = keysOf(id)
    return (await this.#connection.evaluate(renewLeaseScript, [lease], [owner, durationMs])) === 1
  }

  async releaseLease(id: string, owner: string): Promise<void> {
    await this.#connection.evaluate(releaseLeaseScript, [keysOf(id).lease], [owner])
  }

  async count(name: string, amount: number, expiresAt: number): Promise<number> {
    const key = `maya:counter:${name}`
    if (amount === 0) return Number(await this.#connection.ask((client) => client.get(key)))
    // Redis lets go of a key only after the last millisecond that it is given.
    const values = [amount, Math.ceil(expiresAt) - 1]
    return Number(await this.#connection.evaluate(countScript, [key], values))
  }

  close(): Promise<void> {
    return this.#connection.close()
  }

  /** From now on: the clocks of this process and of Redis need not agree. */
  #lifetimeMs(expiresAt: number): number {
    return Math.ceil(Math.max(0, expiresAt - this.#clock.date())) + sweepMs
  }

  #parseEntries(entries: readonly string[]): readonly SessionEvent[] {
    return entries.map((entry) => this.#parse(entry.slice(appendIdCharacters)))
  }

  #parse(text: string) {
    try {
      return JSON.parse(text)
    } catch {
      // Without the cause: it would quote what a guest said.
      throw new StoreError(`${this.description} holds an entry that is not JSON.`)
    }
  }
}

function keysOf(id: string) {
  const shard = crc32(id) % shardCount
  return {
    log: `maya:{${shard}}:log:${id}`,
    lease: `maya:{${shard}}:lease:${id}`,
    snapshot: `maya:{${shard}}:snapshot:${id}`,
    expiry: expiryOf(shard),
    ids: idsOf(shard),
  }
}

/** The sessions of a shard by the moment at which they expire. */
function expiryOf(shard: number): string {
  return `maya:{${shard}}:expiry`
}

/** The sessions of a shard by their ids. */
function idsOf(shard: number): string {
  return `maya:{${shard}}:ids`
}
