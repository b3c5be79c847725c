import type { Act } from './acts.ts'
import { takeTails } from './change-acts.ts'
import { pattern, type Cursor } from './cursor.ts'
import { readDrinks, type DrinkList } from './drinks.ts'
import { codeOf, type Piece } from './pieces.ts'
import type { Lexicon } from './vocabulary.ts'

const wish =
  '(?:(?:please|just|also|now|and) )*(?:(?:can|could|may|might|would) (?:you|i|we) (?:please |just |also |kindly |maybe |possibly )*(?:get|have|give|pour|bring|order|do|make|grab|take|add|serve|fetch)?(?: (?:me|us|him|her))? ?|(?:i|we) (?:would like|would love|want|need|could use|could go for|fancy)(?: (?:to (?:have|order|get)|just|also))* |(?:i|we) will (?:just |also )?(?:have|take|get|do|order|try|go with|go for|grab|need) |(?:i|we) (?:am|are) (?:going to have|having|up for|ready for|taking) |let (?:me|us) (?:have|get|do|take|go with|go for|order|try) |(?:he|she|they|my [a-z]+|the (?:lady|gentleman)) (?:will (?:have|take)|would like|wants) |(?:give|get|bring|pour|make|order|do|serve|add|fetch|hit)(?: (?:me|us|him|her|with|it|up))* )?(?:please )?'

const more =
  '(?:another(?: (?:one|NUM))?(?: (?:of (?:those|these|them|the same|that|the last one)|like (?:that|this|it)))?(?: (?:drink|please))?|NUM more(?: (?:of (?:those|these|them|the same|that|it)|like (?:that|those)|drinks?|times?))?|(?:a|an) (?:NUM )?more|NUM (?:of (?:those|these|them|the same)|the same)|NUM (?:more )?for (?:my|him|her|the) ?[a-z]* ?(?:too|also|as well)|more of (?:those|these|them|the same|that)|(?:a )?refill|once more|one more (?:time|round)|encore|NUM additional(?: NUM)?)'
const same =
  '(?:(?:the )?same again|another round(?: of (?:those|these|them|the same|drinks|everything))?|(?:the )?(?:exact )?same(?: (?:thing|drink|order|round|one|ones|please))?|same round|again|repeat (?:that|it|my (?:last )?order|the (?:last )?order|the last round|last order|the order|the round)|(?:one|NUM|a) more rounds?(?: of (?:the same|those|that|drinks))?|the same (?:as|like) (?:before|last time|me)|next round|a repeat|the next round|rounds? NUM)'

const againFrames = [pattern(`${wish}${more}`)] as const
const sameFrame = pattern(`${wish}${same}`)
const hitAgain = pattern(
  'hit me again|keep (?:it|them) coming|fill (?:me|it|her) up(?: again)?|top me up|refill (?:me|it|please)',
)

/** More of what was ordered last. */
export function readAgain(cursor: Cursor): Act | undefined {
  const start = cursor.at
  if (cursor.take(sameFrame) !== undefined || cursor.take(hitAgain) !== undefined) {
    takeTails(cursor)
    if (cursor.isAtSeparator) return { type: 'again', quantity: 'same' }
  }
  cursor.at = start
  for (const frame of againFrames) {
    const taken = cursor.take(frame)
    if (taken !== undefined) {
      takeTails(cursor)
      if (cursor.isAtSeparator)
        return { type: 'again', quantity: numberIn(taken) ?? 1, isOfThem: isOfThem(taken) }
    }
    cursor.at = start
  }
  return undefined
}

/** `two of them`, but not `two more of them`. */
function isOfThem(pieces: readonly Piece[]): boolean {
  return /\bNUM of (?:those|these|them)$/.test(pieces.map(codeOf).join(' '))
}

function numberIn(pieces: readonly Piece[]): number | undefined {
  const number = pieces.find(({ kind }) => kind === 'number')
  return number?.kind === 'number' ? number.value : undefined
}

const makeThat =
  '(?:(?:actually|no|wait|sorry|please|and|can you|could you|just|let us|you know what|in fact|hmm|oh) )*(?:make|change) (?:that|it|them|those|this)(?: (?:to|into))?(?: (?:a|an|rather|actually|please))*?'
