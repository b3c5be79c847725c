import type { Cursor } from './cursor.ts'
import type { Piece } from './pieces.ts'

/** Where the sentence ends that goes on here. */
export function endOfSentence(cursor: Cursor): number {
  let at = cursor.at
  while (cursor.pieceAt(at) !== undefined && !/^[.!?]$/.test(cursor.codeAt(at))) at++
  return at
}

export function textOf(pieces: readonly Piece[]): string {
  return pieces.map(({ text }) => text).join(' ')
}
