import { ServiceError } from '../errors.ts'
import type { SessionLog } from '../log/session-log.ts'

/** Refuses what would make a log longer than it may be. */
export function assertLogRoom({ version }: SessionLog, eventsMax: number): void {
  if (version < eventsMax) return
  throw new ServiceError('BUDGET_EXHAUSTED', 'This session has become too long. Please start a new one.')
}
