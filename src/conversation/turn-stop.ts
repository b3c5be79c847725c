import { ServiceError, type ErrorCode } from '../errors.ts'
import { ModelError } from '../llm/model.ts'
import type { TurnOutcome } from '../log/events.ts'
import { LeaseLostError } from '../log/session-log.ts'
import { StoreError } from '../log/store.ts'

/** `stopped`: the guest, a newer message, a reset. `shutdown`: the process ends. The others are bounds of a turn. */
export type TurnStopKind =
  | 'stopped'
  | 'shutdown'
  | 'lease-lost'
  | 'time'
  | 'model-calls'
  | 'tool-calls'
  | 'characters'

/** Why a turn ends before its answer is whole: the one reason that reaches model call, tool and voice. */
export class TurnStop extends Error {
  override readonly name = 'TurnStop'
  readonly kind: TurnStopKind

  constructor(kind: TurnStopKind) {
    super(`The turn ends: ${kind}.`)
    this.kind = kind
  }
}

/** How a turn that did not complete ends, for its log and for its readers. */
export interface EarlyEnd {
  readonly outcome: Exclude<TurnOutcome, 'complete'>
  readonly code: ErrorCode
  /** A sentence for the guest. */
  readonly message: string
  /** Whether what was said of the unfinished reply stays in the history. A turn that is taken up again says it anew. */
  readonly keepsText: boolean
}

const limitSentence = {
  time: 'This answer took too long and was ended.',
  'model-calls': 'This answer needed too many steps and was ended.',
  'tool-calls': 'This answer asked for too many actions at once and was ended.',
  characters: 'This answer became too long and was ended.',
} as const

const interrupted: EarlyEnd = {
  outcome: 'interrupted',
  code: 'INTERRUPTED',
  message: 'This answer was interrupted. Ask again to go on with it.',
  keepsText: false,
}

/** What a failure means for the turn. Anything that is not foreseen here is a defect of the server. */
export function earlyEndOf(error: unknown): EarlyEnd {
  if (error instanceof TurnStop) return endOfStop(error.kind)
  if (error instanceof LeaseLostError) return interrupted
  if (error instanceof StoreError) {
    const message = 'What happened could not be stored. Ask again in a moment.'
    return { ...interrupted, code: 'STORE_UNAVAILABLE', message }
  }
  if (error instanceof ModelError) {
    const { code, message, retryable } = error
    return { outcome: retryable ? 'interrupted' : 'failed', code, message, keepsText: !retryable }
  }
  if (error instanceof ServiceError) {
    // The guard could not check the answer: the same question may get one in a moment.
    if (error.code === 'OVERLOADED') return { ...interrupted, code: error.code, message: error.message }
    // A budget can end a reply whose text was told already.
    const keepsText = error.code === 'BUDGET_EXHAUSTED'
    return { outcome: 'failed', code: error.code, message: error.message, keepsText }
  }
  return {
    outcome: 'failed',
    code: 'INTERNAL',
    message: 'Something went wrong on our side.',
    keepsText: false,
  }
}

function endOfStop(kind: TurnStopKind): EarlyEnd {
  switch (kind) {
    case 'stopped':
      return { outcome: 'stopped', code: 'INTERRUPTED', message: 'This answer was stopped.', keepsText: true }
    case 'shutdown':
    case 'lease-lost':
      return interrupted
    case 'time':
    case 'model-calls':
    case 'tool-calls':
    case 'characters':
      return { outcome: 'failed', code: 'TURN_LIMIT', message: limitSentence[kind], keepsText: true }
  }
}
