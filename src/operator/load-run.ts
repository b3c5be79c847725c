import { sleep, type Clock } from '../clock.ts'
import type { Connection } from './connection.ts'
import { LoadGuest, type Party } from './load-guest.ts'

/** How many guests come, and for how long. */
export interface LoadPlan {
  readonly guests: number
  readonly durationMs: number
  /** The guests come one after the other in this time. */
  readonly rampMs: number
  /** The mean pause before a message. */
  readonly thinkMs: number
}

export interface LoadOptions extends Omit<Party, 'closing' | 'stopping' | 'thinkMs'> {
  readonly plan: LoadPlan
  readonly connect: () => Connection
}

/** The most messages that a load can send; one that is refused and sent again is one message. */
export function messagesMax({ guests, durationMs, thinkMs }: LoadPlan): number {
  return guests * Math.ceil(durationMs / (thinkMs / 2))
}

/** Lets the guests in. Resolves when all have left; `stopping` sends them away at once. */
export async function runLoad(options: LoadOptions, stopping: AbortSignal): Promise<void> {
  const { plan, clock, connect } = options
  const over = new AbortController()
  const cancel = clock.after(plan.durationMs, () => over.abort())
  const closing = AbortSignal.any([over.signal, stopping])
  const party: Party = { ...options, thinkMs: plan.thinkMs, closing, stopping }
  const guests = Array.from({ length: plan.guests }, async (_none, number) => {
    if (!(await hasArrived(clock, (plan.rampMs * number) / plan.guests, closing))) return
    const connection = connect()
    try {
      await new LoadGuest(number, connection, party).stay()
    } catch (error) {
      over.abort()
      throw error
    } finally {
      connection.close()
    }
  })
  const ends = await Promise.allSettled(guests)
  cancel()
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}

function hasArrived(clock: Clock, afterMs: number, closing: AbortSignal): Promise<boolean> {
  return sleep(clock, afterMs, closing).then(
    () => true,
    () => false,
  )
}
