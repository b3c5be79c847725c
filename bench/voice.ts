// What Maya's voice costs: the wait for its first sound, the way to silence, CPU, blocks of the main thread, memory.
import { parseArgs } from 'node:util'
import { startChild } from './harness/child.ts'
import { printMachine } from './harness/table.ts'
import { measureAddedCpu } from './voice/added-cpu.ts'
import type { CartesiaUpstreamControls } from './voice/cartesia-upstream.ts'
import { measureFirstAudio } from './voice/first-audio.ts'
import { measureLoopBlocks } from './voice/loop-blocks.ts'
import { measureSilence } from './voice/silence.ts'
import { measureMemory } from './voice/spoken-memory.ts'
import type { VoiceBench } from './voice/voice-bench.ts'

const parts: Readonly<Record<string, (bench: VoiceBench) => Promise<void>>> = {
  first: measureFirstAudio,
  silence: measureSilence,
  cpu: measureAddedCpu,
  blocks: measureLoopBlocks,
  memory: measureMemory,
}

const usage = `Usage: node bench/voice.ts [options]
  --parts LIST  some of ${Object.keys(parts).join(', ')}
  --rounds N    3 unless told
  --quick       only shows that all of it works
`
/** About as long as a voice over a network takes to its first sound. */
const soundDelayMs = 90

const { names, ...options } = readOptions()
const upstream = await startChild<CartesiaUpstreamControls>({
  script: 'voice/cartesia-upstream.ts',
  args: [String(soundDelayMs)],
})
printMachine()
try {
  const cartesiaUrl = await upstream.ask('url', undefined)
  for (const name of names) await parts[name]?.({ ...options, cartesiaUrl, soundDelayMs })
} finally {
  await upstream.stop()
}

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
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3))
  if (!asked.every((name) => Object.hasOwn(parts, name)) || !(rounds > 0)) {
    process.stderr.write(usage)
    process.exit(2)
  }
  return { names: asked, rounds, isQuick: values.quick }
}
