import { sleep } from '../clock.ts'
import type { NewEvent } from '../log/events.ts'
import type { SessionState } from '../log/state.ts'
import { StoreError } from '../log/store.ts'
import type { StoreStep } from './observer.ts'
import { startTiming } from './timing.ts'
import type { TurnContext } from './turn-context.ts'
import { earlyEndOf } from './turn-stop.ts'

type Decide = (state: SessionState) => readonly NewEvent[]

/**
 * Appends to the log what this run of the turn has decided. While the store is away it is tried again for as long as
 * the lease can last: nothing else of the turn goes on meanwhile, so its effects stay in their order. `decide` is asked
 * anew each time and has to notice what is in the log already, because only the answer may have been lost.
 * Throws what `SessionLog.commit` throws.
 */
export async function commitTurn(context: TurnContext, decide: Decide): Promise<void> {
  const { clock, limits } = context
  const givesUpAt = clock.now() + limits.leaseMs
  for (;;) {
    try {
      return await commitOnce(context, decide)
    } catch (error) {
      if (!(error instanceof StoreError) || clock.now() >= givesUpAt) throw error
    }
    await sleep(clock, limits.leasePollMs, neverAborted)
  }
}

/** The same, but a store that is away is not waited for. */
export function commitOnce(context: TurnContext, decide: Decide): Promise<void> {
  const { log, owner } = context
  return storeStep(context, 'append', () => log.commit(decide, owner))
}

/** Reports how long the store was waited for. */
export async function storeStep<Result>(
  { clock, observer }: Pick<TurnContext, 'clock' | 'observer'>,
  operation: StoreStep['operation'],
  run: () => Promise<Result>,
): Promise<Result> {
  const timing = startTiming(clock)
  const report = (code: StoreStep['code']): void =>
    observer.stepEnded({
      kind: 'store',
      operation,
      startedAtMs: timing.startedAtMs,
      seconds: timing.seconds(),
      code,
    })
  try {
    const result = await run()
    report(null)
    return result
  } catch (error) {
    report(earlyEndOf(error).code)
    throw error
  }
}

/** Who stops the turn meanwhile waits too: how it ended has to be stored as well. */
const neverAborted = new AbortController().signal
