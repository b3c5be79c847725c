import type { Act } from './acts.ts'
import { pattern, type Cursor } from './cursor.ts'
import { endOfSentence } from './sentence.ts'
import { readDrinks, type DrinkList } from './drinks.ts'
import { orderTail } from './frames.ts'
import type { Lexicon } from './vocabulary.ts'

const ask =
  '(?:(?:please|just|also|now|actually|then) )*(?:(?:can|could|would|will|may|might) (?:you|i|we) (?:please |just |also |kindly |maybe |possibly |perhaps |actually |now )*|(?:i|we) (?:would like|would love|want|need|wish|have|would prefer|am going|had better)(?: (?:just|now|also|please|actually))*(?: you)? to(?: (?:just|now|also|please|actually))* |(?:i|we) will (?:just |also |now )?|let (?:me|us) (?:just |also |now )?)?(?:please )?'
const removing =
  '(?:remove|delete|cancel|scratch|drop|strike|void|lose|skip|ditch|forget(?: about)?|subtract|take back|discard|nix|cut|axe|minus|86|eliminate|erase|deduct|unorder|removing|cancelling|canceling)'
const afterword =
  '(?:please|thanks|thank you|now|then|again|too|also|instead|for me|actually|off|out|away|back|(?:from|off|out of|on|in) (?:my|the|our) (?:order|tab|bill|list|account)|from it|i changed my mind|i do not want it|anymore|any more|after all|completely|entirely|altogether|right now|as well|sorry)'
const afterwards = `(?: ${afterword})*`
const afterRemoval = pattern(`${afterword}(?: ${afterword})*`)
const everything =
  '(?:everything|it all|all of it|all of them|all of that|the lot|the whole (?:thing|lot|order|tab)|all|all (?:the |my |of my |of the )?(?:drinks|orders|items)|(?:my|the|our|that|this) (?:whole |entire |full |current )?orders?|my drinks|all my drinks|the drinks|every (?:drink|item)|every single thing|my entire order|our drinks)'
const order = '(?:order|list|cart|basket)'

const clearFrames = [
  `${ask}(?:${removing}|clear|empty|wipe|reset|clear out|wipe out|undo|forget about|dump|trash|scrap|take off|kill) ${everything}(?: (?:i|we) (?:have )?(?:ordered|have|had))?`,
  `${ask}(?:take|get|strike|knock) ${everything} (?:off|out|away|back)`,
  `${ask}(?:start|begin) (?:all )?(?:over|again|afresh|from scratch|anew|fresh)(?: (?:with )?(?:my|the|our) (?:whole )?${order})?`,
  `${ask}(?:start|begin) (?:my|the|our|a new|a fresh) ${order} (?:over|again|afresh|from scratch|anew)`,
  `${ask}restart (?:my|the|our) ${order}`,
  `${ask}(?:clear|empty|wipe|reset) (?:my|the|our) ${order}(?: (?:clean|out))?`,
  `${ask}(?:empty|wipe|reset|empty out|wipe out|void) (?:my|the|our) tab`,
  `${ask}wipe the slate(?: clean)?`,
  `nothing after all`,
].map((source) => pattern(`${source}${afterwards}`))

/** Behind a removal; what goes on as an order of its own (`but add a water`) is none. */
const exception = pattern(
  '(?:, )?(?:except|apart from|other than|besides|save|but(?! (?:please )?(?:add|bring|pour|give me|get me|keep (?:the|my) ITEM)))',
)
const whichOff: Act = { type: 'talk', topic: 'which-off' }

/** Everything off the tab. */
export function readClear(cursor: Cursor): Act | undefined {
  for (const frame of clearFrames) {
    const start = cursor.at
    if (cursor.take(frame) !== undefined) {
      if (takeException(cursor)) return whichOff
      if (cursor.isAtSeparator) return { type: 'clear' }
    }
    cursor.at = start
  }
  return undefined
}

/** `(remove the beers) but one`: passes over the sentence, for nobody can be sure what goes. */
function takeException(cursor: Cursor): boolean {
  if (cursor.peek(exception) === undefined) return false
  cursor.at = endOfSentence(cursor)
  return true
}

const removeFrame = pattern(
  `${ask}(?:${removing})(?: (?:from|off) my (?:order|tab))?(?: (?:(?:the|my) order (?:for|of)|just|only|out))?`,
)
const takeFrame = pattern(`${ask}(?:take|get|strike|knock|cross|leave|pull|hold|bring|put|send)`)
const offEnd = pattern(
  `(?:off|out|away|back off|back)(?: (?:of )?(?:my|the|our) (?:order|tab|bill|list))?|from (?:my|the|our) (?:order|tab|bill|list)|of (?:my|the|our) (?:tab|bill|order)`,
)
const lastOnes =
  '(?:(?:that|this|the|my) last(?: (?:one|ones|drink|drinks|item|order|round|thing))?|(?:that|this) (?:one|drink|order)|those drinks|it|that|this|them|those)'
