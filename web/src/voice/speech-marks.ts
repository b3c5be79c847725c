import { mouthOf, type Mouth } from './mouth.ts'

export interface TimedMark {
  readonly text: string
  readonly start_ms: number
  readonly end_ms: number
}

export interface WordMark extends TimedMark {
  /** Characters of the turn's content. */
  readonly from: number
  readonly to: number
}

/** The `speech_marks` of a sentence. */
export interface MarksEvent {
  readonly index: number
  readonly words: readonly WordMark[]
  readonly phonemes: readonly TimedMark[]
}

interface Sentence {
  readonly words: readonly WordMark[]
  /** When it is spoken, as far as its sound is known. */
  readonly startMs: number
  readonly endMs: number
}

/** A longer speech goes on without captions and without a moving mouth. */
const marksMax = 20_000
/** A word stays lit over the short silence before the next one. */
const wordStaysMs = 400
/** How many characters people hear in a second, where nothing better is known. */
const charactersPerSecond = 15

/** What is spoken when in a speech: its words, the shapes of the mouth, and how far a listener has come. */
export class SpeechMarks {
  readonly #contents: string[] = []
  readonly #sentences = new Map<number, Sentence>()
  readonly #words: WordMark[] = []
  readonly #phonemes: TimedMark[] = []

  /** The text of a sentence: all of them together are the content of the turn. */
  sentence(index: number, content: string): void {
    if (index < marksMax) this.#contents[index] = content
  }

  /** There is sound of a sentence. */
  sound(index: number, startMs: number, endMs: number): void {
    const known = this.#sentences.get(index)
    if (known === undefined && this.#sentences.size >= marksMax) return
    this.#sentences.set(index, {
      words: known?.words ?? [],
      startMs: Math.min(startMs, known?.startMs ?? startMs),
      endMs: Math.max(endMs, known?.endMs ?? endMs),
    })
  }

  add({ index, words, phonemes }: MarksEvent): void {
    const known = this.#sentences.get(index)
    const startMs = words[0]?.start_ms
    if (startMs !== undefined && this.#words.length + words.length <= marksMax) {
      const endMs = words.at(-1)?.end_ms ?? startMs
      const spoken = { startMs: known?.startMs ?? startMs, endMs: known?.endMs ?? endMs }
      this.#sentences.set(index, { ...spoken, words: [...(known?.words ?? []), ...words] })
      insert(this.#words, words)
    }
    if (this.#phonemes.length + phonemes.length <= marksMax) insert(this.#phonemes, phonemes)
  }

  wordAt(speechMs: number): WordMark | null {
    const word = lastBegun(this.#words, speechMs)
    return word !== undefined && speechMs < word.end_ms + wordStaysMs ? word : null
  }

  mouthAt(speechMs: number): Mouth {
    const phoneme = lastBegun(this.#phonemes, speechMs)
    return phoneme !== undefined && speechMs < phoneme.end_ms ? mouthOf(phoneme.text) : 'rest'
  }

  /** The characters of the content that were heard: up to the last word of which at least half was. */
  heardCharacters(speechMs: number): number {
    const begun = [...this.#sentences].filter(([, { startMs }]) => startMs < speechMs)
    const heard = begun.map(([index, sentence]) =>
      sentence.words.length > 0
        ? this.#heardByWords(index, sentence.words, speechMs)
        : this.#heardByTime(index, sentence, speechMs),
    )
    return Math.max(0, ...heard)
  }

  #heardByWords(index: number, words: readonly WordMark[], speechMs: number): number {
    const last = words.findLast((word) => (word.start_ms + word.end_ms) / 2 <= speechMs)
    if (last === undefined) return 0
    const place = this.#place(index)
    if (place === null) return last.to
    const rest = place.content.slice(last.to - place.from).trimEnd()
    const hasMoreWords = /[\p{L}\p{N}]/u.test(rest)
    const mark = hasMoreWords ? (/^[^\s\p{L}\p{N}]*/u.exec(rest)?.[0] ?? '') : rest
    return last.to + mark.length
  }

  #heardByTime(index: number, { startMs, endMs }: Sentence, speechMs: number): number {
    const place = this.#place(index)
    if (place === null) return Math.round((speechMs / 1000) * charactersPerSecond)
    const share = Math.min(1, (speechMs - startMs) / (endMs - startMs))
    const heard = place.content.trimEnd()
    if (share === 1) return place.from + heard.length
    return place.from + heard.slice(0, Math.round(share * heard.length)).search(/\S*$/)
  }

  /** Where a sentence stands in the content; null unless all before it are known. */
  #place(index: number): { readonly from: number; readonly content: string } | null {
    const content = this.#contents[index]
    if (content === undefined) return null
    const before = Array.from({ length: index }, (_, earlier) => this.#contents[earlier])
    if (before.includes(undefined)) return null
    return { from: before.join('').length, content }
  }
}

/** Sentences come in their order, so that almost always this appends. */
function insert<Timed extends TimedMark>(marks: Timed[], added: readonly Timed[]): void {
  const isLater = (added[0]?.start_ms ?? 0) >= (marks.at(-1)?.start_ms ?? 0)
  marks.push(...added)
  if (!isLater) marks.sort((left, right) => left.start_ms - right.start_ms)
}

function lastBegun<Timed extends TimedMark>(marks: readonly Timed[], speechMs: number): Timed | undefined {
  let low = 0
  let high = marks.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((marks[middle]?.start_ms ?? 0) <= speechMs) low = middle + 1
    else high = middle
  }
  return marks[low - 1]
}
