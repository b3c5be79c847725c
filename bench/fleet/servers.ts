import { RedisServer } from '../../tests/store/redis-server.ts'
import { startChild, type Child } from '../harness/child.ts'
import type { MayaControls } from '../servers/maya.ts'
import { RedisUse } from './redis-use.ts'

export interface Server {
  readonly url: string
  readonly child: Child<MayaControls>
}

/** The server as it is, with the bench's model, over this store. */
export async function startServer(storeUrl: string): Promise<Server> {
  const child = await startChild<MayaControls>({ script: 'servers/maya.ts', args: [storeUrl] })
  return { url: await child.ask('url', undefined), child }
}

/** Servers over one redis-server of their own. Whoever starts it stops it. */
export interface RedisFleet {
  readonly redis: RedisServer
  readonly use: RedisUse
  readonly servers: readonly Server[]
  readonly stop: () => Promise<void>
}

/** When Redis has its append-only file on the disk: once a second, or before each answer. */
export type Fsync = 'everysec' | 'always'

export async function startRedisFleet(count: number, fsync: Fsync = 'everysec'): Promise<RedisFleet> {
  const settings = ['--appendonly', 'yes', '--appendfsync', fsync]
  const redis = await RedisServer.start({ settings })
  const use = await RedisUse.open(redis.address)
  const servers = await Promise.all(Array.from({ length: count }, () => startServer(redis.url)))
  return {
    redis,
    use,
    servers,
    async stop() {
      await Promise.all(servers.map(({ child }) => child.stop()))
      await use.close()
      await redis.stop()
    },
  }
}
