// What Maya's voice costs: the wait for its first sound, the way to silence, CPU, blocks of the main thread, memory.
import { startChild } from './harness/child.ts'
import { readPartOptions } from './harness/options.ts'
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

/** About as long as a voice over a network takes to its first sound. */
const soundDelayMs = 90

const { names, ...options } = readPartOptions('bench/voice.ts', Object.keys(parts), { rounds: 3 })
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