const totalFrame = pattern(
  `${makeThat} NUM(?: (?:of (?:them|those)|total|in total|instead|all together|then|each))?(?! (?:ITEM|MOD|ALIEN|percent|tip))`,
)
const styleFrame = pattern(
  `(?:${makeThat}|(?:can|could) (?:i|you|we) (?:have|get|do|make|serve) (?:it|that|them|mine)|(?:i|we) (?:would like|want|will have|will take|need|prefer) (?:it|that|them|mine|both)|(?:serve|do|have|pour) (?:it|that|them|mine)|with that|(?:it|that) should be|(?:can you |could you |please )?(?:add|put|throw in|include)|(?:can|could|may) (?:i|we) (?:have|get)(?= (?:a |an |some |extra )*MOD (?:with|in|on) (?:it|that)))(?: (?:extra|very|with|a|an|some|the|nice and|and|,))* MOD(?:(?: (?:and|,|with|extra|but))* MOD)*(?: (?:to|in|on|with) (?:it|that|them|my drink|this|the ITEM|my ITEM))?`,
)
const partFrame = pattern(
  '(?:(?:can|could) you |please )?(?:make|do|serve|have) NUM (?:of (?:them|those|these) )?(?:(?:extra|with|a|very) )*MOD',
)
const bareStyle = pattern(
  '(?:(?:actually|and|but|oh|sorry|also|extra|very|with) )*MOD(?:(?: (?:and|,|with|but))* MOD)*(?= (?:please|thanks|thank you|for me|instead))|MOD',
)

/** `make that two`, `make it dirty`, `make that a negroni`. */
export function readMakeThat(cursor: Cursor, lexicon: Lexicon): Act | undefined {
  const start = cursor.at
  const total = cursor.take(totalFrame)
  const quantity = total && numberIn(total)
  takeTails(cursor)
  if (quantity !== undefined && cursor.isAtSeparator) return { type: 'total', quantity }
  cursor.at = start
  const meant = readMeant(cursor, lexicon)
  if (meant !== undefined) return meant
  cursor.at = start
  const part = cursor.take(partFrame)
  const partModifiers = modifiersIn(part)
  takeTails(cursor)
  if (partModifiers.length > 0 && cursor.isAtSeparator) {
    return { type: 'restyle', modifiers: partModifiers, quantity: numberIn(part ?? []) ?? 1 }
  }
  cursor.at = start
  const modifiers = modifiersIn(cursor.take(styleFrame))
  takeTails(cursor)
  if (modifiers.length > 0 && cursor.isAtSeparator) return { type: 'restyle', modifiers }
  cursor.at = start
  const list = cursor.take(pattern(makeThat)) && readDrinks(cursor, lexicon)
  takeTails(cursor)
  if (list !== undefined && cursor.isAtSeparator) return { type: 'revise', list }
  cursor.at = start
  return undefined
}

/** `I meant two`, `I meant an ipa`. */
function readMeant(cursor: Cursor, lexicon: Lexicon): Act | undefined {
  if (cursor.take(pattern('(?:i|we) (?:meant|mean)(?: (?:to (?:say|order)|just|only))*')) === undefined)
    return undefined
  const list = readDrinks(cursor, lexicon)
  const quantity = list === undefined ? numberIn(cursor.take(pattern('NUM')) ?? []) : undefined
  takeTails(cursor)
  if (!cursor.isAtSeparator) return undefined
  if (quantity !== undefined) return { type: 'total', quantity }
  return list && { type: 'revise', list }
}

/** `on the rocks please` on its own is about the drink before; a lone `Neat!` is not. */
export function readBareStyle(cursor: Cursor, hasOrder: boolean): Act | undefined {
  const start = cursor.at
  const taken = cursor.take(bareStyle)
  const modifiers = modifiersIn(taken)
  const isPhrase = taken?.some((piece) => piece.kind === 'modifier' && piece.text.includes(' ')) === true
  const isAsked = cursor.peek(pattern('please|thanks|thank you|for me|instead')) !== undefined
  takeTails(cursor)
  if (modifiers.length > 0 && cursor.isAtSeparator && (isAsked || isPhrase || hasOrder))
    return { type: 'restyle', modifiers }
  cursor.at = start
  return undefined
}

