import { createMemoryBoard } from '../../src/store/memory-board.ts'
import { FakeClock } from '../fakes/fake-clock.ts'
import { boardContract } from './board.contract.ts'

boardContract('memory board', async (bounds) => {
  const clock = new FakeClock()
  const board = createMemoryBoard({ clock, ...bounds })
  return { board, advance: async (durationMs) => clock.advance(durationMs) }
})
