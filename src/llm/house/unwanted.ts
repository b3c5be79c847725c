import { pattern } from './cursor.ts'
import { codeOf, type Piece } from './pieces.ts'
import type { Lexicon } from './vocabulary.ts'

/** Who wants no gin wants no Negroni either. */
const madeWith: Readonly<Record<string, readonly string[]>> = {
  Whiskey: ['Old Fashioned', 'Manhattan'],
  Gin: ['Martini', 'Negroni', 'Long Island'],
  Rum: ['Daiquiri', 'Long Island'],
  Vodka: ['Cosmopolitan', 'Long Island'],
  Tequila: ['Long Island'],
}

/** `but a beer`, `not a gin or vodka`. */
export const exclusion =
  '(?:but|but not|except|except for|other than|besides|apart from|instead of|not|no)(?: (?:a|an|the|any))? (?:ITEM|ALIEN)(?: (?:or|nor)(?: (?:a|an|the|any))? (?:ITEM|ALIEN))*'
const exclusionHere = pattern(exclusion)

export interface Taste {
  /** Without the drinks that are not wanted. */
  readonly wanted: readonly Piece[]
  /** The items of the menu that are not wanted. */
  readonly unwanted: readonly string[]
}

/** What is wanted, and what is not: `something cold, but not a beer`. */
export function tasteIn(pieces: readonly Piece[], lexicon: Lexicon): Taste {
  const codes = pieces.map(codeOf)
  const wanted: Piece[] = []
  const unwanted: string[] = []
  for (let at = 0; at < pieces.length;) {
    const length = exclusionHere.exec(codes.slice(at).join(' '))?.[0].split(' ').length ?? 0
    if (length === 0) wanted.push(...pieces.slice(at, at + 1))
    else unwanted.push(...pieces.slice(at, at + length).flatMap((piece) => meantBy(piece, lexicon)))
    at += Math.max(length, 1)
  }
  return { wanted, unwanted }
}

function meantBy(piece: Piece, lexicon: Lexicon): readonly string[] {
  if (piece.kind !== 'item') return []
  // `beer` is one drink when it is ordered, and all of them when it is not wanted.
  const isKind = /^beers?$/.test(piece.text)
  const category = lexicon.items.get(piece.item)?.category
  const others = isKind
    ? [...lexicon.items].filter(([, item]) => item.category === category).map(([name]) => name)
    : (madeWith[piece.item] ?? [])
  return [piece.item, ...others]
}
