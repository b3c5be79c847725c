import { createMemoryBus } from '../../src/store/memory-bus.ts'
import { busContract } from './bus.contract.ts'

busContract('memory', async () => {
  const bus = createMemoryBus()
  return { one: bus, other: bus, close: () => bus.close() }
})
