import { pattern, type Cursor } from './cursor.ts'
import type { Piece } from './pieces.ts'
import type { Lexicon } from './vocabulary.ts'

/** A drink that a guest named. */
export interface Drink {
  readonly item: string
  /** Undefined: more than one, but not how many. */
  readonly quantity: number | undefined
  readonly modifiers: readonly string[]
  /** A number was said; `the`, `a` and the bare name are none. */
  readonly isCounted: boolean
  readonly isPlural: boolean
  /** `a beer`, `another beer`. */
  readonly isArticled: boolean
  /** `the beer`: one that is there already. */
  readonly isDefinite: boolean
  /** `my beer`. */
  readonly isOwn: boolean
  /** The name had a typing error. */
  readonly isMended: boolean
}

export interface DrinkList {
  readonly drinks: readonly Drink[]
  /** What is not on the menu, as the guest called it. */
  readonly strangers: readonly string[]
  /** `a beer or a water`. */
  readonly isChoice: boolean
  /** A quantity that makes no sense, like `half a` or `-2`. */
  readonly oddQuantity: boolean
}

const adjectives = new Set(
  `nice cold icecold chilled big large small tall fresh lovely delicious proper good great regular plain simple little fine
  finest best house your favourite favorite classic strong stiff quick single normal standard usual whole tasty fancy
  refreshing perfect cheeky wee quality decent full ordinary basic beautiful amazing top local very really nicely ice iced
  well-made damn bloody damned freaking frosty warm same lovely crisp smooth`.split(/\s+/),
)
const openers = new Set(
  'a an the some another more extra additional of x other those these our all both every that this my double doubles triple'.split(
    ' ',
  ),
)
const vagueCounts = new Set(
  'few several bunch many lots lot loads load tons ton plenty multiple numerous various'.split(' '),
)
const containers = pattern(
  '(?:glass(?:es)?|pints?|shots?|bottles?|cups?|mugs?|cans?|tumblers?|jugs?|orders?|servings?|drafts?|measures?|nips?|tots?) of',
)
const roundOf = pattern('rounds? of')
const listSeparator = pattern(
  ', and also|, and then|, and|, plus|, or|,|and also|and then|and maybe|and|plus|as well as|along with|together with|followed by|then|or maybe|or|with(?= (?:a|an|NUM|some))',
)
const mixerNames = new Set(['tonic', 'tonic water'])

/** The drinks named from here on, the longest list that can be read; undefined, unmoved, when there is none. */
export function readDrinks(
  cursor: Cursor,
  lexicon: Lexicon,
  separator: RegExp = listSeparator,
): DrinkList | undefined {
  const drinks: Drink[] = []
  const strangers: string[] = []
  let isChoice = false
  let oddQuantity = false
  let end = cursor.at
  for (;;) {
    const one = readOne(cursor, lexicon)
    if (one === undefined) {
      const styled = drinks.length > 0 && readStyle(cursor, drinks)
      if (!styled) break
    } else {
      drinks.push(...one.drinks)
      strangers.push(...one.strangers)
      oddQuantity ||= one.oddQuantity
    }
    end = cursor.at
    const taken = cursor.take(separator)
    if (taken?.some(({ text }) => text === 'or')) isChoice = true
    if (taken === undefined && (separator !== listSeparator || !startsDrink(cursor))) break
  }
  cursor.at = end
  if (drinks.length + strangers.length === 0) return undefined
  // A choice that was cut off (`a beer or so`) is none.
  return { drinks, strangers, isChoice: isChoice && drinks.length + strangers.length > 1, oddQuantity }
}

function startsDrink(cursor: Cursor): boolean {
  return cursor.peek(pattern('NUM|a|an|ITEM|MOD ITEM')) !== undefined
}

interface Count {
  quantity: number | undefined
  isVague: boolean
  isCounted: boolean
  isDefinite: boolean
  isOne: boolean
  /** A bottle of a spirit is not sold as one drink. */
  isBottle: boolean
  isOwn: boolean
  /** Singles in one: a double is two. */
  measures: number
}

interface One {
  readonly drinks: readonly Drink[]
  readonly strangers: readonly string[]
  readonly oddQuantity: boolean
}

