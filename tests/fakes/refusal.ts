import type { LightMyRequestResponse } from 'fastify'
import { expect } from 'vitest'

/** A word that tests put everywhere and that no refusal may repeat. */
export const canary = 'Xyzzy-Canary'

/** What a refusal says, when it is a problem as RFC 9457 has it, with no word of the guest. */
export function refusalOf(response: LightMyRequestResponse) {
  const problem = response.json()
  expect(response.headers['content-type']).toBe('application/problem+json; charset=utf-8')
  expect(Object.keys(problem).toSorted()).toEqual(['code', 'detail', 'status', 'title', 'type'])
  expect(problem).toMatchObject({ status: response.statusCode, type: 'about:blank' })
  expect(problem.title).not.toBe('')
  expect(response.body).not.toContain(canary)
  return problem
}

/** Every route that takes a body. */
export const posts = [
  '/sessions',
  '/session/reset',
  '/session/keys',
  '/chat',
  '/chat/stream',
  '/chat/stop',
  '/payments/tip',
  '/payments/pay',
  '/payments/confirm',
]
