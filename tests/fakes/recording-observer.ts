import type { ConversationObserver, TurnBegun, TurnEnd, TurnStep } from '../../src/conversation/observer.ts'

/** What was reported of one run of a turn. */
export interface RecordedTurn {
  readonly begun: TurnBegun
  readonly steps: TurnStep[]
  /** Seconds. */
  readonly firstTexts: number[]
  readonly firstAudios: number[]
  readonly ends: TurnEnd[]
}

/** Keeps everything that is reported; `happened` has the short of it in the order of time. */
export class RecordingObserver implements ConversationObserver {
  readonly turns: RecordedTurn[] = []
  readonly happened: string[]

  constructor(happened: string[] = []) {
    this.happened = happened
  }

  turnBegan(begun: TurnBegun) {
    const turn: RecordedTurn = { begun, steps: [], firstTexts: [], firstAudios: [], ends: [] }
    this.turns.push(turn)
    return {
      firstText: (seconds: number) => void turn.firstTexts.push(seconds),
      firstAudio: (seconds: number) => {
        turn.firstAudios.push(seconds)
        this.happened.push(`first audio ${seconds}`)
      },
      stepEnded: (step: TurnStep) => {
        assertOpen(turn)
        turn.steps.push(step)
        if (step.kind === 'tool' && step.outcome !== null) this.happened.push(`${step.tool} ${step.outcome}`)
      },
      ended: (end: TurnEnd) => {
        assertOpen(turn)
        turn.ends.push(end)
        this.happened.push(`turn ${end.outcome}`)
      },
    }
  }

  budgetExhausted(budget: string): void {
    this.happened.push(`budget ${budget}`)
  }

  paymentEnded(outcome: string): void {
    this.happened.push(`payment ${outcome}`)
  }
}

function assertOpen({ ends }: RecordedTurn): void {
  if (ends.length > 0) throw new Error('Something is reported of a turn that has ended.')
}
