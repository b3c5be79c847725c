import assert from 'node:assert/strict'
import type { BarChange } from '../../src/bar/bar.ts'
import { contentOf } from '../../src/conversation/messages.ts'
import type { SessionEvent } from '../../src/log/events.ts'
import type { TurnRecord } from '../../src/log/state.ts'
import type { Store } from '../../src/log/store.ts'
import { turnRecordsOf } from '../../src/log/turn-records.ts'
import { Checks } from '../simulation/checks.ts'
import type { Receipt } from './guest.ts'
import type { Hearing } from './hearing.ts'

/** What a guest was told and can hold the bar to. */
export interface Memory {
  readonly token: string
  readonly hearings: readonly Hearing[]
  readonly receipts: readonly Receipt[]
}

/** What the logs say of an evening. */
export interface LogCounts {
  sessions: number
  turns: number
  turnsInterrupted: number
  turnsTakenUp: number
  effects: number
  payments: number
}

/** Checks every log of the store, and that each guest's memory is true. Throws at the first one that is not. */
export async function checkStore(store: Store, memories: readonly Memory[]): Promise<LogCounts> {
  const counts = { sessions: 0, turns: 0, turnsInterrupted: 0, turnsTakenUp: 0, effects: 0, payments: 0 }
  const byId = new Map(memories.map((memory) => [idOf(memory.token), memory]))
  const checks = new Checks(() => 0)
  for (let after: string | undefined; ;) {
    const ids = await store.ids(after, 100)
    if (ids.length === 0) break
    for (const id of ids) {
      const events = await store.events(id)
      // A session of which its guest was never told has no memory: it only has to be a right one.
      const memory = byId.get(id) ?? { token: '', hearings: [], receipts: [] }
      byId.delete(id)
      explained({ id, events, memory }, () => {
        replay(checks, id, events)
        checkMemory(memory, events)
      })
      count(counts, events)
    }
    after = ids.at(-1)
  }
  assert.deepEqual([...byId.keys()], [], 'sessions are lost')
  return counts
}

/** The session's own id, which its token begins with. */
export function idOf(token: string): string {
  return token.split('.')[0] ?? ''
}

/** Every invariant of one log, entry by entry, as in the simulation; who held which lease is not known any more. */
function replay(checks: Checks, id: string, events: readonly SessionEvent[]): void {
  checks.lease(id, 'fleet-', Infinity)
  checks.append({ id, expectedVersion: 0, events, expiresAt: 0 }, 'fleet')
  const state = checks.state(id)
  assert.equal(state?.openTurnId, null, 'a turn is open for ever')
  assert.equal(state.bar.payment, null, 'a payment is open for ever')
  assertOnce(events.flatMap((event) => (event.type === 'turn-started' ? [event.request?.key] : [])))
  assertOnce(events.flatMap((event) => (event.type === 'payment-requested' ? [event.request.key] : [])))
  assertOnce(events.flatMap((event) => (event.type === 'request-answered' ? [event.request.key] : [])))
  assertOnce(
    changesIn(events).flatMap((change) => (change.type === 'payment-settled' ? [change.paymentId] : [])),
  )
}

function checkMemory({ hearings, receipts }: Memory, events: readonly SessionEvent[]): void {
  const turns = turnRecordsOf(events[0], events)
  const asked = new Map(hearings.map((hearing) => [hearing.key, hearing]))
  for (const event of events) {
    if (event.type !== 'turn-started') continue
    const { key = '' } = event.request ?? {}
    assert.equal(asked.get(key)?.message, event.userInput, 'a turn that nobody asked for')
  }
  for (const hearing of hearings) {
    if (hearing.complete !== undefined) checkAnswer(hearing, turns)
  }
  checkReceipts(receipts, turns, changesIn(events))
}

/** What was told as the whole answer is in the log word for word, with all that was done. */
function checkAnswer(
  { turnId, complete, text, toolCalls, toolResults }: Hearing,
  turns: readonly TurnRecord[],
): void {
  const turn = turns.find((candidate) => candidate.turnId === turnId)
  assert(turn !== undefined, `the turn ${turnId} is lost`)
  assert(turn.outcome === 'complete' || turn.outcome === 'stopped', `${turnId} is ${turn.outcome}`)
  assert.equal(contentOf(turn), complete, `the answer of ${turnId} is not in the log as it was told`)
  if (text === '' && complete !== '') return // It was not heard as a stream.
  const calls = turn.replies.flatMap((reply) => reply.toolCalls.map(({ callId }) => callId))
  assert.deepEqual(toolCalls, calls, `the calls of ${turnId} were not told as they are`)
  for (const { callId, result } of turn.effects) {
    if (calls.includes(callId)) assert.deepEqual(toolResults.get(callId), result, `the result of ${callId}`)
  }
}

/** Every receipt is one charge, and every charge has a receipt or was granted by word. */
function checkReceipts(
  receipts: readonly Receipt[],
  turns: readonly TurnRecord[],
  changes: readonly BarChange[],
): void {
  const charged = new Map<string, number>()
  const started = new Map<string, number>()
  for (const change of changes) {
    if (change.type === 'payment-started') started.set(change.paymentId, change.tabCents + change.tipCents)
    if (change.type === 'payment-settled') charged.set(change.paymentId, started.get(change.paymentId) ?? NaN)
  }
  for (const { payment_id: id, total_cents: cents } of receipts) {
    assert.equal(charged.get(id), cents, `the receipt ${id} is not in the ledger`)
  }
  const known = new Set(receipts.map(({ payment_id: id }) => id))
  const byWord = new Set(turns.map(({ turnId }) => `${turnId}:payment`))
  for (const id of charged.keys()) assert(known.has(id) || byWord.has(id), `nobody knows of the charge ${id}`)
}

function changesIn(events: readonly SessionEvent[]): readonly BarChange[] {
  return events.flatMap((event) => {
    if (event.type === 'effect') return event.changes
    const isPayment = event.type === 'payment-started' || event.type === 'payment-settled'
    return isPayment ? [event] : []
  })
}

function count(counts: LogCounts, events: readonly SessionEvent[]): void {
  counts.sessions++
  for (const event of events) {
    if (event.type === 'turn-started') counts.turns++
    if (event.type === 'turn-resumed') counts.turnsTakenUp++
    if (event.type === 'turn-ended' && event.outcome === 'interrupted') counts.turnsInterrupted++
    if (event.type === 'effect') counts.effects++
  }
  counts.payments += changesIn(events).filter(({ type }) => type === 'payment-settled').length
}

function assertOnce(names: readonly (string | undefined)[]): void {
  const twice = names.filter((name, at) => name !== undefined && names.indexOf(name) !== at)
  assert.deepEqual(twice, [], 'something happened twice')
}

/** Says what the log is and what the guest was told, because the store is gone when the error is read. */
function explained(
  session: { id: string; events: readonly SessionEvent[]; memory: Memory },
  check: () => void,
): void {
  try {
    check()
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${describe(session)}`, {
      cause: error,
    })
  }
}

export function describe({
  id,
  events,
  memory,
}: {
  id: string
  events: readonly SessionEvent[]
  memory: Memory
}): string {
  const log = events.map((event, at) => `  ${at} ${JSON.stringify(event)}`)
  const told = [...memory.hearings, ...memory.receipts].map((what) => `  ${JSON.stringify(what)}`)
  return [`session ${id}, its log:`, ...log, 'what its guest was told:', ...told].join('\n')
}
