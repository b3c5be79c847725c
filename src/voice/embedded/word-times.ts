import type { Mark } from '../text-to-speech.ts'
import type { EnglishWord } from './english-words.ts'

/** The letters that each sound of English (ARPABET) is written with. */
const lettersOf: ReadonlyMap<string, string> = new Map(
  [
    'aa:ao ae:a ah:uoae ao:oau aw:ouw ax:aeiou ay:iyae eh:ea er:erioua ey:aeiy ih:ieyau iy:eiya ow:ow oy:oiy',
    'uh:uo uw:uowe b:b ch:ct d:dt dh:t f:fpg g:gx hh:hw jh:jgd k:kcqx l:l m:m n:nkg ng:n p:p r:rw s:scz sh:sct',
    't:td th:t v:vf w:wuo y:yuie z:zsx zh:sgz',
  ]
    .flatMap((line) => line.split(' '))
    .map((pair) => pair.split(':'))
    .map(([sound = '', letters = '']) => [sound, letters]),
)

/** What it costs to hold a sound for the wrong letter, a letter for silent, a sound for unwritten. */
const cost = {
  wrong: 1.3,
  silent: 0.5,
  silentAtBeginning: 0.8,
  unwritten: 0.7,
  unwrittenInNumber: 0.1,
  pauseWithinWord: 5,
}

/** A letter or another sign of a word, or the place between two words. */
interface Sign {
  readonly character: string
  readonly kind: 'letter' | 'other' | 'blank'
  readonly isFirst: boolean
  readonly word: number
}

interface Sound {
  readonly isPause: boolean
  /** What it may be written with. */
  readonly letters: string
}

/**
 * When each word is spoken. Flite tells the times of its sounds, but not which word they belong to: the words are laid
 * over the sounds so that their spelling fits best. So the beginning of a word can be wrong by one short sound, and
 * within numbers by more; it never leaves the sounds of its sentence.
 */
export function wordTimes(words: readonly EnglishWord[], phonemes: readonly Mark[]): readonly Mark[] {
  const signs = signsOf(words)
  const wordOf = wordsOfSounds(signs, phonemes)
  const times = words.map(() => ({ startMs: -1, endMs: -1 }))
  phonemes.forEach(({ text, startMs, endMs }, index) => {
    const time = times[wordOf[index] ?? -1]
    if (time === undefined || text === pause) return
    if (time.startMs < 0) time.startMs = startMs
    time.endMs = endMs
  })
  let endMs = 0
  return words.map(({ text }, index) => {
    const time = times[index]
    const startMs = time === undefined || time.startMs < 0 ? endMs : time.startMs
    endMs = Math.max(startMs, time?.endMs ?? 0)
    return { text, startMs, endMs }
  })
}

/** How Flite writes silence. */
export const pause = 'pau'
const blank = ' '

function signsOf(words: readonly EnglishWord[]): readonly Sign[] {
  return words.flatMap(({ read }, word) =>
    Array.from(`${read.toLowerCase()}${blank}`, (character, index) => ({
      character,
      kind: character === blank ? 'blank' : /[a-z]/.test(character) ? 'letter' : 'other',
      isFirst: index === 0,
      word,
    })),
  )
}

/** The word of each sound: the cheapest way to lay the signs over the sounds (an edit distance). */
function wordsOfSounds(signs: readonly Sign[], phonemes: readonly Mark[]): readonly number[] {
  const sounds = phonemes.map(({ text }) => ({ isPause: text === pause, letters: lettersOf.get(text) ?? '' }))
  const width = sounds.length + 1
  /** The least cost from a sign on and a sound on. */
  const least = new Float32Array((signs.length + 1) * width)
  const at = (row: number, column: number): number => least[row * width + column] ?? 0
  const together = (row: number, column: number): number =>
    at(row + 1, column + 1) + costOfBoth(signs[row], sounds[column])
  const signAlone = (row: number, column: number): number => at(row + 1, column) + costOfSign(signs[row])
  const soundAlone = (row: number, column: number): number =>
    at(row, column + 1) + costOfSound(signs[row - 1], sounds[column])
  for (let row = signs.length; row >= 0; row--) {
    for (let column = sounds.length; column >= 0; column--) {
      const isEnd = row === signs.length && column === sounds.length
      const cheapest = Math.min(together(row, column), signAlone(row, column), soundAlone(row, column))
      least[row * width + column] = isEnd ? 0 : cheapest
    }
  }
  const words: number[] = []
  for (let row = 0, column = 0; column < sounds.length;) {
    const both = together(row, column)
    const sound = soundAlone(row, column)
    const sign = signAlone(row, column)
    if (sign < both && sign <= sound) {
      row++
      continue
    }
    const isBoth = both <= sound
    words.push(signs[isBoth ? row : Math.max(0, row - 1)]?.word ?? 0)
    if (isBoth) row++
    column++
  }
  return words
}

function costOfBoth(sign: Sign | undefined, sound: Sound | undefined): number {
  if (sign === undefined || sound === undefined) return Infinity
  if (sign.kind === 'blank') return sound.isPause ? 0 : Infinity
  if (sound.isPause) return Infinity
  if (sign.kind === 'other') return cost.unwrittenInNumber
  return sound.letters.includes(sign.character) ? 0 : cost.wrong
}

function costOfSign(sign: Sign | undefined): number {
  if (sign === undefined) return Infinity
  if (sign.isFirst) return cost.silentAtBeginning
  return sign.kind === 'letter' ? cost.silent : 0
}

/** The cost of a sound that no sign stands for, after this one. */
function costOfSound(before: Sign | undefined, sound: Sound | undefined): number {
  if (sound === undefined) return Infinity
  const isBetweenWords = before === undefined || before.kind === 'blank'
  if (sound.isPause) return isBetweenWords ? 0 : cost.pauseWithinWord
  // What follows the blank belongs to the next word, and must begin with a sign of it.
  if (isBetweenWords) return cost.wrong
  return before.kind === 'letter' ? cost.unwritten : cost.unwrittenInNumber
}
