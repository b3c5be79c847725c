import { describe, expect, it } from 'vitest'
import { describeDefect } from '../../src/security/redaction.ts'

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
