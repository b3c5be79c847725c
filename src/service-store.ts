import { dirname, join } from 'node:path'
import type { Clock } from './clock.ts'
import type { Limits } from './config/limits.ts'
import type { Settings } from './config/settings.ts'
import type { Board, BoardBounds } from './log/board.ts'
import type { Buckets } from './log/buckets.ts'
import type { Bus } from './log/bus.ts'
import type { Store } from './log/store.ts'
import { createMemoryBoard } from './store/memory-board.ts'
import { MemoryBuckets } from './store/memory-buckets.ts'
import { createMemoryBus } from './store/memory-bus.ts'
import { createMemoryStore } from './store/memory.ts'
import { RedisBoard } from './store/redis-board.ts'
import { RedisBuckets } from './store/redis-buckets.ts'
import { openRedisBus } from './store/redis-bus.ts'
import { RedisConnection, type RedisAddress } from './store/redis-connection.ts'
import { createRedisStore, openRedisStore } from './store/redis.ts'
import { openSqliteStore } from './store/sqlite.ts'

export interface StoreOptions {
  readonly clock: Clock
  /** How long to wait for a store that another process holds or that cannot be reached. */
  readonly waitMs?: number
  /** Called once when that wait begins, with a sentence that says why. */
  readonly onWaiting?: (reason: string) => void
  /** The connection to a store outside broke, for this reason, or is there again. */
  readonly onLost?: (reason: string) => void
  readonly onRestored?: () => void
}

/** The store that the settings name. */
export async function openStore({ store }: Settings, options: StoreOptions): Promise<Store> {
  const { clock, waitMs, onWaiting } = options
  if (store.kind === 'memory') return createMemoryStore({ clock })
  if (store.kind === 'redis') return openRedisStore({ ...options, address: store, random: Math.random })
  return openSqliteStore({
    path: store.file,
    clock,
    ...(waitMs !== undefined && { waitMs }),
    onWaiting: () => onWaiting?.('Another process holds the database.'),
  })
}

/** What all containers over one store have together. Only `bus` and `store` are closed, in this order. */
export interface Shared {
  readonly store: Store
  readonly bus: Bus
  readonly board: Board
  readonly buckets: Buckets
}

type Bounds = Pick<Limits, 'rateKeysMax' | 'fleetContainersMax' | 'fleetTextBytesMax'>

/** The store that the settings name, and what goes with it. */
export async function openShared(settings: Settings, limits: Bounds, options: StoreOptions): Promise<Shared> {
  const { store } = settings
  if (store.kind === 'redis') return openRedis(store, limits, options)
  return sharedByNobody(await openStore(settings, options), limits, options.clock)
}

/** What goes with a store that only this process uses. */
export function sharedByNobody(store: Store, limits: Bounds, clock: Clock): Shared {
  return {
    store,
    bus: createMemoryBus(),
    board: createMemoryBoard({ clock, ...boardBoundsOf(limits) }),
    buckets: new MemoryBuckets({ clock, keysMax: limits.rateKeysMax }),
  }
}

async function openRedis(address: RedisAddress, limits: Bounds, options: StoreOptions): Promise<Shared> {
  const connecting = { ...options, address, random: Math.random }
  const connection = await RedisConnection.open(connecting)
  const store = createRedisStore(connection, options.clock)
  try {
    // The operator is told once of a store that is lost.
    const bus = await openRedisBus(connection, { ...connecting, onLost: () => {}, onWaiting: () => {} })
    const board = new RedisBoard(connection, boardBoundsOf(limits))
    return { store, bus, board, buckets: new RedisBuckets(connection) }
  } catch (error) {
    await store.close()
    throw error
  }
}

function boardBoundsOf({ fleetContainersMax, fleetTextBytesMax }: Bounds): BoardBounds {
  return { containersMax: fleetContainersMax, textBytesMax: fleetTextBytesMax }
}

/** Where a server keeps the master key that it made for itself; null where nothing outlives the process. */
export function keyFileOf({ store }: Settings): string | null {
  return store.kind === 'sqlite' ? join(dirname(store.file), 'master.key') : null
}
