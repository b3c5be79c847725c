import { readInsteadOf, takeTails } from './change-acts.ts'
import { pattern, type Cursor } from './cursor.ts'
import { readDrinks, type DrinkList } from './drinks.ts'
import { looseTail, offerFrames, orderFrames, shortFrames } from './frames.ts'
import type { Lexicon } from './vocabulary.ts'

/** Drinks that were wished for, and how sure that is. */
export interface Wish {
  readonly list: DrinkList
  /** What they come in the place of. */
  readonly instead: DrinkList | undefined
  /** False: something about it is odd, so Maya asks. */
  readonly isPlain: boolean
  readonly saysPlease: boolean
  readonly saysInstead: boolean
  /** `I only want one beer`, `one beer only`. */
  readonly saysOnly: boolean
  /** `one more beer`. */
  readonly saysMore: boolean
}

/** `can I get two martinis`: a wish with words that say so. */
export function readWish(cursor: Cursor, lexicon: Lexicon): Wish | undefined {
  return readFramed(cursor, lexicon, orderFrames)
}

/** `want a beer`: a wish without its subject. As a question it would be an offer to Maya. */
export function readShortWish(cursor: Cursor, lexicon: Lexicon): Wish | undefined {
  return readFramed(cursor, lexicon, shortFrames)
}

/** `how about a martini`: perhaps a wish. */
export function readHalfWish(cursor: Cursor, lexicon: Lexicon): Wish | undefined {
  return readFramed(cursor, lexicon, offerFrames)
}

function readFramed(cursor: Cursor, lexicon: Lexicon, frames: readonly RegExp[]): Wish | undefined {
  const start = cursor.at
  for (const frame of frames) {
    cursor.at = start
    if (cursor.take(frame) === undefined) continue
    while (cursor.take(hesitation) !== undefined) continue
    const saysOnly = cursor.slice(start, cursor.at).some(({ text }) => text === 'only')
    const wish = readListAndEnd(cursor, lexicon)
    if (wish !== undefined) return saysOnly ? { ...wish, saysOnly } : wish
  }
  cursor.at = start
  return undefined
}

function readListAndEnd(cursor: Cursor, lexicon: Lexicon): Wish | undefined {
  const start = cursor.at
  const list = readDrinks(cursor, lexicon)
  if (list === undefined) return undefined
  const behind = cursor.at
  takeTails(cursor)
  const end = cursor.at
  const instead = replacedBy(list, readInsteadOf(cursor, lexicon), lexicon)
  const tail = cursor.slice(behind, cursor.at)
  const isEach = cursor.take(pattern('(?:each|apiece|per person)')) !== undefined
  const isDouble =
    cursor.take(pattern('(?:, )?(?:but )?(?:make (?:it|that|them) )?(?:a )?(?:doubles?|triples?)')) !==
    undefined
  const isBargain = cursor.peek(bargain) !== undefined
  const isOwn = list.drinks.some((drink) => drink.isOwn)
  const isPlain =
    !isEach &&
    !isDouble &&
    !isBargain &&
    !isOwn &&
    (cursor.isAtSeparator || cursor.peek(looseTail) !== undefined)
  const says = (word: string): boolean => tail.some(({ text }) => text === word)
  // In `instead of gin` it is no word of its own.
  const saysInstead = cursor.slice(behind, end).some(({ text }) => text === 'instead')
  return {
    list,
    instead,
    isPlain,
    saysPlease: says('please'),
    saysInstead,
    saysOnly: says('only'),
    saysMore: cursor.slice(start, behind).some(({ text }) => moreWords.test(text)),
  }
}

const moreWords = /^(?:more|another|extra|additional|other|last|final)$/

/** In `a negroni with vodka instead of gin` no gin was ordered: it is what would be in the drink. */
function replacedBy(
  list: DrinkList,
  instead: DrinkList | undefined,
  lexicon: Lexicon,
): DrinkList | undefined {
  const last = list.drinks.at(-1)
  const isMixed = last?.modifiers.some((modifier) => modifier.startsWith('With ')) === true
  const isInside = instead?.drinks.every(({ item }) => lexicon.modifiers.has(`With ${item}`)) === true
  return isMixed && isInside ? undefined : instead
}

/** What makes an order something else: `for free`, `for five dollars`. */
const bargain = pattern(
  'for (?:free|nothing|half|less|CASH|NUM)|on the house|free of charge|at (?:half|a discount|a lower)|without paying|half price',
)

const hesitation = pattern(
  '(?:please|,|just|maybe|also|then|like|perhaps|you know|u+m+|u+h+|e+r+m*|h+m+|well|let us see|let me see|let us say|say)',
)

/** `two martinis please`: nothing but names, from here to the next separator. */
export function readBareOrder(cursor: Cursor, lexicon: Lexicon): Wish | undefined {
  const start = cursor.at
  const wish = readListAndEnd(cursor, lexicon)
  if (wish !== undefined && cursor.isAtSeparator) return wish
  cursor.at = start
  return undefined
}

/** The words of a wish without a drink: `can I get a table`. */
export function takeWishWords(cursor: Cursor): boolean {
  const start = cursor.at
  for (const frame of orderFrames) {
    if (cursor.take(frame) !== undefined) return true
    cursor.at = start
  }
  return false
}
