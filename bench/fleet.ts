// What several servers over one Redis cost: turns, waking a session elsewhere, the death of a server, following a turn.
import { parseArgs } from 'node:util'
import { measureFailover } from './fleet/failover.ts'
import type { FleetBench } from './fleet/fleet-bench.ts'
import { measureFollowing } from './fleet/following.ts'
import { measureRedisMemory } from './fleet/redis-memory.ts'
import { measureTurns } from './fleet/turns.ts'
import { measureWaking } from './fleet/waking.ts'
import { printMachine } from './harness/table.ts'

const parts: Readonly<Record<string, (bench: FleetBench) => Promise<void>>> = {
  turns: measureTurns,
  waking: measureWaking,
  failover: measureFailover,
  following: measureFollowing,
  memory: measureRedisMemory,
}

const usage = `Usage: node bench/fleet.ts [options]
  --parts LIST  some of ${Object.keys(parts).join(', ')}
  --rounds N    5 unless told
  --quick       only shows that all of it works
`

const { names, ...bench } = readOptions()
printMachine()
for (const name of names) await parts[name]?.(bench)

function readOptions() {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      quick: { type: 'boolean', default: false },
      parts: { type: 'string', default: Object.keys(parts).join() },
      rounds: { type: 'string' },
    },
  })
  if (values.help) {
    process.stdout.write(usage)
    process.exit()
  }
  const asked = values.parts.split(',')
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 5))
  if (!asked.every((name) => Object.hasOwn(parts, name)) || !(rounds > 0)) {
    process.stderr.write(usage)
    process.exit(2)
  }
  return { names: asked, rounds, isQuick: values.quick }
}
