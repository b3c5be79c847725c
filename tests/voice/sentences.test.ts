import { assert, array, constantFrom, integer, property, string, tuple } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SentenceSplitter } from '../../src/voice/sentences.ts'
import { cpuMs } from './cpu-time.ts'
import { corpus } from './sentences-corpus.ts'

const charactersMax = 280

/** The slices of a text that comes in pieces of so many characters, over and over. */
function split(
  text: string,
  sizes: readonly number[] = [text.length],
  max = charactersMax,
): readonly string[] {
  const splitter = new SentenceSplitter(max)
  const slices: string[] = []
  for (let at = 0, turn = 0; at < text.length; turn++) {
    const size = Math.max(1, sizes[turn % sizes.length] ?? 1)
    slices.push(...splitter.push(text.slice(at, at + size)))
    at += size
  }
  return [...slices, ...splitter.end()]
}

/** Texts with everything in them that the rules look at. */
const tricky = array(
  constantFrom(
    '. ',
    '.',
    '!',
    '? ',
    '…',
    '...',
    '\n',
    '\n- ',
    ' ',
    '    ',
    ', ',
    '"',
    '”',
    '(',
    ')',
    '**',
    '`',
    '。',
    '，',
    'Mr',
    'e.g',
    'No',
    'a.m',
    'J',
    'I',
    '1',
    '29',
    '$29.50',
    'gin',
    'Gin',
    'Ça',
    '好',
    '🥂',
    'x'.repeat(30),
  ),
  { maxLength: 120 },
).map((parts) => parts.join(''))

describe('sentences', () => {
  it.each(corpus.map((text) => [text]))('are cut as people speak: %j', (text) => {
    const slices = text.split('¦').filter((slice) => slice !== '')
    expect(split(slices.join(''))).toEqual(slices)
  })

  it('come as soon as the next one begins', () => {
    const splitter = new SentenceSplitter(charactersMax)
    expect(splitter.push('Good evening.')).toEqual([])
    expect(splitter.push(' ')).toEqual([])
    expect(splitter.push('W')).toEqual(['Good evening. '])
    expect(splitter.push('elcome.\n\n')).toEqual([])
    expect(splitter.end()).toEqual(['Welcome.\n\n'])
    expect(splitter.end()).toEqual([])
  })

  it('wait for what a price may still become', () => {
    const splitter = new SentenceSplitter(charactersMax)
    expect(splitter.push('It is $29.')).toEqual([])
    expect(splitter.push('50')).toEqual([])
    expect(splitter.push('. That')).toEqual(['It is $29.50. '])
  })

  it('are the same in any split, and joined they are the text', () => {
    assert(
      property(
        tricky,
        array(integer({ min: 1, max: 9 }), { minLength: 1 }),
        constantFrom(10, 40, 280),
        (text, sizes, max) => {
          const slices = split(text, sizes, max)
          expect(slices).toEqual(split(text, undefined, max))
          expect(slices.join('')).toBe(text)
          expect(slices.every((slice) => slice.length > 0 && slice.length <= max)).toBe(true)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('keep every character of any text', () => {
    assert(
      property(tuple(string({ unit: 'binary' }), integer({ min: 2, max: 20 })), ([text, max]) => {
        expect(split(text, [1], max).join('')).toBe(text)
      }),
    )
  })
})

describe('a sentence that is too long', () => {
  const clause = 'and then we went on to the next bar'

  it('is cut behind a comma', () => {
    const text = Array.from({ length: 20 }, () => clause).join(', ')
    const slices = split(text)
    expect(slices.slice(0, -1).every((slice) => slice.endsWith(', '))).toBe(true)
    expect(slices.length).toBeLessThan(5)
  })

  it('is cut between words where there is no comma', () => {
    const slices = split(Array.from({ length: 20 }, () => clause).join(' '))
    expect(slices.slice(0, -1).every((slice) => slice.endsWith(' '))).toBe(true)
  })

  it('is cut anywhere where there is no blank, but never within a character', () => {
    const slices = split('🥂'.repeat(400), undefined, 99)
    expect(slices.every((slice) => slice.isWellFormed())).toBe(true)
    expect(slices.length).toBeLessThan(12)
  })

  it('is cut earlier when it is the first', () => {
    const [first = '', second = ''] = split(Array.from({ length: 20 }, () => clause).join(', '))
    expect(first.length).toBeLessThanOrEqual(charactersMax / 2)
    expect(second.length).toBeGreaterThan(charactersMax / 2)
  })

  it('costs no more a character than a short one', () => {
    const bad = ['x', '.', ' ', '!"', '\n', 'a, ', 'Mr. ', '1. \n']
    for (const part of bad) {
      const text = part.repeat(64 * 1024).slice(0, 64 * 1024)
      const spentMs = cpuMs(() => {
        expect(split(text).join('')).toHaveLength(text.length)
        expect(split(text, [3]).join('')).toHaveLength(text.length)
      })
      expect(spentMs).toBeLessThan(2000)
    }
  })
})
