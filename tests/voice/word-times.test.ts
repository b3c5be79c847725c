import { array, assert, constantFrom, oneof, property, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { englishWords } from '../../src/voice/embedded/english-words.ts'
import { wordTimes } from '../../src/voice/embedded/word-times.ts'
import { cpuMs } from './cpu-time.ts'

/** Sounds of a tenth of a second each. */
function sounds(text: string) {
  const names = text.split(' ').filter((name) => name !== '')
  return names.map((name, index) => ({ text: name, startMs: index * 100, endMs: index * 100 + 100 }))
}

/** Each word with the sounds that are its own. */
function spoken(sentence: string, phonemes: string): readonly string[] {
  return wordTimes(englishWords(sentence), sounds(phonemes)).map(({ text, startMs, endMs }) => {
    const own = sounds(phonemes).filter((sound) => sound.startMs >= startMs && sound.endMs <= endMs)
    return `${text}: ${own.map((sound) => sound.text).join(' ')}`
  })
}

describe('the time of a word', () => {
  it('is that of the sounds that its spelling fits', () => {
    expect(spoken('What may I bring you?', 'w ah t m ey ay b r ih ng y uw')).toEqual([
      'What: w ah t',
      'may: m ey',
      'I: ay',
      'bring: b r ih ng',
      'you?: y uw',
    ])
    expect(spoken('through knights', 'th r uw n ay t s')).toEqual(['through: th r uw', 'knights: n ay t s'])
  })

  it('takes in all sounds of a number', () => {
    expect(spoken('It is 12 now', 'ih t ih z t w eh l v n aw')).toEqual([
      'It: ih t',
      'is: ih z',
      '12: t w eh l v',
      'now: n aw',
    ])
  })

  it('leaves the pauses out', () => {
    expect(spoken('Yes, sir', 'y eh s pau s er')).toEqual(['Yes,: y eh s', 'sir: s er'])
  })

  it('is that of the word as it is written, though it is read otherwise', () => {
    expect(spoken('Crème & €5 — so', 'k r iy m ae n d f ay v y uw r ow z s ow')).toEqual([
      'Crème: k r iy m',
      '&: ae n d',
      '€5: f ay v y uw r ow z',
      'so: s ow',
    ])
  })

  it('is in the order of the words and inside of the sounds, whatever they are', () => {
    const word = oneof(
      constantFrom('gin', '13', '$5.', 'I', '—', '&'),
      string({ unit: 'grapheme', maxLength: 8 }),
    )
    const sound = constantFrom('pau', 'g', 'ih', 'n', 'ay', 'zh', 'unheard-of')
    assert(
      property(array(word, { maxLength: 12 }), array(sound, { maxLength: 30 }), (words, phonemes) => {
        let before = 0
        for (const { startMs, endMs } of wordTimes(
          englishWords(words.join(' ')),
          sounds(phonemes.join(' ')),
        )) {
          expect(startMs).toBeGreaterThanOrEqual(before)
          expect(endMs).toBeGreaterThanOrEqual(startMs)
          expect(endMs).toBeLessThanOrEqual(phonemes.length * 100)
          before = endMs
        }
      }),
    )
  })

  it('is found quickly in the longest sentence', () => {
    const words = englishWords('and then we went on to the next bar '.repeat(8))
    const long = sounds('ae n d dh eh n w iy w eh n t '.repeat(24))
    expect(cpuMs(() => wordTimes(words, long))).toBeLessThan(250)
  })
})
