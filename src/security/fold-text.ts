/** Letters of other alphabets that look like Latin ones. */
const lookalikes = new Map(
  'аa еe оo рp сc уy хx іi јj ѕs ԁd һh ӏl ԛq ԝw вb нh кk мm тt гr пn αa εe οo ρp τt υu νv ιi κk χx ηn ωw ıi łl øo ɡg'
    .split(' ')
    .map(([other = '', latin = '']) => [other, latin]),
)
/** Digits and signs that stand for letters within a word. */
const leet = new Map(
  '0o 1i 3e 4a 5s 7t @a $s |l'.split(' ').map(([sign = '', letter = '']) => [sign, letter]),
)

/** A text as rules for words read it: nothing that only changes how it looks. */
export interface FoldedText {
  /** Word by word. A word that mixes letters with digits is read as letters. */
  readonly words: readonly string[]
  /** Only its letters, one after the other: so a phrase is found however it is spaced or cut. */
  readonly letters: string
}

/** Takes time in proportion to the text. */
export function foldText(text: string): FoldedText {
  const plain = text
    .normalize('NFKD')
    .replace(/\p{M}|\p{Cf}/gu, '')
    .toLowerCase()
    .replace(/\p{L}/gu, (letter) => lookalikes.get(letter) ?? letter)
  const words = (plain.match(/[\p{L}\p{N}@$|]+/gu) ?? []).map((word) =>
    /\p{L}/u.test(word) ? asLetters(word) : word,
  )
  return { words, letters: asLetters(plain).replace(/\P{L}+/gu, '') }
}

function asLetters(text: string): string {
  return text.replace(/[013457@$|]/g, (sign) => leet.get(sign) ?? sign)
}
