import type { Clock } from '../clock.ts'
import type { Limits } from '../config/limits.ts'
import type { TurnModel, TurnVoice } from '../conversation/turn-context.ts'
import { ServiceError } from '../errors.ts'
import { ModelError, type KeyCheck, type Model } from '../llm/model.ts'
import type { ModelLease } from '../llm/models.ts'
import type { KeyField, KeysChanged, RequestKey, StoredKey } from '../log/events.ts'
import type { OwnKey } from '../log/keys.ts'
import type { SessionLog } from '../log/session-log.ts'
import type { SecretPlace, Vault } from '../security/vault.ts'
import type { SpeechToText } from '../voice/speech-to-text.ts'
import { VoiceError } from '../voice/text-to-speech.ts'
import type { VoiceClient, VoiceLease } from '../voice/voices.ts'
import type { Answer, Cashier } from './cashier.ts'

/** Who answers: the server's own model, and the ones that are used with guests' keys. */
export interface SessionModels {
  readonly own: Model
  /** The model for this key, shared by all who have the same one and closed when the last of them gives it back. */
  lease(guestKey: string): ModelLease
}

/** Who speaks and listens: the server's own voice, and the ones that are used with guests' keys. */
export interface SessionVoices {
  readonly own: VoiceClient
  /** The client for this key. Throws a `VoiceError` where there are too many. */
  lease(guestKey: string): VoiceLease
}

/** Who listens to a guest, until it is released. */
export interface GuestEars {
  readonly speechToText: SpeechToText
  readonly release: () => void
}

/** Asks a provider whether it takes a key. A provider that cannot be asked is an answer too: `unverified`. */
export type KeyChecks = {
  readonly [Field in KeyField]: (key: string, signal: AbortSignal) => Promise<KeyCheck>
}

/** What all sessions of a process need for guests' own keys. */
export interface KeyParts {
  readonly vault: Vault
  readonly checks: KeyChecks
  /** False where the operator's model is none of Google's: then a Gemini key would be of no use. */
  readonly takesGemini: boolean
  readonly voices: SessionVoices
  /** False where nobody shall speak or listen: then a Cartesia key would be of no use. */
  readonly takesCartesia: boolean
}

export interface GuestKeysOptions extends KeyParts {
  readonly log: SessionLog
  readonly cashier: Cashier
  readonly models: SessionModels
  readonly clock: Clock
  readonly limits: Pick<Limits, 'keyCheckMs'>
}

/** Keys that a guest brings, and null for those that are to be taken away. */
export type WantedKeys = { readonly [Field in KeyField]?: string | null | undefined }

export interface KeysReport {
  readonly hasValid: boolean
  readonly keys: Readonly<Record<KeyField, StoredKey['status'] | 'none'>>
  /** Why a key of this request could not be verified. */
  readonly reasons: PerField<string>
}

const fields: readonly KeyField[] = ['gemini', 'cartesia']

/**
 * The guest's own keys in one live session. In the log they are sealed; in clear they are only handed on.
 * Invariant: at most one model is leased, and only for the key that the log has or that a running turn began with; at
 * most one voice is kept warm, for the key that was used last.
 */
export class GuestKeys {
  readonly #options: GuestKeysOptions
  readonly #closing = new AbortController()
  #held: { readonly lease: ModelLease; readonly ownKey: OwnKey } | undefined
  #isLent = false
  #warmVoice: { readonly lease: VoiceLease; readonly sealed: string } | undefined

  constructor(options: GuestKeysOptions) {
    this.#options = options
  }

  /** Whether turns are answered with the guest's own key, as far as is known. */
  get hasValid(): boolean {
    return this.#isUsable(this.#options.log.state.keys?.gemini)
  }