/** One drink with its number before it and its modifiers around it. */
function readOne(cursor: Cursor, lexicon: Lexicon): One | undefined {
  const start = cursor.at
  const count: Count = {
    quantity: undefined,
    isVague: false,
    isCounted: false,
    isDefinite: false,
    isOne: false,
    isBottle: false,
    isOwn: false,
    measures: 1,
  }
  const modifiers: string[] = []
  while (takeOpener(cursor, count, modifiers)) continue
  const { piece } = cursor
  if (piece?.kind === 'stranger') return readStranger(cursor, piece.name)
  if (piece?.kind !== 'item') {
    cursor.at = start
    return undefined
  }
  cursor.at++
  let head: ItemPiece = piece
  modifiers.push(...head.modifiers)
  const mixed = readMixed(cursor, head, lexicon)
  if (mixed !== undefined) {
    if ('stranger' in mixed) return { drinks: [], strangers: [mixed.stranger], oddQuantity: false }
    head = mixed.head
    modifiers.push(...mixed.modifiers)
  }
  if (cursor.take(pattern('shots?|cocktails?|drinks?'))?.[0]?.text.endsWith('s') === true)
    head = { ...head, plural: true }
  readModifiers(cursor, modifiers)
  readCountBehind(cursor, count)
  const drink = drinkOf(head, count, [...new Set(modifiers)])
  const isUnusual =
    count.measures > 1 || (count.isBottle && lexicon.items.get(head.item)?.category === 'Spirits')
  return { drinks: [drink], strangers: [], oddQuantity: isOdd(count.quantity) || isUnusual }
}

type ItemPiece = Extract<Piece, { kind: 'item' }>

function drinkOf(head: ItemPiece, count: Count, modifiers: readonly string[]): Drink {
  const isMany = count.isVague || (head.plural && !count.isOne)
  return {
    item: head.item,
    quantity: times(count.quantity ?? (isMany ? undefined : 1), count.measures),
    modifiers,
    isCounted: count.isCounted,
    isPlural: head.plural,
    isArticled: count.isOne,
    isDefinite: count.isDefinite,
    isOwn: count.isOwn,
    isMended: head.mended,
  }
}

function times(quantity: number | undefined, measures: number): number | undefined {
  return quantity === undefined ? undefined : quantity * measures
}

function isOdd(quantity: number | undefined): boolean {
  return quantity !== undefined && (!Number.isInteger(quantity) || quantity < 1)
}

function takeOpener(cursor: Cursor, count: Count, modifiers: string[]): boolean {
  const { piece } = cursor
  if (piece === undefined) return false
  if (piece.kind === 'number') {
    if (count.quantity !== undefined) return false
    count.quantity = piece.value
    count.isCounted = true
  } else if (piece.kind === 'modifier') {
    // `dry martini`, but not a `with olives` that belongs to nothing yet.
    if (piece.text.startsWith('with') || piece.text.startsWith('on ')) return false
    modifiers.push(piece.modifier)
  } else if (piece.kind === 'word') {
    return takeOpeningWord(cursor, count)
  } else {
    return false
  }
  cursor.at++
  return true
}

function takeOpeningWord(cursor: Cursor, count: Count): boolean {
  const container = cursor.take(containers)
  if (container !== undefined) {
    if (container[0]?.text.startsWith('bottle')) count.isBottle = true
    return true
  }
  if (cursor.take(roundOf) !== undefined) {
    count.isVague = true
    return true
  }
  const word = cursor.piece?.text ?? ''
  if (vagueCounts.has(word)) count.isVague = true
  else if (openers.has(word)) {
    if (/^(?:the|those|these|that|this)$/.test(word)) count.isDefinite = true
    if (word === 'my' || word === 'our') count.isOwn = true
    if (word.startsWith('double')) count.measures = 2
    if (word === 'triple') count.measures = 3
    if (word === 'a' || word === 'an' || word === 'another') count.isOne = true
  } else if (/^(?:last|final)$/.test(word)) {
    // `one last beer`; `the last beer` is another thing.
    if (!count.isOne && !count.isCounted) return false
  } else if (!adjectives.has(word)) return false
  cursor.at++
  return true
}

/** What is not on the menu, together with what is mixed into it. */
function readStranger(cursor: Cursor, name: string): One {
  cursor.at++
  const modifiers: string[] = []
  readModifiers(cursor, modifiers)
  return { drinks: [], strangers: [name], oddQuantity: false }
}

type Mixed =
  | { readonly head: ItemPiece; readonly modifiers: readonly string[] }
  | { readonly stranger: string }

