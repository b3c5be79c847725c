/**
 * Cuts text that is still being written where somebody who reads it aloud would breathe. All slices joined are
 * exactly the text, and they are the same however the text was split on its way.
 *
 * A slice ends before the first character of the next sentence: only that one tells "$29." from "$29.50", and "p.m."
 * at the end of a sentence from one in its middle.
 */
export class SentenceSplitter {
  readonly #charactersMax: number
  #text = ''
  /** Where the search goes on: no sentence ends before it. */
  #searched = 0
  #isFirst = true

  /** A sentence that is longer is cut between its words. */
  constructor(charactersMax: number) {
    this.#charactersMax = charactersMax
  }

  /** The sentences that the text has completed. */
  push(text: string): readonly string[] {
    this.#text += text
    return this.#slices()
  }

  /** The text is over: what is left of it. */
  end(): readonly string[] {
    const slices = this.#slices()
    const rest = this.#text
    this.#text = ''
    this.#searched = 0
    return rest === '' ? slices : [...slices, rest]
  }

  #slices(): readonly string[] {
    const slices: string[] = []
    let from = 0
    for (;;) {
      const to = this.#sliceEnd(from)
      if (to === undefined) break
      slices.push(this.#text.slice(from, to))
      from = to
      this.#searched = to
      this.#isFirst = false
    }
    this.#text = this.#text.slice(from)
    this.#searched -= from
    return slices
  }

  /** Where the slice that begins at `from` ends; `undefined` when more of the text must be known. */
  #sliceEnd(from: number): number | undefined {
    // The first words are waited for in silence, so they are spoken sooner.
    const charactersMax = Math.ceil(this.#charactersMax * (this.#isFirst ? firstShare : 1))
    const last = from + charactersMax
    for (;;) {
      const mark = indexOfMark(this.#text, this.#searched, last)
      const next = afterMark(this.#text, mark, last)
      if (next > last || next >= this.#text.length) {
        this.#searched = Math.min(mark, last)
        return this.#text.length > last ? cutBetweenWords(this.#text, from, last) : undefined
      }
      if (endsSentence(this.#text, { from, mark, next })) return next
      this.#searched = next
    }
  }
}

/** How much of the bound the first slice of a text may have. */
const firstShare = 0.5

/** A mark that may end a sentence: where it stands, and where the next word begins. */
interface Place {
  /** Where the sentence began. */
  readonly from: number
  readonly mark: number
  readonly next: number
}

const marks = new Set('.!?…\n。！？')
/** What may stand between the mark and the blank: more marks, and what closes quotes, brackets and emphasis. */
const closing = new Set('.!?…。！？"\'”’»)]}*_`~」』）')
const blank = /\s/
const lowerCase = /\p{Ll}/u

/** Where the next mark stands, or where the search ended without one: at the end of the text, or behind `last`. */
function indexOfMark(text: string, from: number, last: number): number {
  let at = from
  while (at < text.length && at <= last && !marks.has(text.charAt(at))) at++
  return at
}

/** Where the next word begins. */
function afterMark(text: string, mark: number, last: number): number {
  let at = mark
  while (at <= last && closing.has(text.charAt(at))) at++
  while (at <= last && blank.test(text.charAt(at))) at++
  return at
}

function endsSentence(text: string, { from, mark, next }: Place): boolean {
  const between = text.slice(mark, next)
  if (between.trim() === '' && text.slice(from, mark).trim() === '') return false
  const goesOn = lowerCase.test(text.charAt(next))
  if (between.includes('\n')) return !goesOn
  if (/[。！？]/.test(between)) return true
  if (!blank.test(text.charAt(next - 1))) return false
  // "Stop!" she said: the sentence around the quote goes on.
  if (/^[!?]/.test(between)) return !(goesOn && /["'”’»)]/.test(between))
  if (goesOn) return false
  return /^(\.\.|…)/.test(between) || !isPartOfWord(text, { from, mark, next })
}

/** Titles and the like: a word always follows. */
const neverLast = new Set('mr mrs ms dr prof rev hon gen capt sgt col lt mt ft st vs e.g i.e cf'.split(' '))
/** Abbreviations that a number follows, and that end a sentence otherwise. */
const beforeNumber = new Set(
  'no nos nr vol fig p pp ch sec ca approx est tel ext jan feb mar apr jun jul aug sep sept oct nov dec'.split(
    ' ',
  ),
)

/** Whether a full stop belongs to its word: an abbreviation, an initial, the number of a list's item. */
function isPartOfWord(text: string, { from, mark, next }: Place): boolean {
  const before = text.slice(from, mark)
  const word = /[^\s("'“‘*_[]*$/.exec(before)?.[0] ?? ''
  const rest = before.slice(0, before.length - word.length)
  const name = word.toLowerCase()
  if (neverLast.has(name)) return true
  if (beforeNumber.has(name) && /[\d#]/.test(text.charAt(next))) return true
  if (/^\d{1,3}$/.test(word) && /(^|\n)[\s>*_]*$/.test(rest)) return true
  // The J. of "J. Smith" and of "William J. Smith", but not the C of "vitamin C", and never "I".
  return /^[A-HJ-Z]$/.test(word) && /(^|\p{Lu}[\p{L}.]*)\s*$/u.test(rest)
}

/** The best end of a slice of at most so many characters: behind a comma, else behind a blank, else anywhere. */
function cutBetweenWords(text: string, from: number, last: number): number {
  const piece = text.slice(from, last + 1)
  let comma = 0
  let space = 0
  for (let at = 1; at < piece.length; at++) {
    if (/[，、；：]/.test(piece.charAt(at - 1))) comma = at
    if (!blank.test(piece.charAt(at - 1)) || blank.test(piece.charAt(at))) continue
    space = at
    if (/[,;:—–)]["'”’)*_]*\s+$/.test(piece.slice(Math.max(0, at - 8), at))) comma = at
  }
  if (comma > (piece.length - 1) / 3) return from + comma
  if (space > 0) return from + space
  const isWithinPair = /[\uD800-\uDBFF]/.test(text.charAt(last - 1)) && last - 1 > from
  return isWithinPair ? last - 1 : last
}
