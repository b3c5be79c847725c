import { signal } from '@preact/signals'
import { Problem } from '../api/problem.ts'
import { newKey, type Requests } from '../api/requests.ts'
import type { KeyField, KeysWire, KeyStatus } from '../api/wire.ts'
import { createPlace, isRecord, type Place, type Shelf } from './shelf.ts'

export interface KeyState {
  readonly status: KeyStatus
  /** What is to be said of it beside its status. */
  readonly reason: string
}

type KeyStates = Readonly<Record<KeyField, KeyState>>

export interface KeysOptions {
  readonly requests: Requests
  /** Remembers what the keys are worth, never the keys. */
  readonly shelf: Shelf
  readonly session: () => string | null
  readonly onChange: () => void
}

const name = 'maya-key-states'
const none: KeyState = { status: 'none', reason: '' }
const noKeys: KeyStates = { gemini: none, cartesia: none }

/** The guest's own keys: they go to the server, and only what they are worth comes back. */
export class OwnKeys {
  readonly #options: KeysOptions
  readonly #place: Place<KeyStates>
  readonly states = signal<KeyStates>(noKeys)
  readonly isBusy = signal(false)

  constructor(options: KeysOptions) {
    this.#options = options
    this.#place = createPlace(options.shelf, name, areStates)
  }

  /** What was known of this session's keys, and what the server says of them now. */
  open(hasValidKeys: boolean): void {
    const known = this.#place.read(this.#options.session()) ?? noKeys
    const { gemini } = known
    const isRefused = !hasValidKeys && gemini.status === 'valid'
    const isUnknown = hasValidKeys && gemini.status === 'none'
    if (isRefused) this.states.value = { ...known, gemini: { status: 'rejected', reason: '' } }
    else if (isUnknown) this.states.value = { ...known, gemini: { status: 'valid', reason: '' } }
    else this.states.value = known
  }

  /** A key to be used, or null to forget the one that is there. True when the server has taken it. */
  async change(field: KeyField, key: string | null): Promise<boolean> {
    const { requests, onChange } = this.#options
    this.isBusy.value = true
    try {
      const answer = await requests.receive<KeysWire>('/session/keys', {
        method: 'POST',
        headers: { 'idempotency-key': newKey() },
        body: { [`${field}_key`]: key },
      })
      this.#keep(statesOf(answer))
      onChange()
      return true
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem
      const { status } = this.states.value[field]
      const isRejected = problem.code === 'KEY_REJECTED'
      const state: KeyState = { status: isRejected ? 'rejected' : status, reason: problem.message }
      this.states.value = { ...this.states.value, [field]: state }
      return false
    } finally {
      this.isBusy.value = false
    }
  }

  /** An answer could not be made with the guest's key. */
  reject(): void {
    const { gemini } = this.states.value
    if (gemini.status === 'none') return
    this.#keep({ ...this.states.value, gemini: { status: 'rejected', reason: '' } })
  }

  #keep(states: KeyStates): void {
    this.states.value = states
    this.#place.write(this.#options.session(), states)
  }
}

function statesOf({ keys, reasons }: KeysWire): KeyStates {
  const state = (field: KeyField): KeyState => ({ status: keys[field], reason: reasons?.[field] ?? '' })
  return { gemini: state('gemini'), cartesia: state('cartesia') }
}

function areStates(value: unknown): value is KeyStates {
  return isRecord(value) && isRecord(value['gemini']) && isRecord(value['cartesia'])
}