/** `gin martini`, `vodka and soda`, `rum and coke`: two names that are one drink. */
function readMixed(cursor: Cursor, head: ItemPiece, lexicon: Lexicon): Mixed | undefined {
  const isSpirit = lexicon.items.get(head.item)?.category === 'Spirits'
  const direct = cursor.piece
  const base = `With ${head.item}`
  if (direct?.kind === 'item' && !head.plural && lexicon.modifiers.has(base)) {
    if (lexicon.items.get(direct.item)?.category === 'Cocktails') {
      cursor.at++
      return { head: direct, modifiers: [base, ...direct.modifiers] }
    }
  }
  if (!isSpirit || head.plural) return undefined
  const joint = cursor.peek(pattern('(?:and|with)(?= (?:ITEM|ALIEN))'))?.length ?? 0
  const mixer = cursor.pieceAt(cursor.at + joint)
  const mixerModifier = mixer && `With ${mixerOf(mixer)}`
  if (mixer !== undefined && mixerModifier !== undefined && lexicon.modifiers.has(mixerModifier)) {
    if (joint > 0 && mixer.kind === 'item' && mixer.plural) return undefined
    cursor.at += joint + 1
    const plural = mixer.kind === 'item' && mixer.plural
    return { head: { ...head, plural }, modifiers: [mixerModifier] }
  }
  if (mixer?.kind === 'stranger' && joint === 0) {
    cursor.at++
    return { stranger: `${head.text} ${mixer.text}` }
  }
  return undefined
}

function mixerOf(piece: Piece): string {
  if (piece.kind === 'stranger' && mixerNames.has(piece.name)) return 'Tonic'
  return piece.kind === 'item' && piece.item === 'Soda' ? 'Soda' : ''
}

const beforeModifier =
  '(?:(?:with|very|extra|slightly|bone|super|really|nice and|made|served|serve it|straight|but|and|,|, and|please|preferably|ideally|mixed|poured) )'
const negatedModifier = pattern(
  `(?:, |but |and )?(?:not|no|hold the|skip the|without|without any|minus the|leave out the) (?:MOD|with MOD|too MOD|very MOD)`,
)
const noIce = pattern('(?:, |but |and )?(?:no ice|not too much ice|easy on the ice|light ice)')
const plainModifier = pattern(`${beforeModifier}{0,4}MOD(?! ITEM| MOD ITEM)`)
const straightUp = pattern('(?:, |served )?up(?= (?:please|and|with|,|\\.|!|\\?)|$)')
const straight = pattern('(?:, |served )?straight(?= (?:please|and|,|\\.|!|\\?)|$)')
const twoOlives = pattern('with NUM (?=MOD)')

/** Ways to have the drink that was just named: `dirty, with olives but no ice`. */
function readModifiers(cursor: Cursor, modifiers: string[]): void {
  for (;;) {
    if (cursor.take(negatedModifier) !== undefined) continue
    if (cursor.take(noIce) !== undefined) continue
    if (cursor.take(straightUp) !== undefined) modifiers.push('Straight Up')
    else if (cursor.take(straight) !== undefined) modifiers.push('Neat')
    else {
      cursor.take(twoOlives)
      const taken = cursor.take(plainModifier)?.at(-1)
      if (taken?.kind !== 'modifier') return
      modifiers.push(taken.modifier)
    }
  }
}

/** `ipa x 2`. */
function readCountBehind(cursor: Cursor, count: Count): void {
  const taken = cursor.take(pattern('x NUM'))?.at(-1)
  if (taken?.kind !== 'number' || count.quantity !== undefined) return
  count.quantity = taken.value
  count.isCounted = true
}

/** After a list: `one dirty and one dry`, `both on the rocks`, `a twist`. Changes the drinks named before. */
function readStyle(cursor: Cursor, drinks: Drink[]): boolean {
  const last = drinks.at(-1)
  if (last === undefined) return false
  const start = cursor.at
  const taken = cursor.take(
    pattern(
      `(?:both |all |each |(?:the )?other (?:one )?|a |an |some |the |NUM )?(?:of (?:them|those) )?(?:with )?MOD(?: (?:please|too))?(?= (?:,|and|then|plus|\\.|!|\\?)|$)`,
    ),
  )
  const modifier = taken?.find((piece) => piece.kind === 'modifier')
  if (taken === undefined || modifier?.kind !== 'modifier') {
    cursor.at = start
    return false
  }
  const opener = taken[0]
  const isPart = opener?.kind === 'number' || opener?.text === 'the' || opener?.text === 'other'
  if (!isPart) {
    drinks[drinks.length - 1] = { ...last, modifiers: [...new Set([...last.modifiers, modifier.modifier])] }
    return true
  }
  return splitOff(drinks, opener.kind === 'number' ? opener.value : 1, modifier.modifier)
}

/** Makes `count` of the drinks named last another way; the rest stays as it is. */
function splitOff(drinks: Drink[], count: number, modifier: string): boolean {
  const at = drinks.findLastIndex((drink) => (drink.quantity ?? 0) >= count && drink.modifiers.length === 0)
  const whole = drinks[at]
  if (whole?.quantity === undefined) return false
  const styled = { ...whole, quantity: count, modifiers: [modifier] }
  const left = whole.quantity - count
  drinks.splice(at, 1, ...(left > 0 ? [{ ...whole, quantity: left }] : []))
  drinks.push(styled)
  return true
}
