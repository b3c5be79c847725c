import type { Clock } from '../clock.ts'
import type { Limits } from '../config/limits.ts'
import type { Model } from '../llm/model.ts'
import type { RequestKey } from '../log/events.ts'
import type { OwnKey } from '../log/keys.ts'
import type { SessionLog } from '../log/session-log.ts'
import type { Store } from '../log/store.ts'
import type { TextToSpeech } from '../voice/text-to-speech.ts'
import type { Agent } from './agent.ts'
import type { Budgets } from './budgets.ts'
import type { TurnObserver, TurnOrigin } from './observer.ts'
import type { PaymentsOptions } from './payments.ts'
import type { OutputMask } from './reply.ts'
import type { TurnEvents } from './turn-events.ts'

/** Who answers one turn. */
export interface TurnModel {
  readonly model: Model
  /** The guest's own key that the model is used with; null where it is the server's. */
  readonly ownKey: OwnKey | null
}

/** Who speaks one turn, until it is released. */
export interface TurnVoice {
  readonly textToSpeech: TextToSpeech
  readonly release: () => void
}

/** How the guest wants to hear a turn. */
export interface TurnSpeechWish {
  /** The id of a voice, or null for the default one. */
  readonly voice: string | null
  /** How fast: 1 is as people speak. */
  readonly speed: number
}

/** Everything that one run of one turn uses. */
export interface TurnContext {
  readonly turnId: string
  /** Random, of this run: only it may extend the turn. */
  readonly owner: string
  /** How often the turn was taken up before and with this run: 0 for its first one. */
  readonly attempt: number
  readonly userInput: string
  /** What a guard found suspicious in it. */
  readonly marks: readonly string[]
  readonly request: RequestKey | undefined
  /** The HTTP request that asked for it; null for none. */
  readonly origin: TurnOrigin | null
  /** The confirmation that was open when the message came: a yes cannot mean one that was asked for later. */
  readonly confirmationId: string | null
  readonly log: SessionLog
  readonly store: Pick<Store, 'shared' | 'acquireLease' | 'renewLease' | 'releaseLease'>
  readonly agent: Agent
  /** Called once the turn is open. Throws a `ModelError` `KEY_REJECTED` where the guest's own key cannot be used. */
  readonly chooseModel: () => TurnModel
  /** How this turn is to be spoken; null where nobody asked for it. */
  readonly speech: TurnSpeechWish | null
  /**
   * Called once a turn that is to be spoken is open; null where nobody speaks here. Throws a `VoiceError`
   * `KEY_REJECTED` where the guest's own key cannot be used.
   */
  readonly chooseVoice: () => TurnVoice | null
  readonly budgets: Budgets
  /** The longest prompt, estimated: what is older than that becomes a summary. */
  readonly promptTokensMax: number
  /** Called for each reply; every text of it goes through a mask of its own before anybody hears it. */
  readonly createMasks: () => () => OutputMask
  readonly payments: PaymentsOptions
  readonly clock: Clock
  readonly limits: Limits
  readonly events: TurnEvents
  readonly observer: TurnObserver
  /** Told of what should be impossible; the guest only gets `INTERNAL`. */
  readonly reportDefect: (error: unknown) => void
}
