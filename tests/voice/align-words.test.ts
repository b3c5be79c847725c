import { array, assert, constantFrom, oneof, property, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { alignWords } from '../../src/voice/align-words.ts'
import { cpuMs } from './cpu-time.ts'

/** What stands in the text where each of the words is spoken. */
function places(content: string, spoken: string): readonly string[] {
  const words = spoken
    .split(' ')
    .map((text, index) => ({ text, startMs: index * 100, endMs: index * 100 + 90 }))
  return alignWords(content, words).map(({ from, to }) => content.slice(from, to))
}

describe('the place of a spoken word', () => {
  it('is where it is written, without the marks around it', () => {
    expect(places('Good **evening**, "dear" guest!', 'Good evening, dear guest!')).toEqual([
      'Good',
      'evening',
      'dear',
      'guest',
    ])
  })

  it('is the next one of words that are alike', () => {
    const content = 'the gin, the rum, the ale'
    const words = content.split(' ').map((text) => ({ text, startMs: 0, endMs: 0 }))
    expect(alignWords(content, words).map(({ from }) => from)).toEqual([0, 4, 9, 13, 18, 22])
  })

  it('is the price that it was spoken for', () => {
    expect(places('It is $13.50 now.', 'it is thirteen dollars fifty cents now')).toEqual([
      'It',
      'is',
      '$13.50',
      '$13.50',
      '$13.50',
      '$13.50',
      'now',
    ])
    expect(places('It is $13 now.', 'it is 13 dollars now')).toEqual(['It', 'is', '$13', '$13', 'now'])
    expect(places('$13.50 now', '13 dollars and 50 cents now')).toEqual([...Array(5).fill('$13.50'), 'now'])
  })

  it('is shared out evenly among prices that follow each other', () => {
    expect(places('$13 $14 each', 'thirteen dollars fourteen dollars each')).toEqual([
      '$13',
      '$13',
      '$14',
      '$14',
      'each',
    ])
  })

  it('is the abbreviation that it was spoken for', () => {
    expect(places('Dr. Brown drinks 40% ABV', 'doctor brown drinks forty percent a b v')).toEqual([
      'Dr',
      'Brown',
      'drinks',
      '40%',
      '40%',
      'ABV',
      'ABV',
      'ABV',
    ])
  })

  it('is found however the letters are dressed', () => {
    expect(places('Crème BRÛLÉE', 'creme brulee')).toEqual(['Crème', 'BRÛLÉE'])
  })

  it('is that of its letter where no blanks are written', () => {
    expect(places('您好。', '您 好')).toEqual(['您', '好'])
  })

  it('is its neighbour’s where the text has no word for it', () => {
    expect(places('gin', 'oh gin please')).toEqual(['gin', 'gin', 'gin'])
    expect(places('🥂', 'cheers')).toEqual([''])
    expect(places('', 'cheers')).toEqual([''])
  })

  it('goes over what is not spoken', () => {
    expect(places('See [menu](https://a.example) — and 🥂 enjoy', 'See menu and enjoy')).toEqual([
      'See',
      'menu',
      'and',
      'enjoy',
    ])
  })

  it('keeps the times', () => {
    const words = [{ text: 'gin', startMs: 5, endMs: 9 }]
    expect(alignWords('A gin', words)).toEqual([{ text: 'gin', startMs: 5, endMs: 9, from: 2, to: 5 }])
  })

  it('is in the order of the words and inside of the text, whatever was spoken', () => {
    const word = oneof(
      constantFrom('gin', 'Gin,', 'the', '$13', '13', '好', '—', '', 'x'),
      string({ maxLength: 6 }),
    )
    assert(
      property(array(word), array(word), (written, spoken) => {
        const content = written.join(' ')
        const found = alignWords(
          content,
          spoken.map((text) => ({ text, startMs: 0, endMs: 0 })),
        )
        expect(found.map(({ text }) => text)).toEqual(spoken)
        let before = 0
        for (const { from, to } of found) {
          expect(from).toBeGreaterThanOrEqual(before)
          expect(to).toBeGreaterThanOrEqual(from)
          expect(to).toBeLessThanOrEqual(content.length)
          before = from
        }
      }),
    )
  })

  it('is the word itself when all of the text is spoken', () => {
    assert(
      property(array(constantFrom('gin', 'the', 'ale', 'rum', 'a'), { minLength: 1 }), (words) => {
        expect(places(words.join(' '), words.join(' '))).toEqual(words)
      }),
    )
  })

  it('is only counted for more words than are worth comparing', () => {
    const count = 2000
    const content = Array.from({ length: count }, (_, index) => `w${index}`).join(' ')
    const spentMs = cpuMs(() => expect(places(content, content)).toHaveLength(count))
    expect(spentMs).toBeLessThan(500)
  })
})
