import { array, assert, boolean, constantFrom, nat, property, record, string, tuple } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EventParser } from '../../src/llm/event-parser.ts'

/** The events of these bytes, given in pieces that end at the places named. */
function parse(bytes: Buffer, cuts: readonly number[] = []) {
  const parser = new EventParser()
  const places = [0, ...cuts.toSorted((one, other) => one - other), bytes.length]
  return places.slice(1).flatMap((end, at) => parser.push(bytes.subarray(places[at], end)))
}

const lineEnd = constantFrom('\n', '\r\n', '\r')
const text = string({ unit: constantFrom('a', '{', '"', ':', ' ', 'é', '“', '🍸', '\u2028', '\u0000') })
const noise = constantFrom('', 'event: x', 'id: 7', ': a comment', 'retry: 10', 'data', 'datum: no', ':')

/** An event in some spelling, and its data. */
const spelledEvent = record({
  lines: array(text, { minLength: 1, maxLength: 3 }),
  before: noise,
  end: lineEnd,
}).map(({ lines, before, end }) => ({
  data: lines.join('\n'),
  spelled: [...(before === '' ? [] : [before]), ...lines.map((line) => `data: ${line}`), '', ''].join(end),
}))

describe('the event parser', () => {
  it('finds the same events however the bytes are split', () => {
    const stream = tuple(array(spelledEvent, { maxLength: 6 }), array(nat()), boolean())
    assert(
      property(stream, ([events, places, hasMark]) => {
        const bytes = Buffer.from((hasMark ? '\uFEFF' : '') + events.map(({ spelled }) => spelled).join(''))
        const cuts = places.map((place) => place % (bytes.length + 1))
        const expected = events.map(({ data }) => data)
        expect(parse(bytes)).toEqual(expected)
        expect(parse(bytes, cuts)).toEqual(expected)
        expect(parse(bytes, [...bytes.keys()])).toEqual(expected)
      }),
    )
  })

  it('never holds more than what it was given, and nothing of what it has told', () => {
    assert(
      property(array(constantFrom('data: x', '\n', '\r', '\n\n', 'data:', ': no\n', 'é')), (pieces) => {
        const parser = new EventParser()
        let bytes = 0
        for (const piece of pieces) {
          bytes += Buffer.byteLength(piece)
          parser.push(Buffer.from(piece))
          expect(parser.heldCharacters).toBeLessThanOrEqual(bytes)
        }
        parser.push(Buffer.from('\n\n'))
        expect(parser.heldCharacters).toBe(0)
      }),
    )
  })

  it('takes one space after the colon as no part of the data, and only one', () => {
    expect(parse(Buffer.from('data:a\n\ndata: b\n\ndata:  c\n\n'))).toEqual(['a', 'b', ' c'])
  })

  it('tells no event before its blank line has come', () => {
    expect(parse(Buffer.from('data: {"whole": true}\n'))).toEqual([])
    expect(parse(Buffer.from('data: {"whole": true}\r\n\r'))).toEqual(['{"whole": true}'])
  })

  it('reads a long event that comes byte by byte in time linear to its length', () => {
    const data = 'x'.repeat(300_000)
    const bytes = Buffer.from(`data: ${data}\n\n`)
    expect(parse(bytes, [...bytes.keys()])).toEqual([data])
  })
})
