// What several servers over one Redis cost: turns, waking a session elsewhere, the death of a server, following a turn.
import { measureFailover } from './fleet/failover.ts'
import type { FleetBench } from './fleet/fleet-bench.ts'
import { measureFollowing } from './fleet/following.ts'
import { measureRedisMemory } from './fleet/redis-memory.ts'
import { measureTurns } from './fleet/turns.ts'
import { measureWaking } from './fleet/waking.ts'
import { readPartOptions } from './harness/options.ts'
import { printMachine } from './harness/table.ts'

const parts: Readonly<Record<string, (bench: FleetBench) => Promise<void>>> = {
  turns: measureTurns,
  waking: measureWaking,
  failover: measureFailover,
  following: measureFollowing,
  memory: measureRedisMemory,
}

const { names, ...bench } = readPartOptions('bench/fleet.ts', Object.keys(parts), { rounds: 5 })
printMachine()
for (const name of names) await parts[name]?.(bench)
