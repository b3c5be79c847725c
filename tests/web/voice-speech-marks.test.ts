import { describe, expect, it } from 'vitest'
import { SpeechMarks } from '../../web/src/voice/speech-marks.ts'

function word(text: string, startMs: number, from: number) {
  return { text, start_ms: startMs, end_ms: startMs + 100, from, to: from + text.length }
}

describe('how far the guest has heard', () => {
  it('a sentence ends with its punctuation and without the space behind it', () => {
    const marks = new SpeechMarks()
    marks.sentence(0, 'Sure ("really")!\n\n')
    marks.sentence(1, '*Next* one. ')
    marks.add({ index: 0, words: [word('Sure', 0, 0), word('really', 100, 7)], phonemes: [] })
    marks.add({ index: 1, words: [word('Next', 300, 19)], phonemes: [] })
    expect(marks.heardCharacters(200)).toBe('Sure ("really")!'.length)
    expect(marks.heardCharacters(370)).toBe('Sure ("really")!\n\n*Next*'.length)
  })

  it('counts the sentences that have no words', () => {
    const marks = new SpeechMarks()
    marks.sentence(0, 'One. ')
    marks.sentence(1, '---\n')
    marks.sentence(2, 'Two.')
    marks.add({ index: 2, words: [word('Two', 1_000, 9)], phonemes: [] })
    expect(marks.heardCharacters(1_100)).toBe('One. ---\nTwo.'.length)
  })

  it('takes words that are marked in parts for a part of the sentence', () => {
    const marks = new SpeechMarks()
    marks.sentence(0, 'Hello, dear guest!')
    marks.add({ index: 0, words: [word('Hello', 0, 0)], phonemes: [] })
    expect(marks.heardCharacters(500)).toBe('Hello,'.length)
    marks.add({ index: 0, words: [word('dear', 100, 7), word('guest', 200, 12)], phonemes: [] })
    expect(marks.heardCharacters(500)).toBe('Hello, dear guest!'.length)
  })

  it('a voice without marks is counted by the share of the sound, in whole words', () => {
    const marks = new SpeechMarks()
    marks.sentence(0, 'One two. ')
    marks.sentence(1, 'Three four five. ')
    marks.sound(0, 0, 1_000)
    marks.sound(1, 1_000, 2_000)
    marks.sound(1, 2_000, 3_000)
    expect(marks.heardCharacters(1_000)).toBe('One two.'.length)
    expect(marks.heardCharacters(2_000)).toBe('One two. Three '.length)
    expect(marks.heardCharacters(3_000)).toBe('One two. Three four five.'.length)
  })

  it('without any text it is guessed by the time', () => {
    const marks = new SpeechMarks()
    marks.sound(0, 0, 4_000)
    expect(marks.heardCharacters(2_000)).toBe(30)
  })

  it('is nothing before the beginning', () => {
    expect(new SpeechMarks().heardCharacters(1_000)).toBe(0)
  })
})

describe('the word that is spoken', () => {
  it('stays over a short silence and goes out over a long one', () => {
    const marks = new SpeechMarks()
    marks.add({ index: 0, words: [word('one', 100, 0), word('two', 1_000, 4)], phonemes: [] })
    expect(marks.wordAt(50)).toBeNull()
    expect(marks.wordAt(100)).toMatchObject({ text: 'one' })
    expect(marks.wordAt(500)).toMatchObject({ text: 'one' })
    expect(marks.wordAt(700)).toBeNull()
    expect(marks.wordAt(1_000)).toMatchObject({ text: 'two' })
  })

  it('is found in marks that came in another order', () => {
    const marks = new SpeechMarks()
    marks.add({ index: 1, words: [word('two', 1_000, 4)], phonemes: [] })
    marks.add({ index: 0, words: [word('one', 100, 0)], phonemes: [] })
    expect(marks.wordAt(150)).toMatchObject({ text: 'one' })
    expect(marks.wordAt(1_050)).toMatchObject({ text: 'two' })
  })

  it('a speech without end keeps a bounded number of marks', () => {
    const marks = new SpeechMarks()
    for (let index = 0; index < 30_000; index++) {
      marks.add({ index, words: [word('more', index * 100, index * 5)], phonemes: [] })
    }
    expect(marks.wordAt(19_999 * 100)).not.toBeNull()
    expect(marks.wordAt(29_999 * 100)).toBeNull()
  })
})
