import { describe, expect, it } from 'vitest'
import type { ServiceError } from '../../src/errors.ts'
import { findRequest } from '../../src/log/requests.ts'
import { fold } from '../../src/log/state.ts'
import { answeredTo, at, bounds, created, keyed } from './samples.ts'

function setup() {
  const state = fold(undefined, at(1, created, answeredTo('k')), bounds)
  if (state === undefined) throw new Error('A session was created.')
  return state
}

describe('a request key', () => {
  it('finds what was answered to the same question', () => {
    expect(findRequest(setup(), keyed('k'))).toMatchObject({ kind: 'answer', body: { key: 'k' } })
  })

  it('finds nothing for a new key, and nothing without one', () => {
    expect(findRequest(setup(), keyed('new'))).toBeUndefined()
    expect(findRequest(setup(), undefined)).toBeUndefined()
  })

  it('is refused for another question', () => {
    const other = { key: 'k', fingerprint: 'something else' }
    expect(() => findRequest(setup(), other)).toThrow(
      expect.objectContaining({ code: 'IDEMPOTENCY_KEY_REUSED' } satisfies Partial<ServiceError>),
    )
  })
})
