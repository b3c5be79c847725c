const yesWords = new Set(
  'yes yeah yep yup ya aye sure ok okay certainly absolutely definitely confirm confirmed confirming agreed affirmative'.split(
    ' ',
  ),
)
const yesPhrases = [
  'go ahead',
  'do it',
  'of course',
  'that is right',
  'thats right',
  'that is correct',
  'thats correct',
  'that is fine',
  'thats fine',
  'sounds good',
  'why not',
  'charge it',
  'charge me',
  'pay it',
  'pay',
  'pay now',
  'i confirm',
  'i do',
  'by all means',
]
const fillers = new Set('please thanks thank you maya now the it that right all then just so lets'.split(' '))

/**
 * Whether a guest's message is nothing but a yes. Whatever else it says (a number, a drink, a condition, a question)
 * makes it another answer: to pay for something unwanted is worse than to be asked twice.
 */
export function isPlainYes(message: string): boolean {
  if (message.includes('?') || message.length > 100) return false
  const words = message
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/['’]/g, '')
    .replaceAll(/[\s.,!;:👍]+/gu, ' ')
    .trim()
  let rest = ` ${words} `
  const before = rest
  for (const phrase of yesPhrases) rest = rest.replaceAll(` ${phrase} `, ' ✓ ')
  const left = rest.split(' ').filter((word) => word !== '' && !fillers.has(word))
  const saidYes = left.some((word) => word === '✓' || yesWords.has(word))
  return before.trim() !== '' && saidYes && left.every((word) => word === '✓' || yesWords.has(word))
}
