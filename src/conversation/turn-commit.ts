import { sleep } from '../clock.ts'
import type { NewEvent } from '../log/events.ts'
import type { SessionState } from '../log/state.ts'
import { StoreError } from '../log/store.ts'
import type { TurnContext } from './turn-context.ts'

/**
 * Appends to the log what this run of the turn has decided. While the store is away it is tried again for as long as
 * the lease can last: nothing else of the turn goes on meanwhile, so its effects stay in their order. `decide` is asked
 * anew each time and has to notice what is in the log already, because only the answer may have been lost.
 * Throws what `SessionLog.commit` throws.
 */
export async function commitTurn(
  { log, owner, clock, limits }: TurnContext,
  decide: (state: SessionState) => readonly NewEvent[],
): Promise<void> {
  const givesUpAt = clock.now() + limits.leaseMs
  for (;;) {
    try {
      return await log.commit(decide, owner)
    } catch (error) {
      if (!(error instanceof StoreError) || clock.now() >= givesUpAt) throw error
    }
    await sleep(clock, limits.leasePollMs, neverAborted)
  }
}

/** Who stops the turn meanwhile waits too: how it ended has to be stored as well. */
const neverAborted = new AbortController().signal
