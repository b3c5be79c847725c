/** A number found in words, and how many words it took. */
export interface Found {
  readonly value: number
  readonly length: number
}

const units =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  )
const tens = 'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ')
const large: ReadonlyMap<string, number> = new Map([
  ['hundred', 100],
  ['thousand', 1000],
  ['million', 1_000_000],
  ['billion', 1e9],
])

export const numberWords: readonly string[] = [...units, ...tens, ...large.keys(), 'dozen', 'couple', 'half']

/** The number that begins at `at`: `2`, `two`, `twenty one`, `a couple of`, `half a dozen`, `1.5`. */
export function readNumber(words: readonly string[], at: number): Found | undefined {
  return readIdiom(words, at) ?? readDigits(words, at) ?? readSpelled(words, at)
}

const idioms: readonly (readonly [phrase: string, value: number])[] = [
  ['half a dozen', 6],
  ['half dozen', 6],
  ['a half dozen', 6],
  ['a couple of', 2],
  ['a couple more', 2],
  ['a couple', 2],
  ['couple of', 2],
  ['couple', 2],
  ['a pair of', 2],
  ['pair of', 2],
  ['a hundred', 100],
  ['a thousand', 1000],
  ['a million', 1_000_000],
  ['a gazillion', 1_000_000],
  ['half a', 0.5],
  ['half an', 0.5],
]

function readIdiom(words: readonly string[], at: number): Found | undefined {
  for (const [phrase, value] of idioms) {
    const parts = phrase.split(' ')
    if (!parts.every((part, offset) => words[at + offset] === part)) continue
    // `a couple more` leaves the `more` to its reader.
    return { value, length: parts.at(-1) === 'more' ? parts.length - 1 : parts.length }
  }
  const [first, second] = [words[at], words[at + 1]]
  if (first === 'dozen') return { value: 12, length: second === 'of' ? 2 : 1 }
  if (second === 'dozen' && first !== undefined) {
    const count = first === 'a' ? 1 : (readDigits(words, at) ?? readSpelled([first], 0))?.value
    if (count !== undefined) return { value: 12 * count, length: words[at + 2] === 'of' ? 3 : 2 }
  }
  return undefined
}

function readDigits(words: readonly string[], at: number): Found | undefined {
  const word = words[at] ?? ''
  if (!/^-?\d+(?:[.,]\d+)*$/.test(word)) return undefined
  if (words[at + 1] === '/' && /^\d+$/.test(words[at + 2] ?? '')) {
    return { value: Number(word) / Number(words[at + 2]), length: 3 }
  }
  const value = Number(word.replaceAll(/,(?=\d{3}\b)/g, '').replace(',', '.'))
  return Number.isFinite(value) ? { value, length: 1 } : { value: -1, length: 1 }
}

function readSpelled(words: readonly string[], at: number): Found | undefined {
  let value = below100(words, at)
  if (value === undefined) return undefined
  let { length } = value
  let total = value.value
  for (
    let factor = large.get(words[at + length] ?? '');
    factor !== undefined;
    factor = large.get(words[at + length] ?? '')
  ) {
    total *= factor
    length++
    value = below100(words, at + length)
    if (value !== undefined) {
      total += value.value
      length += value.length
    }
  }
  return { value: total, length }
}

function below100(words: readonly string[], at: number): Found | undefined {
  const word = words[at] ?? ''
  const unit = units.indexOf(word)
  if (unit !== -1) return { value: unit, length: 1 }
  const ten = tens.indexOf(word)
  if (ten === -1) return undefined
  const after = units.indexOf(words[at + 1] ?? '')
  const value = (ten + 2) * 10
  return after >= 1 && after <= 9 ? { value: value + after, length: 2 } : { value, length: 1 }
}
