// Run by memory-cgroup.test.ts inside of a cgroup: holds as many blocks of memory as each line of its input says,
// and answers with what the monitor sees.
import { createInterface } from 'node:readline'
import { systemClock } from '../../src/clock.ts'
import { MemoryMonitor } from '../../src/memory/monitor.ts'
import { createMemoryReader } from '../../src/memory/readers.ts'

const blockBytes = Number(process.argv[2])
const monitor = new MemoryMonitor({
  read: createMemoryReader({
    constrainedMemory: () => process.constrainedMemory(),
    residentBytes: () => process.memoryUsage.rss(),
  }),
  clock: systemClock,
  threshold: Number(process.argv[3]),
})
const blocks: Buffer[] = []

for await (const line of createInterface(process.stdin)) {
  const count = Number(line)
  while (blocks.length < count) blocks.push(Buffer.alloc(blockBytes, 1))
  blocks.length = count
  globalThis.gc?.()
  const reading = monitor.sample()
  process.stdout.write(`${JSON.stringify({ ...reading, pressure: monitor.pressure })}\n`)
}
