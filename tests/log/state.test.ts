import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openBar } from '../../src/bar/bar.ts'
import type { NewEvent, SessionEvent } from '../../src/log/events.ts'
import { fold, readSnapshot, type SessionState } from '../../src/log/state.ts'
import {
  answeredTo,
  at,
  bounds,
  created,
  effect,
  ended,
  ginAdded,
  keyed,
  replied,
  started,
  usage,
} from './samples.ts'

function compacted(summary: string, throughTurnId: string, turnId = 'c'): NewEvent {
  return { type: 'history-compacted', turnId, summary, throughTurnId, usage }
}

/** The state after these events, one second apart; the session was made at 1000. */
function stateAfter(...events: readonly NewEvent[]): SessionState {
  const state = fold(
    undefined,
    [created, ...events].flatMap((event, index) => at(1000 * (index + 1), event)),
    bounds,
  )
  if (state === undefined) throw new Error('A session was created.')
  return state
}

const heard = (turnId: string, characters: number) => ({ type: 'turn-heard', turnId, characters }) as const

describe('the fold', () => {
  it('is nothing for no events, and cannot begin in the middle', () => {
    expect(fold(undefined, [], bounds)).toBeUndefined()
    expect(() => fold(undefined, at(1, started('t')), bounds)).toThrow('cannot begin')
  })

  it('of a new session is its agent, its workspace and an open bar', () => {
    expect(stateAfter()).toEqual({
      agent: 'maya',
      workspace: 'default',
      createdAt: 1000,
      lastAccess: 1000,
      bar: openBar(),
      turns: [],
      turnCount: 0,
      openTurnId: null,
      requests: [],
      summary: null,
      tokensUsed: 0,
      toolCallsMade: 0,
    })
  })

  it('has the newest summary, which a reset takes away', () => {
    const before = [started('a'), ended('a'), started('b'), ended('b'), started('c')]
    const state = stateAfter(...before, compacted('one', 'a'), compacted('two', 'b'))
    expect(state.summary).toEqual({ text: 'two', throughTurnId: 'b' })
    const reset = stateAfter(...before, compacted('one', 'a'), ended('c'), { type: 'session-reset' })
    expect(reset.summary).toBeNull()
  })

  it('counts all tokens and calls of tools since the session was made, whatever is reset', () => {
    const lost: NewEvent = {
      type: 'turn-ended',
      turnId: 't',
      outcome: 'failed',
      lastNumber: 1,
      unreportedUsage: { inputTokens: 100, outputTokens: 10 },
    }
    const events = [
      started('t'),
      compacted('x', 's', 't'),
      replied('t', '', 'a', 'b'),
      replied('t', 'Done.'),
      lost,
    ]
    expect(stateAfter(...events)).toMatchObject({
      tokensUsed: 15 + 15 + 15 + 110,
      toolCallsMade: 2,
      turns: [{ tokensBeside: 15 + 110 }],
    })
    const reset = stateAfter(...events, { type: 'session-reset' })
    expect(reset).toMatchObject({ tokensUsed: 155, toolCallsMade: 2, turns: [] })
  })

  it('keeps what a guard found in a message', () => {
    const marks = ['override']
    const { turns } = stateAfter({ type: 'turn-started', turnId: 't', owner: 'o', userInput: 'Hm', marks })
    expect(turns[0]?.marks).toEqual(['override'])
  })

  it('goes on from a snapshot of a version that knew less', () => {
    const { summary: _, tokensUsed: _tokens, toolCallsMade: _calls, ...known } = stateAfter(started('t'))
    const old: SessionState = JSON.parse(JSON.stringify(known))
    const state = fold(readSnapshot(old), at(9000, replied('t', 'Hi.')), bounds)
    expect(state).toMatchObject({ summary: null, tokensUsed: 15, toolCallsMade: 0 })
  })

  it('opens a turn, under its key when it has one', () => {
    const state = stateAfter(started('t', keyed('k')))
    expect(state).toMatchObject({ openTurnId: 't', turnCount: 1, lastAccess: 2000 })
    expect(state.turns).toMatchObject([
      { turnId: 't', owner: 'owner', attempt: 0, outcome: 'running', startedAt: 2000 },
    ])
    expect(state.requests).toEqual([{ ...keyed('k'), kind: 'turn', turnId: 't' }])
  })

  it('keeps what was said and done in a turn, and ends it', () => {
    const state = stateAfter(
      started('t'),
      replied('t', 'One Gin.', 'a'),
      effect('t', 'a', ...ginAdded),
      replied('t', 'Cheers.'),
      ended('t'),
    )
    expect(state.openTurnId).toBeNull()
    expect(state.bar.lines).toMatchObject([{ itemName: 'Gin', quantity: 1 }])
    expect(state.turns).toMatchObject([
      {
        replies: [{ text: 'One Gin.', toolCalls: [{ callId: 'a' }], usage }, { text: 'Cheers.' }],
        effects: [{ callId: 'a', name: 'add_to_order', outcome: 'ok', result: 'a' }],
        outcome: 'complete',
        finishReason: 'stop',
        lastNumber: 7,
        endedAt: 6000,
      },
    ])
  })

  it('keeps the least that a guest is said to have heard of a turn, and nothing of one that is no longer kept', () => {
    const turn = [started('t'), replied('t', 'One. Two.'), ended('t')]
    expect(stateAfter(...turn).turns[0]).not.toHaveProperty('heardCharacters')
    expect(stateAfter(...turn, heard('t', 4), heard('t', 6)).turns[0]).toMatchObject({ heardCharacters: 4 })
    expect(stateAfter(...turn, heard('gone', 4)).turns).toEqual(stateAfter(...turn).turns)
  })

  it('opens an interrupted turn again with what it has, for another owner', () => {
    const state = stateAfter(
      started('t'),
      replied('t', '', 'a'),
      ended('t', 'interrupted'),
      started('u'),
      ended('u'),
      { type: 'turn-resumed', turnId: 't', owner: 'other' },
    )
    expect(state).toMatchObject({ openTurnId: 't', turnCount: 2 })
    expect(state.turns[0]).toMatchObject({
      turnId: 't',
      owner: 'other',
      attempt: 1,
      outcome: 'running',
      code: null,
      endedAt: null,
      replies: [{ toolCalls: [{ callId: 'a' }] }],
    })
  })

  it('changes the bar by what happens outside of turns, also while one is open', () => {
    const state = stateAfter(started('t'), { type: 'tip-set', tip: { kind: 'percentage', percentage: 10 } })
    expect(state).toMatchObject({ openTurnId: 't', bar: { tip: { percentage: 10 } } })
  })

  it('starts again at a reset, but keeps what was answered to which key', () => {
    const state = stateAfter(started('t', keyed('k')), effect('t', 'a', ...ginAdded), {
      type: 'session-reset',
    })
    expect(state).toMatchObject({
      bar: openBar(),
      turns: [],
      turnCount: 0,
      openTurnId: null,
      createdAt: 1000,
    })
    expect(state.requests).toHaveLength(1)
  })

  it('keeps the newest turns up to the bound, and counts all of them', () => {
    const turns = ['a', 'b', 'c', 'd'].flatMap((id) => [started(id), ended(id)])
    const state = stateAfter(...turns)
    expect(state.turns.map(({ turnId }) => turnId)).toEqual(['b', 'c', 'd'])
    expect(state.turnCount).toBe(4)
  })

  it('keeps the newest keys up to the bound', () => {
    const state = stateAfter(...['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(answeredTo))
    expect(state.requests.map(({ key }) => key)).toEqual(['c', 'd', 'e', 'f', 'g'])
  })

  it('keeps one record for a key: what a payment was asked with, then what was answered', () => {
    const asked: NewEvent = { type: 'payment-requested', request: keyed('k'), paymentId: 'p' }
    expect(stateAfter(asked).requests).toEqual([{ ...keyed('k'), kind: 'payment', paymentId: 'p' }])
    expect(stateAfter(asked, answeredTo('k')).requests).toMatchObject([
      { key: 'k', kind: 'answer', status: 200 },
    ])
  })

  it('never moves the last access back when a clock was set back', () => {
    const state = fold(undefined, [...at(5000, created), ...at(1000, started('t'))], bounds)
    expect(state?.lastAccess).toBe(5000)
  })

  it.each<[string, readonly NewEvent[]]>([
    ['a second turn beside an open one', [started('t'), started('u')]],
    ['an end of a turn that is not open', [started('t'), ended('t'), ended('t')]],
    ['a reply in a turn that is not there', [replied('t', 'x')]],
    ['a turn taken up beside an open one', [started('t'), { type: 'turn-resumed', turnId: 't', owner: 'o' }]],
    ['the same effect twice', [started('t'), effect('t', 'a'), effect('t', 'a')]],
  ])('refuses %s', (_name, events) => {
    expect(() => stateAfter(...events)).toThrow(/still open|is not open|There is no turn|in the log twice/)
  })
})

describe('a snapshot', () => {
  it('is the full fold at every version, whenever it was taken, written as JSON and read again', () => {
    fc.assert(
      fc.property(history(), fc.array(fc.nat(60)), (events, places) => {
        const snapshots = places.map((place) => 1 + (place % events.length)).toSorted((a, b) => a - b)
        let state: SessionState | undefined
        let version = 0
        for (const place of [...snapshots, events.length]) {
          state = fold(state, events.slice(version, place), bounds)
          version = place
          expect(state).toEqual(fold(undefined, events.slice(0, version), bounds))
          state = JSON.parse(JSON.stringify(state))
        }
      }),
      { numRuns: 100 },
    )
  })

  it('holds no more than the bounds, however long the log is', () => {
    fc.assert(
      fc.property(history(), (events) => {
        const state = fold(undefined, events, bounds)
        expect(state?.turns.length).toBeLessThanOrEqual(bounds.turnsKeptMax)
        expect(state?.requests.length).toBeLessThanOrEqual(bounds.requestsKeptMax)
      }),
      { numRuns: 50 },
    )
  })
})

/** The log of a session in which anything happened that can. */
function history(): fc.Arbitrary<readonly SessionEvent[]> {
  const step = fc.record({
    kind: fc.constantFrom(
      'turn',
      'compacting',
      'interrupted',
      'resumed',
      'answer',
      'payment',
      'tip',
      'reset',
    ),
    key: fc.option(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'), { nil: undefined }),
    text: fc.string({ maxLength: 5 }),
  })
  return fc.array(step, { maxLength: 25 }).map((steps) => {
    const events: NewEvent[] = [created]
    let dead: string | undefined
    for (const [index, { kind, key, text }] of steps.entries()) {
      const turnId = `t${index}`
      const begins = [started(turnId, key === undefined ? undefined : keyed(key)), replied(turnId, text, 'x')]
      if (kind === 'turn') events.push(...begins, effect(turnId, 'x'), replied(turnId, text), ended(turnId))
      if (kind === 'compacting') {
        const [summary, throughTurnId] = [text, `t${index - 1}`]
        events.push(
          ...begins,
          { type: 'history-compacted', turnId, summary, throughTurnId, usage },
          ended(turnId),
        )
      }
      if (kind === 'interrupted') events.push(...begins, ended(turnId, 'interrupted'))
      if (kind === 'resumed' && dead !== undefined) {
        events.push({ type: 'turn-resumed', turnId: dead, owner: 'other' }, ended(dead))
      }
      if (kind === 'answer') events.push(answeredTo(key ?? 'z'))
      if (kind === 'payment')
        events.push({ type: 'payment-requested', request: keyed(key ?? 'z'), paymentId: turnId })
      if (kind === 'tip') events.push({ type: 'tip-set', tip: { kind: 'amount', cents: index } })
      if (kind === 'reset') events.push({ type: 'session-reset' })
      dead = kind === 'interrupted' ? turnId : undefined
    }
    return events.flatMap((event, index) => at(index, event))
  })
}