  /** The guest's keys in clear, for nothing but to keep them out of what is shown. */
  get secrets(): readonly string[] {
    const { log, vault } = this.#options
    const { keys } = log.state
    return fields.flatMap((field) => {
      const opened = keys?.[field] ? vault.open(keys[field].sealed, this.#place(field)) : undefined
      return opened?.ok === true ? [opened.secret] : []
    })
  }

  /**
   * Checks the keys at their providers, then stores all of them or none. Throws `KEY_REJECTED` where a provider
   * refuses one. The same request again gets the first answer; ask the cashier for it before, to check nothing twice.
   */
  async change(
    wanted: WantedKeys,
    request: RequestKey | undefined,
    present: (report: KeysReport) => Answer,
  ): Promise<Answer> {
    const { cashier, takesGemini } = this.#options
    if (typeof wanted.gemini === 'string' && !takesGemini) {
      throw new ServiceError(
        'BAD_REQUEST',
        'This server does not answer with Gemini: it takes no gemini_key.',
      )
    }
    const checked = await this.#check(wanted)
    const changes = this.#changes(wanted, checked)
    const answer = await cashier.act(request, ({ keys }) => {
      const after = { ...keys, ...changes }
      const report: KeysReport = {
        hasValid: this.#isUsable(after.gemini),
        keys: { gemini: after.gemini?.status ?? 'none', cartesia: after.cartesia?.status ?? 'none' },
        reasons: reasonsOf(checked),
      }
      return { events: [{ type: 'keys-changed', keys: changes }], answer: present(report) }
    })
    this.#letGoOfOld()
    this.#letGoOfOldVoice()
    return answer
  }

  /** Says which keys are meant without saying them, for what is kept under an `Idempotency-Key`. */
  fingerprint(wanted: WantedKeys): PerField<string | null> {
    return perField((field) => {
      const key = wanted[field]
      return typeof key === 'string' ? this.#options.vault.fingerprint(key, this.#place(field)) : key
    })
  }

  /**
   * The model for a turn that begins now, until `takeBack`. Throws a `ModelError` `KEY_REJECTED` where the guest has
   * brought a key that cannot be used: the server's own is never used in its place.
   */
  lend(): TurnModel {
    const { log, models, takesGemini } = this.#options
    this.#letGoOfOld()
    this.#isLent = true
    const key = log.state.keys?.gemini ?? null
    if (key === null) return { model: models.own, ownKey: null }
    if (!takesGemini) throw unusable('This server does not answer with Gemini any more: remove your key.')
    if (key.status === 'rejected') {
      throw unusable('Google does not take your Gemini key. Enter it again, or remove it.')
    }
    this.#held ??= this.#lease(key)
    const { lease, ownKey } = this.#held
    return { model: lease.model, ownKey }
  }

  /** The turn has ended. */
  takeBack(): void {
    this.#isLent = false
    this.#letGoOfOld()
  }

  /**
   * Who speaks a turn, or null where nobody does. Throws a `VoiceError` `KEY_REJECTED` where the guest has brought a
   * key that cannot be used: the server's own is never used in its place.
   */
  lendVoice(): TurnVoice | null {
    const { client, release } = this.#leaseVoice()
    const { textToSpeech } = client
    if (textToSpeech !== null) return { textToSpeech, release }
    release()
    return null
  }

  /** Who listens to the guest, or null where nobody does. Throws as `lendVoice` does. */
  lendEars(): GuestEars | null {
    const { client, release } = this.#leaseVoice()
    const { speechToText } = client
    if (speechToText !== null) return { speechToText, release }
    release()
    return null
  }

  /** Gives models and voices back and ends what is being checked. No turn may run any more. */
  dispose(): void {
    // With a reason, because without one every abort makes an exception with its stack.
    this.#closing.abort('The session is let go of.')
    this.#held?.lease.release()
    this.#held = undefined
    this.#warmVoice?.lease.release()
    this.#warmVoice = undefined
  }

  #leaseVoice(): VoiceLease {
    const { voices } = this.#options
    this.#letGoOfOldVoice()
    const key = this.#voiceKey
    if (key === null) return { client: voices.own, release: () => {} }
    const opened = this.#open(key, 'cartesia')
    if (!opened.ok) {
      const message = 'Your Cartesia key cannot be read any more. Enter it again, or remove it.'
      throw new VoiceError('KEY_REJECTED', message)
    }
    const lease = voices.lease(opened.secret)
    // Another one for as long as the session lives, so that the voice stays warm between its turns.
    if (!this.#closing.signal.aborted)
      this.#warmVoice ??= { lease: voices.lease(opened.secret), sealed: key.sealed }
    return lease
  }

  get #voiceKey(): StoredKey | null {
    const { log, takesCartesia } = this.#options
    return takesCartesia ? (log.state.keys?.cartesia ?? null) : null
  }

