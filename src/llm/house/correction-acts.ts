import type { Act } from './acts.ts'
import { pattern, type Cursor } from './cursor.ts'
import { readDrinks } from './drinks.ts'
import type { Lexicon } from './vocabulary.ts'

/** How a guest takes back what the same message said before. */
export type Retraction =
  /** `no wait`: what comes now stands in its place. */
  | 'correct'
  /** `scratch that`. */
  | 'drop-last'
  /** `just kidding`. */
  | 'drop-all'

const correct = pattern(
  '(?:(?:oh|ah|um|uh|hmm|no|sorry|wait|actually|or|,|hold on|hang on|i mean|i meant|rather|correction|my mistake|oops|well) ?)*(?:wait|no|i mean|i meant|rather|correction|actually|sorry|oops|hold on)(?: (?:that is|no|,|i mean|i meant|make that|make it|change that to|sorry|actually|i want|i would like|i will have|give me|let us make it))*',
)
const dropLast = pattern(
  '(?:(?:no|wait|actually|oh|sorry|um|hmm|,|please|ok) )*(?:scratch|strike|cancel|forget|undo|ignore|skip|drop|hold|remove|never mind|nevermind|nvm)(?: (?:that|it|this|about it|about that|what i said|that last one|the last one|that one))*|(?:no )?do not|not',
)
const dropAll = pattern(
  '(?:i am |i was )?(?:just |only )?(?:kidding|joking|jk|messing with you|teasing|testing you)',
)

export function readRetraction(cursor: Cursor, hasOrder: boolean): Retraction | undefined {
  const start = cursor.at
  if (cursor.take(dropAll) !== undefined && cursor.isAtSeparator) return 'drop-all'
  cursor.at = start
  if (!hasOrder) return undefined
  if (cursor.take(dropLast) !== undefined && cursor.isAtSeparator) return 'drop-last'
  cursor.at = start
  if (
    cursor.take(correct) !== undefined &&
    (cursor.peek(next) !== undefined || cursor.peek(pattern(',')) !== undefined)
  ) {
    return 'correct'
  }
  cursor.at = start
  return undefined
}

const next = pattern('(?:NUM|a|an|the|ITEM|MOD|just|only|make|ALIEN)')

const claim = pattern(
  '(?:i|we) (?:only |just )?(?:said|asked for|ordered|wanted|meant|want|want only)(?: (?:only|just))?',
)

/** `I said two martinis, not three`. */
export function readClaim(cursor: Cursor, lexicon: Lexicon): Act | undefined {
  const start = cursor.at
  const list = cursor.take(claim) && readDrinks(cursor, lexicon)
  const [drink] = list?.drinks ?? []
  const present = cursor
    .take(pattern('(?:, )?(?:and )?not NUM(?: ITEM)?'))
    ?.find(({ kind }) => kind === 'number')
  const isWhole = list?.drinks.length === 1 && list.strangers.length === 0 && cursor.isAtSeparator
  if (isWhole && drink?.quantity !== undefined && present?.kind === 'number') {
    return { type: 'total', quantity: drink.quantity, claim: { item: drink.item, present: present.value } }
  }
  cursor.at = start
  return undefined
}
