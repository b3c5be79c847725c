import { cueWords } from './cue-words.ts'
import { forgivenDistance, nameAt } from './names.ts'
import { readNumber } from './numbers.ts'
import type { Lexicon, Meaning } from './vocabulary.ts'

/** One unit of a guest's sentence. */
export type Piece = (
  | { readonly kind: 'word' }
  | { readonly kind: 'mark' }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'percent'; readonly value: number }
  | { readonly kind: 'money'; readonly cents: number }
  | Meaning
) & {
  /** As it was written, in lower case. */
  readonly text: string
  /** A name that was recognised in spite of a typing error. */
  readonly mended: boolean
}

/** What stands for a piece in the patterns of the grammar: words stand for themselves. */
const codes: Readonly<Record<Exclude<Piece['kind'], 'word' | 'mark'>, string>> = {
  number: 'NUM',
  percent: 'PCT',
  money: 'CASH',
  item: 'ITEM',
  modifier: 'MOD',
  stranger: 'ALIEN',
}

export function codeOf(piece: Piece): string {
  return piece.kind === 'word' || piece.kind === 'mark' ? piece.text : codes[piece.kind]
}

/** Names, numbers, percentages and sums are one piece each; every other word is its own. */
export function piecesOf(words: readonly string[], lexicon: Lexicon): readonly Piece[] {
  const mended = words.map((word) => mendedCue(word, lexicon))
  const pieces: Piece[] = []
  for (let at = 0; at < mended.length;) {
    const [piece, length] = pieceAt(mended, at, lexicon)
    pieces.push(piece)
    at += length
  }
  return pieces
}

type Read = readonly [piece: Piece, length: number]

function pieceAt(words: readonly string[], at: number, lexicon: Lexicon): Read {
  const word = words[at] ?? ''
  const amount = amountAt(words, at)
  const name = nameAt(lexicon, words, at)
  if (name !== undefined && name.length >= (amount?.[1] ?? 0) && !isContainer(words, at)) {
    const { length, exact, meaning } = name
    return [{ ...meaning, text: words.slice(at, at + length).join(' '), mended: !exact }, length]
  }
  if (amount !== undefined) return amount
  const kind = /^[,.!?%/]$/.test(word) ? 'mark' : 'word'
  return [{ kind, text: word, mended: false }, 1]
}

/** In `a pint of IPA` the pint is no drink of its own. */
function isContainer(words: readonly string[], at: number): boolean {
  return (
    /^(?:pints?|draft|draught)$/.test(words[at] ?? '') && words[at + 1] === 'of' && words[at + 2] !== 'beer'
  )
}

/** In `that one` nothing is counted. */
const pronounBefore =
  /^(?:that|this|the|another|last|first|second|which|no|every|any|each|other|same|cheaper|stronger|sweeter|good|best)$/
const currency = /^(?:dollars?|bucks?|usd|quid|euros?|pounds?)$/
const perCent = /^(?:%|percent|pct|percents|percentage)$/

function amountAt(words: readonly string[], at: number): Read | undefined {
  const word = words[at] ?? ''
  if (/^-?\d+(?:[.,]\d+)*%$/.test(word)) {
    return [
      { kind: 'percent', value: Number(word.slice(0, -1).replace(',', '.')), text: word, mended: false },
      1,
    ]
  }
  if (/^-?\$\d/.test(word)) return [money(Number(word.replaceAll(/[$,]/g, '')) * 100, word), 1]
  if ((word === 'a' || word === 'an') && currency.test(words[at + 1] ?? ''))
    return [money(100, 'a dollar'), 2]
  if (word === 'one' && pronounBefore.test(words[at - 1] ?? '')) return undefined
  const number = readNumber(words, at)
  if (number === undefined) return undefined
  const { value, length } = number
  const text = words.slice(at, at + length).join(' ')
  const next = words[at + length] ?? ''
  if (perCent.test(next)) return [{ kind: 'percent', value, text, mended: false }, length + 1]
  if (next === 'per' && words[at + length + 1] === 'cent') {
    return [{ kind: 'percent', value, text, mended: false }, length + 2]
  }
  if (currency.test(next)) return [money(value * 100, text), length + 1]
  if (/^cents?$/.test(next)) return [money(value, text), length + 1]
  return [{ kind: 'number', value, text, mended: false }, length]
}

function money(cents: number, text: string): Piece {
  return { kind: 'money', cents: Math.round(cents), text, mended: false }
}

/** A cue word with a typing error as the cue word; anything else as it is. */
function mendedCue(word: string, lexicon: Lexicon): string {
  if (word.length < 3 || lexicon.words.has(word) || !/^\p{L}+$/u.test(word)) return word
  let best = word
  let bestDistance = word.length >= 8 ? 3 : 2
  for (const cue of cueWords) {
    if (cue.length < 3) continue
    const distance = forgivenDistance(word, cue, lexicon.words)
    if (distance === 0) return word
    if (distance !== undefined && distance < bestDistance) {
      best = cue
      bestDistance = distance
    }
  }
  return best
}
