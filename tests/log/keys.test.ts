import { describe, expect, it } from 'vitest'
import { keyFound } from '../../src/log/keys.ts'
import type { NewEvent, StoredKey } from '../../src/log/events.ts'
import { fold, type SessionState } from '../../src/log/state.ts'
import { at, bounds, created, ended, replied, started } from './samples.ts'

const sealed: StoredKey = { sealed: 'v1.one', status: 'unverified' }

function stateAfter(...events: readonly NewEvent[]): SessionState {
  const state = fold(
    undefined,
    [created, ...events].flatMap((event) => at(1000, event)),
    bounds,
  )
  if (state === undefined) throw new Error('A session was created.')
  return state
}

const brought = (keys: (NewEvent & { readonly type: 'keys-changed' })['keys']): NewEvent => ({
  type: 'keys-changed',
  keys,
})

describe('the fold of keys', () => {
  it('keeps what is named, and takes away what is null', () => {
    const other: StoredKey = { sealed: 'v1.two', status: 'valid' }
    const both = stateAfter(brought({ gemini: sealed, cartesia: other }))
    expect(both.keys).toEqual({ gemini: sealed, cartesia: other })
    const one = stateAfter(brought({ gemini: sealed, cartesia: other }), brought({ gemini: null }))
    expect(one.keys).toEqual({ gemini: null, cartesia: other })
    const newer = stateAfter(brought({ gemini: sealed }), brought({ gemini: other }))
    expect(newer.keys).toEqual({ gemini: other })
  })

  it('goes on from a snapshot of a version that knew no keys', () => {
    const snapshot: SessionState = JSON.parse(JSON.stringify(stateAfter(started('t'), ended('t'))))
    expect('keys' in snapshot).toBe(false)
    const state = fold(
      snapshot,
      [...at(2, started('u')), ...at(3, replied('u', 'Hi.')), ...at(4, brought({ gemini: sealed }))],
      bounds,
    )
    expect(state).toMatchObject({ keys: { gemini: sealed }, openTurnId: 'u', turnCount: 2 })
  })

  it('leaves keys as they are at a reset', () => {
    expect(stateAfter(brought({ gemini: sealed }), { type: 'session-reset' }).keys).toEqual({
      gemini: sealed,
    })
  })
})

describe('what a turn finds out about its key', () => {
  const own = { sealed: 'v1.one', fresh: 'v1.one' }
  const state = stateAfter(brought({ gemini: sealed }))

  it('is kept once', () => {
    const found = keyFound(state, own, 'valid')
    expect(found).toEqual([brought({ gemini: { sealed: 'v1.one', status: 'valid' } })])
    expect(keyFound(stateAfter(...found), own, 'valid')).toEqual([])
  })

  it('is nothing for the server’s own key, or when the guest has another key or none by now', () => {
    expect(keyFound(state, null, 'valid')).toEqual([])
    const replaced = stateAfter(brought({ gemini: { ...sealed, sealed: 'v1.two' } }))
    expect(keyFound(replaced, own, 'rejected')).toEqual([])
    expect(keyFound(stateAfter(brought({ gemini: null })), own, 'rejected')).toEqual([])
    expect(keyFound(stateAfter(), own, 'rejected')).toEqual([])
  })

  it('comes with the key sealed anew when the master key was changed, once', () => {
    const rotated = { sealed: 'v1.one', fresh: 'v2.one' }
    const found = keyFound(stateAfter(brought({ gemini: { ...sealed, status: 'valid' } })), rotated, 'valid')
    expect(found).toEqual([brought({ gemini: { sealed: 'v2.one', status: 'valid' } })])
    expect(keyFound(stateAfter(...found), rotated, 'valid')).toEqual([])
    expect(keyFound(stateAfter(...found), rotated, 'rejected')).toEqual([
      brought({ gemini: { sealed: 'v2.one', status: 'rejected' } }),
    ])
  })
})
