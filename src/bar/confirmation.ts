/** Each of these alone is a yes. */
const yesPhrases = phrases([
  'y, yes, yeah, yea, yep, yup, ya, aye, yes i do, yes it is, yes you can, yes you may, yes sir, yes maam',
  'sure, sure thing, ok, okay, certainly, absolutely, definitely, of course, by all means, affirmative, agreed',
  'confirm, confirmed, confirm it, i confirm, i confirm it, i agree, i do, please do, 👍',
  'go ahead, go for it, do it, do that, lets do it, sounds good, that is fine, thats fine',
  'that is right, thats right, that is correct, thats correct',
  'pay, pay it, pay now, pay it now, lets pay, charge it, charge me',
])
/** What may stand around a yes and changes nothing. */
const politePhrases = phrases(['please, thanks, thank you, many thanks, maya, now, then, great, perfect'])

const wordsMax = 12

/**
 * Whether a guest's message is nothing but a yes. Whatever else it says (a number, a drink, a condition, a question,
 * a hesitation) makes it another answer: to pay for something unwanted is worse than to be asked twice.
 */
export function isPlainYes(message: string): boolean {
  if (message.length > 100) return false
  const plain = message
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/(?<=[a-z])['’](?=[a-z])/g, '')
    .replaceAll(/[\p{Emoji_Modifier}\uFE0F]/gu, '')
    .replaceAll('👍', ' 👍 ')
  // Normalised above: an ellipsis is three dots by now. Whoever writes one is not sure.
  if (plain.includes('..')) return false
  const words = plain.split(/[\s.,!]+/).filter((word) => word !== '')
  return words.length <= wordsMax && isMadeOf(words)
}

/** Whether the words are phrases of both lists one after the other, at least one of them a yes. */
function isMadeOf(words: readonly string[]): boolean {
  let saidYes = false
  for (let at = 0; at < words.length;) {
    const length = longestAt(words, at, yesPhrases) || longestAt(words, at, politePhrases)
    if (length === 0) return false
    saidYes ||= yesPhrases.has(words.slice(at, at + length).join(' '))
    at += length
  }
  return saidYes
}

/** How many words the longest phrase takes that begins here; 0 where none does. */
function longestAt(words: readonly string[], at: number, known: ReadonlySet<string>): number {
  for (let length = Math.min(4, words.length - at); length > 0; length--) {
    if (known.has(words.slice(at, at + length).join(' '))) return length
  }
  return 0
}

function phrases(lines: readonly string[]): ReadonlySet<string> {
  return new Set(lines.flatMap((line) => line.split(', ')))
}
