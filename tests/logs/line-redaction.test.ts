import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LineRedaction } from '../../src/logs/line-redaction.ts'
import { createSessionTokens } from '../../src/security/session-token.ts'

const secret = 'Canary-Secret-of-the-server'

function redacted(content: object, secrets: readonly string[] = [secret]): unknown {
  const line = new LineRedaction(secrets).apply(`${JSON.stringify(content)}\n`)
  expect(line.endsWith('}\n')).toBe(true)
  return JSON.parse(line)
}

describe('a known value', () => {
  it('is masked in every text of a line, and in the names of its fields', () => {
    const line = { msg: `a ${secret}!`, err: { stack: ['at x', `with ${secret}`] }, [secret]: 1 }
    expect(redacted(line)).toEqual({ msg: 'a ***!', err: { stack: ['at x', 'with ***'] }, '***': 1 })
  })

  it('is masked as it stands in a URL', () => {
    expect(redacted({ at: 'redis://maya:p%40ss%2Fword%2B1@store' }, ['p@ss/word+1'])).toEqual({
      at: 'redis://maya:***@store',
    })
  })

  it('is masked from the moment when it is known', () => {
    const redaction = new LineRedaction([])
    const line = `{"msg":"${secret}"}\n`
    expect(redaction.apply(line)).toBe(line)
    redaction.know([secret])
    expect(redaction.apply(line)).toBe('{"msg":"***"}\n')
  })

  it('is masked whatever it is made of and whatever stands around it, and the line stays JSON', () => {
    const text = fc.string({ unit: fc.constantFrom('n', 't', '"', '\\', '\n', '{', ':', 'a', 'é', '.', '*') })
    const known = text.filter((value) => value.length >= 8 && value.trim() !== '')
    fc.assert(
      fc.property(known, text, text, (value, before, after) => {
        const shown = redacted({ level: 'info', msg: `${before}${value}${after}` }, [value])
        expect(JSON.stringify(shown)).not.toContain(JSON.stringify(value).slice(1, -1))
      }),
    )
  })

  it('of less than eight characters is not looked for: it is in ordinary words', () => {
    expect(redacted({ msg: 'maya' }, ['maya'])).toEqual({ msg: 'maya' })
  })
})

describe('what is a credential by the name of its field', () => {
  it.each([
    'authorization',
    'Authorization',
    'proxy-authorization',
    'cookie',
    'set-cookie',
    'x-session-id',
    'session_id',
    'x-api-key',
    'x-goog-api-key',
    'gemini_key',
    'cartesia_key',
    'access_token',
    'password',
    'clientSecret',
  ])('is masked: %s', (name) => {
    const line = {
      req: { headers: { [name]: 'abc', host: 'maya' } },
      [name]: ['abc'],
      body: [{ [name]: { a: 'abc' } }],
    }
    expect(redacted(line, [])).toEqual({
      req: { headers: { [name]: '***', host: 'maya' } },
      [name]: '***',
      body: [{ [name]: '***' }],
    })
  })

  it('leaves numbers and yes or no, which are none', () => {
    const line = {
      input_tokens: 12,
      own_key: false,
      tokens: null,
      session: 'ab12',
      route: '/api/v1/session/keys',
    }
    expect(redacted(line)).toEqual(line)
  })
})

describe('what looks like a credential', () => {
  const { token } = createSessionTokens({ masterKey: Buffer.alloc(32, 1) }).mint()

  it.each([
    ['a key of Google', `AIza${'x'.repeat(35)}`],
    ['a bearer token', `Bearer ${'y'.repeat(30)}`],
    ['the token of a session', token],
    ['the token of a session in a URL', `/api/v1/chat/stream?session_id=${token}&message=x`],
  ])('is masked: %s', (_, text) => {
    const { said } = Object(redacted({ said: `it is ${text}` }))
    expect(said).toMatch(/\*\*\*/)
    expect(said).not.toContain(text.slice(-40, -15))
  })
})

it('leaves our own lines as they are', () => {
  const line =
    '{"level":"info","time":"2026-11-23T07:26:53.075Z","request_id":"4f67af87-8a86-44da-98cf-b526ba5c2888",' +
    '"session":"1c7c571eb9f0","agent":"maya","input_tokens":12,"own_key":false,"msg":"turn"}\n'
  expect(new LineRedaction([secret]).apply(line)).toBe(line)
})