  #letGoOfOldVoice(): void {
    if (this.#warmVoice === undefined || this.#warmVoice.sealed === this.#voiceKey?.sealed) return
    this.#warmVoice.lease.release()
    this.#warmVoice = undefined
  }

  #lease(key: StoredKey): { readonly lease: ModelLease; readonly ownKey: OwnKey } {
    const { models, vault } = this.#options
    const opened = this.#open(key, 'gemini')
    if (!opened.ok) {
      throw unusable('Your Gemini key cannot be read any more. Enter it again, or remove it.')
    }
    const { sealed } = key
    const fresh = vault.isCurrent(sealed) ? sealed : vault.seal(opened.secret, this.#place('gemini'))
    return { lease: models.lease(opened.secret), ownKey: { sealed, fresh } }
  }

  /** A turn that runs goes on with the key that it began with. */
  #letGoOfOld(): void {
    const key = this.#options.log.state.keys?.gemini ?? null
    const isCurrent = key !== null && key.sealed === this.#held?.ownKey.sealed && key.status !== 'rejected'
    if (this.#isLent || isCurrent) return
    this.#held?.lease.release()
    this.#held = undefined
  }

  async #check(wanted: WantedKeys): Promise<Checked> {
    const [gemini, cartesia] = await Promise.all(fields.map((field) => this.#checkOne(field, wanted[field])))
    const checked = perField((field) => ({ gemini, cartesia })[field])
    assertNoneRejected(checked)
    return checked
  }

  async #checkOne(field: KeyField, key: string | null | undefined): Promise<KeyCheck | undefined> {
    if (typeof key !== 'string') return undefined
    const { checks, clock, limits } = this.#options
    const late = Promise.withResolvers<KeyCheck>()
    const ending = new AbortController()
    const giveUp = (): void => {
      late.resolve({ status: 'unverified', reason: 'The provider did not answer in time.' })
      ending.abort('The key was checked.')
    }
    const cancel = clock.after(limits.keyCheckMs, giveUp)
    this.#closing.signal.addEventListener('abort', giveUp, { once: true })
    try {
      return await Promise.race([checks[field](key, ending.signal), late.promise])
    } finally {
      cancel()
      this.#closing.signal.removeEventListener('abort', giveUp)
      ending.abort('The key was checked.')
    }
  }

  #changes(wanted: WantedKeys, checked: Checked): KeysChanged['keys'] {
    return perField((field) => {
      const key = wanted[field]
      const status = checked[field]?.status
      if (typeof key !== 'string' || status === undefined) return key === null ? null : undefined
      return { sealed: this.#options.vault.seal(key, this.#place(field)), status }
    })
  }

  #isUsable(key: StoredKey | null | undefined): boolean {
    return this.#options.takesGemini && key?.status === 'valid' && this.#open(key, 'gemini').ok
  }

  #open({ sealed }: StoredKey, field: KeyField) {
    return this.#options.vault.open(sealed, this.#place(field))
  }

  #place(field: KeyField): SecretPlace {
    const { id, state } = this.#options.log
    return { workspace: state.workspace, sessionId: id, field }
  }
}

type PerField<Value> = { readonly [Field in KeyField]?: Value }
type Checked = PerField<KeyCheck>

/** The fields of which there is something to say. */
function perField<Value>(valueOf: (field: KeyField) => Value | undefined): PerField<Value> {
  const values: { [Field in KeyField]?: Value } = {}
  for (const field of fields) {
    const value = valueOf(field)
    if (value !== undefined) values[field] = value
  }
  return values
}

function assertNoneRejected(checked: Checked): void {
  const refusals = fields.flatMap((field) => {
    const check = checked[field]
    return check?.status === 'rejected' ? [`The ${field}_key was refused: ${check.reason}`] : []
  })
  if (refusals.length === 0) return
  throw new ServiceError('KEY_REJECTED', `${refusals.join(' ')} Nothing was stored.`)
}

function reasonsOf(checked: Checked): KeysReport['reasons'] {
  return perField((field) => {
    const check = checked[field]
    return check === undefined || check.status === 'valid' ? undefined : check.reason
  })
}

function unusable(message: string): ModelError {
  return new ModelError('KEY_REJECTED', message, { retryable: false })
}
