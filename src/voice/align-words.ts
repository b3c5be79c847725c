import type { Mark } from './text-to-speech.ts'

/** Where in a text the word stands that is spoken: its first character, and the one behind its last. */
export interface WordPlace extends Mark {
  readonly from: number
  readonly to: number
}

/** A run of characters between blanks; letters of scripts that write no blanks stand alone. */
const token =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|[^\s\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]+/gu
/** A token without the quotes, brackets and marks around it; what has no letter and no digit is no word. */
const wordInToken = /[\p{L}\p{N}$€£¥#](?:.*[\p{L}\p{N}%])?/su
const linkAddress = /\]\([^()\s]*\)/g
/** Pairs of words that are compared. Beyond it they are only counted. */
const comparisonsMax = 100_000

interface Token {
  readonly key: string
  readonly from: number
  readonly to: number
}

/**
 * Finds the spoken words in the text that they came from. Words that are written otherwise, such as "thirteen dollars"
 * for "$13", stand where no other word does between their neighbours. The places are in the order of the words.
 */
export function alignWords(content: string, words: readonly Mark[]): readonly WordPlace[] {
  const tokens = tokensOf(content)
  const found = matches(
    words.map(({ text }) => keyOf(text)),
    tokens,
  )
  const places: WordPlace[] = []
  for (let at = 0; at < words.length;) {
    const match = found[at]
    let end = at + 1
    if (match === undefined) while (end < words.length && found[end] === undefined) end++
    const candidates = match === undefined ? between(tokens, found[at - 1], found[end]) : [tokens[match]]
    places.push(...spread(words.slice(at, end), candidates))
    at = end
  }
  return places
}

/** The tokens that no word was found for, else the one before them, else the one after. */
function between(
  tokens: readonly Token[],
  before: number | undefined,
  after: number | undefined,
): readonly Token[] {
  const free = tokens.slice((before ?? -1) + 1, after)
  return free.length > 0 ? free : tokens.slice(before ?? after ?? 0).slice(0, 1)
}

/** Shares the tokens out evenly. */
function spread(words: readonly Mark[], tokens: readonly (Token | undefined)[]): readonly WordPlace[] {
  const share = tokens.length / words.length
  return words.map((word, index) => {
    const first = Math.floor(index * share)
    const last = Math.max(first, Math.ceil((index + 1) * share) - 1)
    return { ...word, from: tokens[first]?.from ?? 0, to: tokens[last]?.to ?? 0 }
  })
}

/** The words of a text without the marks around them, and without the addresses of links. */
function tokensOf(content: string): readonly Token[] {
  return [...content.replaceAll(linkAddress, blanked).matchAll(token)].flatMap(({ 0: text, index }) => {
    const word = wordInToken.exec(text)
    if (word === null) return []
    const from = index + word.index
    return [{ key: keyOf(text), from, to: from + word[0].length }]
  })
}

function blanked(text: string): string {
  return ' '.repeat(text.length)
}

/** The letters and digits of a word, as they are compared. */
function keyOf(text: string): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, '')
}

/** The token of each word: the most words in the order of the text (the longest common subsequence). */
function matches(keys: readonly string[], tokens: readonly Token[]): readonly (number | undefined)[] {
  if (keys.length * tokens.length > comparisonsMax) return keys.map(() => undefined)
  const width = tokens.length + 1
  /** How well the words from a row on fit the tokens from a column on. */
  const best = new Uint32Array((keys.length + 1) * width)
  const at = (row: number, column: number): number => best[row * width + column] ?? 0
  const likeness = (row: number, column: number): number =>
    likenessOf(keys[row] ?? '', tokens[column]?.key ?? '')
  for (let row = keys.length - 1; row >= 0; row--) {
    for (let column = tokens.length - 1; column >= 0; column--) {
      const fit = likeness(row, column)
      const together = fit > 0 ? at(row + 1, column + 1) + fit : 0
      best[row * width + column] = Math.max(together, at(row + 1, column), at(row, column + 1))
    }
  }
  const found: (number | undefined)[] = []
  for (let row = 0, column = 0; row < keys.length; row++) {
    while (column < tokens.length && at(row, column) === at(row, column + 1)) column++
    const isTaken = column < tokens.length && at(row, column) > at(row + 1, column)
    found.push(isTaken ? column++ : undefined)
  }
  return found
}

/** 3 for the same word, 1 where one begins with the other, such as 13 and 13.50. */
function likenessOf(word: string, key: string): number {
  if (word === '' || key === '') return 0
  if (word === key) return 3
  return word.startsWith(key) || key.startsWith(word) ? 1 : 0
}
