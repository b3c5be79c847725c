import { systemClock } from '../../src/clock.ts'
import { RedisConnection, type RedisAddress } from '../../src/store/redis-connection.ts'

/** What a redis-server has used since its start, as it says itself. */
export interface RedisSample {
  readonly cpuMs: number
  readonly memoryBytes: number
  readonly readBytes: number
  readonly writtenBytes: number
  /** Of the append-only file. */
  readonly fileBytes: number
  /** Channels that containers began to listen to or left. */
  readonly subscriptions: number
  readonly published: number
}

/** Asks a redis-server about itself, over a connection of its own. */
export class RedisUse {
  readonly #connection: RedisConnection

  private constructor(connection: RedisConnection) {
    this.#connection = connection
  }

  static async open(address: RedisAddress): Promise<RedisUse> {
    return new RedisUse(await RedisConnection.open({ address, clock: systemClock, random: Math.random }))
  }

  async sample(): Promise<RedisSample> {
    const info = await this.#connection.ask((client) => client.info('everything'))
    const read = (name: string): number => Number(new RegExp(`^${name}([\\d.]+)`, 'm').exec(info)?.[1] ?? 0)
    const calls = (command: string): number => read(`cmdstat_${command}:calls=`)
    return {
      cpuMs: (read('used_cpu_user:') + read('used_cpu_sys:')) * 1000,
      memoryBytes: read('used_memory:'),
      readBytes: read('total_net_input_bytes:'),
      writtenBytes: read('total_net_output_bytes:'),
      fileBytes: read('aof_current_size:'),
      subscriptions: calls('subscribe') + calls('unsubscribe'),
      published: calls('publish'),
    }
  }

  close(): Promise<void> {
    return this.#connection.close()
  }
}