const countOfLast = 'NUM(?: of (?:them|those|these|the drinks))?'

/** Drinks off the tab. */
export function readRemove(cursor: Cursor, lexicon: Lexicon): Act | undefined {
  const start = cursor.at
  if (cursor.take(removeFrame) !== undefined) {
    const act = readRemoved(cursor, lexicon)
    if (act !== undefined) return act
  }
  cursor.at = start
  if (cursor.take(takeFrame) !== undefined) {
    const act = readRemoved(cursor, lexicon, true)
    if (act !== undefined) return act
  }
  cursor.at = start
  if (cursor.take(undoFrame) !== undefined && cursor.isAtSeparator)
    return { type: 'remove-last', quantity: undefined }
  cursor.at = start
  return readUnwanted(cursor, lexicon)
}

function readRemoved(cursor: Cursor, lexicon: Lexicon, needsOff = false): Act | undefined {
  const list = readDrinks(cursor, lexicon)
  const isForgotten = cursor.codeAt(cursor.at - 1) === 'forget' || cursor.codeAt(cursor.at - 1) === 'about'
  const last =
    list === undefined && !isForgotten ? cursor.take(pattern(`${lastOnes}|${countOfLast}`)) : undefined
  if (list === undefined && last === undefined) return undefined
  if (needsOff && cursor.take(offEnd) === undefined) return undefined
  cursor.take(afterRemoval)
  takeTails(cursor)
  if (takeException(cursor)) return whichOff
  if (!cursor.isAtSeparator) return undefined
  if (list !== undefined) return { type: 'remove', list }
  const count = last?.find(({ kind }) => kind === 'number')
  return { type: 'remove-last', quantity: count?.kind === 'number' ? count.value : undefined }
}

/** `undo` */
const undoFrame = pattern(`${ask}undo(?: (?:${lastOnes}))?`)

/** `I don't want the beer anymore`: the drink is there and unwanted. */
function readUnwanted(cursor: Cursor, lexicon: Lexicon): Act | undefined {
  const start = cursor.at
  const frame = pattern('(?:i|we) (?:do not|no longer) (?:want|need|fancy|feel like)')
  const taken = cursor.take(frame)
  const list = taken && readDrinks(cursor, lexicon)
  if (list !== undefined) {
    const isUnwanted =
      taken?.some(({ text }) => text === 'longer') ||
      cursor.take(pattern('anymore|any more|any longer|after all')) !== undefined
    if (isUnwanted && takeException(cursor)) return whichOff
    if (isUnwanted && cursor.isAtSeparator) return { type: 'remove', list }
    if (cursor.isAtSeparator && list.drinks.every(({ isDefinite }) => isDefinite))
      return { type: 'renounce', list }
  }
  cursor.at = start
  return undefined
}

const tailsMax = 8

/** Passes over the politeness behind a wish. */
export function takeTails(cursor: Cursor): void {
  for (let count = 0; count < tailsMax && cursor.take(orderTail) !== undefined; count++) continue
}

const changing = '(?:change|swap|switch|replace|exchange|trade|turn|convert|substitute|swap out)'
const fromSeparator = pattern('and|,')
const replaced = pattern(
  `${lastOnes}|my (?:order|drink)|the drink|${countOfLast}(?= (?:out )?(?:to|for|with|into|by) )`,
)
const into = pattern('(?:out )?(?:to|for|with|into|by)')

/** One drink in the place of another. */
export function readReplace(cursor: Cursor, lexicon: Lexicon): Act | undefined {
  const start = cursor.at
  if (cursor.take(pattern(`${ask}${changing}(?: out)?`)) !== undefined) {
    const last = cursor.take(replaced)
    const from = last === undefined ? readDrinks(cursor, lexicon, fromSeparator) : undefined
    const isInto = (last ?? from) !== undefined && cursor.take(into) !== undefined
    const to = isInto ? readDrinks(cursor, lexicon) : undefined
    takeTails(cursor)
    if (to !== undefined && cursor.isAtSeparator) {
      const part = last?.find(({ kind }) => kind === 'number')
      if (from !== undefined) return { type: 'replace', from, to }
      return { type: 'revise', list: to, part: part?.kind === 'number' ? part.value : undefined }
    }
  }
  cursor.at = start
  return undefined
}

const furtherReplaced = pattern('(?:and|or)(?= (?:(?:the|my|our|those|these) |ITEM))')

/** `instead of the beer`, before or after what is wanted. */
export function readInsteadOf(cursor: Cursor, lexicon: Lexicon): DrinkList | undefined {
  const start = cursor.at
  if (
    cursor.take(pattern('(?:, )?(?:instead of|rather than|in place of|in lieu of|in exchange for)')) !==
    undefined
  ) {
    const list = readDrinks(cursor, lexicon, furtherReplaced)
    if (list !== undefined) {
      takeTails(cursor)
      return list
    }
  }
  cursor.at = start
  return undefined
}
