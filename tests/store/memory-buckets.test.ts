import { MemoryBuckets } from '../../src/store/memory-buckets.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { bucketsContract } from './buckets.contract.ts'

bucketsContract('memory', async () => {
  const clock = new FakeClock()
  const buckets = new MemoryBuckets({ clock, keysMax: 100 })
  return { one: buckets, other: buckets, pass: async (durationMs) => clock.advance(durationMs) }
})
