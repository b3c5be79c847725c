import { cueWords } from './cue-words.ts'
import { editDistance } from './edit-distance.ts'
import { numberWords } from './numbers.ts'
import { ordinaryWords } from './ordinary-words.ts'
import type { Lexicon, Meaning, Phrase } from './vocabulary.ts'

/** What a run of words stands for, and how many words it took. */
export interface Named {
  readonly meaning: Meaning
  readonly length: number
  /** Written without a typing error. */
  readonly exact: boolean
}

const certainWords = new Set([...cueWords, ...numberWords])

/** The longest phrase of the lexicon that begins at `at`; failing that, a name with typing errors. */
export function nameAt(lexicon: Lexicon, words: readonly string[], at: number): Named | undefined {
  return exactName(lexicon, words, at) ?? forgivenName(lexicon, words, at)
}

function exactName(lexicon: Lexicon, words: readonly string[], at: number): Named | undefined {
  const phrases = lexicon.byFirstWord.get(words[at] ?? '') ?? []
  const found = phrases.find((phrase) => phrase.words.every((word, offset) => words[at + offset] === word))
  return found && { meaning: found.meaning, length: found.words.length, exact: true }
}

function forgivenName(lexicon: Lexicon, words: readonly string[], at: number): Named | undefined {
  let best: Phrase | undefined
  let bestDistance = Number.POSITIVE_INFINITY
  let isTie = false
  for (const phrase of lexicon.forgiving) {
    const distance = phraseDistance(lexicon, phrase, words.slice(at, at + phrase.words.length))
    if (distance === undefined || distance > bestDistance) continue
    const isSame = best !== undefined && isSameMeaning(best.meaning, phrase.meaning)
    // The singular comes first and wins over its plural.
    if (distance === bestDistance && isSame) continue
    isTie = distance === bestDistance && best !== undefined
    best = phrase
    bestDistance = distance
  }
  if (best === undefined || isTie) return undefined
  return { meaning: best.meaning, length: best.words.length, exact: false }
}

/** How far the words are from the phrase, or undefined when they cannot be meant for it. */
function phraseDistance(lexicon: Lexicon, phrase: Phrase, words: readonly string[]): number | undefined {
  if (words.length < phrase.words.length) return undefined
  let sum = 0
  const hasLongWord =
    phrase.words.length > 1 &&
    phrase.words.some((word, at) => word.length >= 5 && isNear(words[at] ?? '', word))
  for (const [at, word] of phrase.words.entries()) {
    const typed = words[at] ?? ''
    // Beside a long word that fits, a short one may be wrong in any letter: `olf fashioned`.
    const isShortSlip =
      hasLongWord && word.length <= 4 && !isKnown(typed, lexicon.words) && isNear(typed, word)
    const distance = isShortSlip ? editDistance(typed, word, 1) : forgivenDistance(typed, word, lexicon.words)
    if (distance === undefined) return undefined
    sum += distance
  }
  return sum
}

/** One error leaves the beginning recognisable; more than one may not touch the first letter. */
function canBeMeant(typed: string, known: string): boolean {
  return typed[0] === known[0] || typed[1] === known[1] || typed[0] === known[1] || typed[1] === known[0]
}

function isNear(typed: string, word: string): boolean {
  return typed.length >= 2 && editDistance(typed, word, 1) <= 1
}

function isKnown(typed: string, otherWords: ReadonlySet<string>): boolean {
  return otherWords.has(typed) || certainWords.has(typed) || ordinaryWords.has(typed)
}

/** The edit distance from a mistyped word to a known one, or undefined when it is another word. */
export function forgivenDistance(
  typed: string,
  known: string,
  otherWords: ReadonlySet<string>,
): number | undefined {
  if (typed === known) return 0
  if (typed.length < 3 || !/^\p{L}+$/u.test(typed)) return undefined
  if (isKnown(typed, otherWords)) return undefined
  if (!canBeMeant(typed, known)) return undefined
  const max = errorsMax(known.length)
  const distance = editDistance(typed, known, max)
  if (distance > max) return undefined
  if (distance > 1 && typed[0] !== known[0]) return undefined
  const isShort = known.length <= 3 || (known.length === 4 && known.endsWith('s'))
  if (isShort && !isSlip(typed, known)) return undefined
  // Fingers slip less often on the first letter: `voda` is vodka rather than soda.
  return typed[0] === known[0] ? distance : distance + 0.5
}

/** Longer words survive more errors. */
function errorsMax(length: number): number {
  if (length <= 6) return 1
  return length <= 10 ? 2 : 3
}

/** Two neighbours swapped or one letter doubled: all that a three-letter word can bear. */
function isSlip(typed: string, known: string): boolean {
  if (typed.length === known.length) return isSwap(typed, known)
  return typed.length === known.length + 1 && typed.replaceAll(/(.)\1/g, '$1') === known
}

/** `rmu` for `rum`: the same letters in another order. */
function isSwap(typed: string, known: string): boolean {
  return typed.split('').toSorted().join('') === known.split('').toSorted().join('')
}

function isSameMeaning(one: Meaning, other: Meaning): boolean {
  return one.kind === 'item' && other.kind === 'item'
    ? one.item === other.item
    : one.kind === 'modifier' && other.kind === 'modifier' && one.modifier === other.modifier
}
