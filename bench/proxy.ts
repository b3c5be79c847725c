// What the ASGI proxy costs, beside other proxies and none; and how long a container takes to its first answer.
import { parseArgs } from 'node:util'
import { keepOffServerCore } from './harness/server-process.ts'
import { printMachine } from './harness/table.ts'
import { contestantNames, eventLoops } from './proxy/contestants.ts'
import { measureStartUp } from './proxy/start-up.ts'
import { defaultLoads, measureTraffic, readLoads } from './proxy/traffic.ts'

const partNames = ['start', 'traffic'] as const
const usage = `Usage: node bench/proxy.ts [options]
  --parts LIST        some of ${partNames.join(', ')}
  --contestants LIST  some of ${contestantNames.join(', ')}
  --loads LIST        kinds with connections; json, turn, tick and paced are known. ${defaultLoads} unless told
  --loop NAME         the event loop of the ASGI servers, one of ${eventLoops.join(', ')}; uvloop unless told
  --rounds N          5 unless told
  --seconds N         for which a load begins requests, in each round; 2 unless told
  --quick             only shows that all of it works
`

const options = readOptions()
printMachine()
if (options.parts.includes('start')) await measureStartUp(options)
keepOffServerCore(process.pid)
if (options.parts.includes('traffic')) await measureTraffic(options)

function readOptions() {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      quick: { type: 'boolean', default: false },
      parts: { type: 'string', default: partNames.join() },
      contestants: { type: 'string', default: contestantNames.join() },
      loads: { type: 'string', default: defaultLoads },
      loop: { type: 'string', default: 'uvloop' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
    },
  })
  if (values.help) {
    process.stdout.write(usage)
    process.exit()
  }
  const parts = someOf(partNames, values.parts)
  const names = someOf(contestantNames, values.contestants)
  const loads = readLoads(values.loads)
  const eventLoop = eventLoops.find((known) => known === values.loop)
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 5))
  const seconds = Number(values.seconds ?? (values.quick ? 0.3 : 2))
  const areNumbers = rounds > 0 && seconds > 0
  if (parts && names && loads && eventLoop && areNumbers)
    return { parts, names, loads, eventLoop, rounds, seconds }
  process.stderr.write(usage)
  process.exit(2)
}

/** In the order in which they are known; `undefined` when there is one that is not. */
function someOf<Name extends string>(known: readonly Name[], text: string): readonly Name[] | undefined {
  const asked = new Set<string>(text.split(','))
  const found = known.filter((name) => asked.has(name))
  return found.length === asked.size ? found : undefined
}