function modifiersIn(pieces: readonly Piece[] | undefined): readonly string[] {
  return (pieces ?? []).flatMap((piece) => (piece.kind === 'modifier' ? [piece.modifier] : []))
}

const acceptFrame = pattern(
  `${wish}(?:that one|this one|the one|NUM of (?:those|them|these|your recommendations?)|one of (?:those|them|these)|that|it|one|NUM|them|those|the first(?: one)?|your recommendation|your suggestion)(?: (?:then|please|too|thanks|sounds good|for me))*`,
)
const needsWish = pattern('(?:that|it|that one|this one|them|those|the one|one|NUM)(?: |$)')
const readyToTake = pattern(
  '(?:i|we) will (?:have|take|get|do|try|go with|go for)|(?:give|get|bring|pour|make) (?:me|us)|let us (?:do|try|go with|have)|(?:i|we) would (?:like|love)|(?:can|could|may) (?:i|we) (?:have|get|try)|(?:i|we) (?:want|need)|do|pour|order|add|bring|please',
)

/** `I'll take it`: an answer to what Maya offered. */
export function readAccept(cursor: Cursor): Act | undefined {
  const start = cursor.at
  const isWish = cursor.peek(readyToTake) !== undefined
  const isBare = cursor.peek(needsWish) !== undefined
  const taken = cursor.take(acceptFrame)
  takeTails(cursor)
  if (taken !== undefined && cursor.isAtSeparator) {
    const quantity = numberIn(taken)
    if (isWish && !isBare) return { type: 'accept', quantity }
    if (quantity !== undefined) return { type: 'count', quantity }
    if (isBare) return { type: 'accept', quantity: undefined }
  }
  cursor.at = start
  return undefined
}

const refusedSeparator = pattern('(?:, )?(?:or|nor)(?: (?:any|no))?|and(?! (?:a|an|NUM|some))|, no')

/** `no X`, `not a X`: what is not wanted, before something that is. */
export function readRefused(
  cursor: Cursor,
  lexicon: Lexicon,
): { list: DrinkList | undefined; isChange: boolean } | undefined {
  const start = cursor.at
  const opener = cursor.take(
    pattern(
      '(?:(?:actually|wait|oh|sorry|please|ok|and|but) )*(?:no more|no|not|neither|none of|nothing but|no need for|never)(?: (?:more|any|for|a|an|the|NUM))?',
    ),
  )
  if (opener !== undefined) {
    const isOnly = opener.some(({ text }) => text === 'nothing')
    const back = opener.at(-1)
    // The number or article belongs to the drink.
    if (back !== undefined && (back.kind === 'number' || /^(?:a|an|the)$/.test(back.text))) cursor.at--
    const list = isOnly ? undefined : readDrinks(cursor, lexicon, refusedSeparator)
    const isNumber =
      list === undefined && cursor.take(pattern('NUM|MOD|that one|this one|that|this|it')) !== undefined
    cursor.take(pattern('nor|either'))
    takeTails(cursor)
    const isMore = opener.some(({ text }) => text === 'more')
    if ((list !== undefined || isNumber) && cursor.isAtSeparator) {
      return { list, isChange: !isMore && opener.some(({ text }) => text === 'actually' || text === 'wait') }
    }
  }
  cursor.at = start
  return undefined
}

const finished = pattern(
  '(?:i|we) (?:(?:am|are) (?:all )?(?:done|finished|through) (?:with|drinking|having|ordering)|have had enough(?: of)?)(?: (?:the|my|our|any))*',
)
const kept = pattern(
  '(?:(?:please|just|but|i|we|will|would|like|want|to|let|me|us) )*(?:keep|leave)(?= (?:the|my|our|those) )',
)

/** `I'm done drinking beer`, `keep the water`: the tab stays as it is, and something else may follow. */
export function readLeftAsIs(cursor: Cursor, lexicon: Lexicon): boolean {
  const start = cursor.at
  const isLeft = cursor.take(finished) !== undefined || cursor.take(kept) !== undefined
  if (isLeft && readDrinks(cursor, lexicon, refusedSeparator) !== undefined) {
    takeTails(cursor)
    if (cursor.isAtSeparator) return true
  }
  cursor.at = start
  return false
}
