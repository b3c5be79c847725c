import { Counter, Gauge, type Registry } from 'prom-client'
import type { GuardObserver } from '../security/guard.ts'

export interface GuardLabels {
  readonly guardPolicy: string
  /** Every mark that a message can be counted under. */
  readonly guardMarks: readonly string[]
}

/** What the guard does, and what it does when it fails. */
export function observeGuard(registry: Registry, { guardPolicy, guardMarks }: GuardLabels): GuardObserver {
  const registers = [registry]
  new Gauge({
    name: 'maya_guard_policy_info',
    help: 'What happens to messages and answers while the guard fails.',
    labelNames: ['policy'],
    registers,
  }).set({ policy: guardPolicy }, 1)
  const errors = new Counter({
    name: 'maya_guard_errors_total',
    help: 'Messages and answers that the guard failed on.',
    registers,
  })
  const refusals = new Counter({
    name: 'maya_guard_refusals_total',
    help: 'Messages that the guard refused.',
    registers,
  })
  const marks = new Counter({
    name: 'maya_guard_marks_total',
    help: 'Messages by what the guard found suspicious in them.',
    labelNames: ['mark'],
    registers,
  })
  for (const mark of guardMarks) marks.inc({ mark }, 0)
  return {
    guardFailed: () => errors.inc(),
    guardMarked: (mark) => marks.inc({ mark }),
    guardRefused: () => refusals.inc(),
  }
}
