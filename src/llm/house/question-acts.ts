import type { Act } from './acts.ts'
import type { Cursor } from './cursor.ts'
import type { Drink } from './drinks.ts'
import { codeOf, type Piece } from './pieces.ts'
import { endOfSentence } from './sentence.ts'

const price =
  /\b(?:how much|price|prices|priced|cost|costs|costing|charge for|charging for|how expensive|expensive|pricey|how cheap|what do you (?:charge|want|ask) for|set me back|worth|go for|run me|pay for)\b/
const asks =
  /^(?:(?:so|and|but|also|just|curious|out of curiosity|quick question|question|tell me|maya|,|ok|hey|hi|hello|um|well) )*(?:(?:what|which|who|whose|where|when|why|how)\b|(?:tell me|tell us|talk|describe|explain)\b|(?:is|are|was|were|do|does|did|has|have|had|am|would|will|should|shall|can|could|may|might|must) (?:i|you|we|they|he|she|it|there|the|a|an|this|that|these|those|your|my|his|her|their|people|ITEM|ALIEN|anyone|somebody|someone)\b|any (?:ITEM|ALIEN))/
/** Where a question ends and a wish begins. */
const boundary =
  /(?: ,| and| but| then| so)+ (?:(?:also|please|can|could|may) (?:i|we|you|get|give|bring)|i will|i would like|give me|get me|bring me|pour me|i want|let me|please)\b/

/** A question in which drinks are named, about their price or anything else. */
export function readQuestion(cursor: Cursor, isQuestion: boolean): Act | undefined {
  return readAsked(cursor, (codes) => isQuestion || price.test(codes) || asks.test(codes))
}

/** A question about what drinks cost. */
export function readPrice(cursor: Cursor): Act | undefined {
  return readAsked(cursor, (codes) => price.test(codes) && !/^(?:i|we|give|get|bring|pour|add) /.test(codes))
}

function readAsked(cursor: Cursor, isAsked: (codes: string) => boolean): Act | undefined {
  const end = endOfSentence(cursor)
  const sentence = cursor.slice(cursor.at, end)
  const codes = sentence.map(codeOf).join(' ')
  if (!isAsked(codes)) return undefined
  const stop = boundary.exec(codes)
  const length = stop === null ? sentence.length : codes.slice(0, stop.index).split(' ').length
  const asked = sentence.slice(0, length)
  const drinks = namedIn(asked)
  const strangers = asked.flatMap((piece) => (piece.kind === 'stranger' ? [piece.name] : []))
  if (drinks.length + strangers.length === 0) return undefined
  cursor.at += length
  return { type: price.test(codes) ? 'price' : 'about', drinks, strangers }
}

/** Every drink named, with the number before it if there is one. */
export function namedIn(pieces: readonly Piece[]): readonly Drink[] {
  return pieces.flatMap((piece, at) => {
    if (piece.kind !== 'item') return []
    const before = pieces[at - 1]
    const count =
      before?.kind === 'number' && Number.isInteger(before.value) && before.value > 0
        ? before.value
        : undefined
    const drink: Drink = {
      item: piece.item,
      quantity: count ?? 1,
      modifiers: piece.modifiers,
      isCounted: count !== undefined,
      isPlural: piece.plural,
      isArticled: false,
      isDefinite: false,
      isOwn: false,
      isMended: piece.mended,
    }
    return [drink]
  })
}
