import type { Board } from '../../src/log/board.ts'
import { StoreError } from '../../src/log/store.ts'

/** The same board over a way that is cut while `isCut` says so. */
export function unreachableBoard(board: Board, isCut: () => boolean): Board {
  const assertReached = () => {
    if (isCut()) throw new StoreError('cut')
  }
  return {
    async post(container, text, lifeMs) {
      assertReached()
      return board.post(container, text, lifeMs)
    },
    async all() {
      assertReached()
      return board.all()
    },
    async remove(container) {
      assertReached()
      return board.remove(container)
    },
  }
}
