import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { describeDefect, redactUrl } from '../../src/security/redaction.ts'
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

describe('describeDefect', () => {
  it('says what it is and where it was thrown, and nothing of what it says', () => {
    const cause = Object.assign(new TypeError('a guest’s words'), { code: 'ERR_SOMETHING' })
    const error = new RangeError('more words\n    at of a guest (x:1:1)', { cause })
    const described = describeDefect(error)
    expect(described).toMatchObject({
      type: 'RangeError',
      cause: { type: 'TypeError', code: 'ERR_SOMETHING' },
    })
    const text = JSON.stringify(described)
    expect(text).toContain('redaction.test.ts:')
    expect(text).not.toMatch(/words|of a guest/)
  })

  it('says nothing of what is thrown and is no error, and ends with causes that do not', () => {
    expect(describeDefect('a guest’s words')).toEqual({ type: 'string' })
    const error = new Error('words')
    error.cause = error
    expect(JSON.stringify(describeDefect(error)).split('cause')).toHaveLength(4)
  })

  it('shows no code that is a sentence', () => {
    const error = Object.assign(new Error('x'), { code: 'a guest’s words' })
    expect(JSON.stringify(describeDefect(error))).not.toContain('words')
  })
})
