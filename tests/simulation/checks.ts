import assert from 'node:assert/strict'
import { isBalanced } from '../../src/bar/ledger.ts'
import type { SessionEvent } from '../../src/log/events.ts'
import { fold, type SessionState } from '../../src/log/state.ts'
import type { Append } from '../../src/log/store.ts'
import { limits } from './container.ts'

const wholeLog = { turnsKeptMax: Number.MAX_SAFE_INTEGER, requestsKeptMax: Number.MAX_SAFE_INTEGER }
const turnEvents = new Set<SessionEvent['type']>([
  'turn-started',
  'turn-resumed',
  'model-replied',
  'history-compacted',
  'effect',
  'turn-ended',
])

interface Lease {
  readonly owner: string
  readonly until: number
}

/** What is true of every log at every moment (DESIGN, section 11), checked append by append as the store takes them. */
export class Checks {
  readonly #states = new Map<string, SessionState>()
  readonly #effectIds = new Set<string>()
  readonly #leases = new Map<string, Lease>()
  readonly #now: () => number

  constructor(now: () => number) {
    this.#now = now
  }

  state(id: string): SessionState | undefined {
    return this.#states.get(id)
  }

  lease(id: string, owner: string, durationMs: number): void {
    this.#leases.set(id, { owner, until: this.#now() + durationMs })
  }

  append({ id, events }: Append, container: string): void {
    if (events.some(({ type }) => turnEvents.has(type))) this.#assertLease(id, container)
    for (const event of events) {
      const before = this.#states.get(id)
      if (event.type === 'effect') this.#assertEffect(id, event, before)
      if (event.type === 'turn-started') assertNewKey(event, before)
      const state = fold(before, [event], wholeLog)
      assert(state !== undefined)
      assert(isBalanced(state.bar.ledger), `the books of ${id} do not balance after ${event.type}`)
      this.#states.set(id, state)
    }
  }

  /** Only who holds the lease may begin, extend or end a turn. */
  #assertLease(id: string, container: string): void {
    const lease = this.#leases.get(id)
    const isHeld = lease !== undefined && lease.until > this.#now() && lease.owner.startsWith(`${container}-`)
    assert(isHeld, `${container} changed a turn of ${id} without its lease`)
  }

  /** An effect is applied once, and only for a call that the model made, or by the server itself. */
  #assertEffect(
    id: string,
    effect: SessionEvent & { type: 'effect' },
    state: SessionState | undefined,
  ): void {
    const { effectId, turnId, callId, name } = effect
    assert(!this.#effectIds.has(`${id} ${effectId}`), `the effect ${effectId} was applied twice`)
    this.#effectIds.add(`${id} ${effectId}`)
    const turn = state?.turns.find((candidate) => candidate.turnId === turnId)
    const isCalled = turn?.replies.at(-1)?.toolCalls.some((call) => call.callId === callId)
    const isByServer = name === 'payment' || name === 'confirmation_withdrawn'
    assert(isCalled === true || isByServer, `nobody asked for the effect ${effectId}`)
  }
}

function assertNewKey(event: SessionEvent & { type: 'turn-started' }, state: SessionState | undefined): void {
  if (event.request === undefined) return
  const { key } = event.request
  const isKnown = state?.requests.slice(-limits.requestsKeptMax).some((request) => request.key === key)
  assert(isKnown !== true, `the request ${key} started two turns`)
}
