import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { redactUrl } from '../../src/security/redaction.ts'
import { createSessionTokens } from '../../src/security/session-token.ts'

const { token } = createSessionTokens({ masterKey: Buffer.alloc(32, 1) }).mint()

it.each([
  ['/', '/'],
  ['/api/v1/chat/stream', '/api/v1/chat/stream'],
  ['/api/v1/chat/stream?message=my%20wife&session_id=abc&idempotency_key=k', '/api/v1/chat/stream'],
  ['/api/v1/chat/stream?turn_id=t1', '/api/v1/chat/stream'],
  ['/docs/static/swagger-ui-standalone-preset.js.map', '/docs/static/swagger-ui-standalone-preset.js.map'],
  ['/api/v1/chat/stream%3Fsession_id=abc', '/api/v1/chat/stream'],
  ['/api/v1/chat/stream;session_id=abc', '/api/v1/chat/stream'],
  ['/api/v1/session#abc', '/api/v1/session'],
  ['/a b\nc', '/a'],
  ['', ''],
])('shows %j as %j', (url, expected) => {
  expect(redactUrl(url)).toBe(expected)
})

it('hides a token or a key that was put into the path', () => {
  expect(redactUrl(`/api/v1/session/${token}/x`)).toBe('/api/v1/session/***/x')
  expect(redactUrl(`/${'AIza'.padEnd(39, 'x')}`)).toBe('/***')
})

it('shows no more than 200 characters', () => {
  expect(redactUrl('/ab'.repeat(1000))).toHaveLength(200)
})

it('never shows what comes after the path, whatever the URL', () => {
  const segment = fc.string({
    unit: fc.constantFrom('a', 'Z', '7', '-', '.', '_', '%20', 'é'),
    maxLength: 50,
  })
  const path = fc.array(segment).map((segments) => `/${segments.join('/')}`)
  fc.assert(
    fc.property(path, fc.constantFrom('?', '#', ';', '%3f', '&', ' '), (shown, mark) => {
      expect(redactUrl(`${shown}${mark}session_id=${token}`)).toBe(redactUrl(shown))
      expect(redactUrl(shown).replaceAll('***', '')).toMatch(/^[/aZ7._-]*$/)
    }),
  )
})
