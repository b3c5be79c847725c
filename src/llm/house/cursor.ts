import { codeOf, type Piece } from './pieces.ts'

const codesMax = 120

/** A place in a guest's message, and the patterns that can be tried there. */
export class Cursor {
  readonly #pieces: readonly Piece[]
  readonly #codes: readonly string[]
  #rest = ''
  #restAt = -1
  at = 0

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces
    this.#codes = pieces.map(codeOf)
  }

  get isAtEnd(): boolean {
    return this.at >= this.#pieces.length
  }

  get piece(): Piece | undefined {
    return this.#pieces[this.at]
  }

  /** The codes from here on, separated by single spaces; only so many of them, no phrase is longer. */
  get rest(): string {
    if (this.#restAt !== this.at) {
      this.#restAt = this.at
      this.#rest = this.#codes.slice(this.at, this.at + codesMax).join(' ')
    }
    return this.#rest
  }

  get isAtSeparator(): boolean {
    return this.isAtEnd || separators.has(this.#codes[this.at] ?? '')
  }

  codeAt(at: number): string {
    return this.#codes[at] ?? ''
  }

  pieceAt(at: number): Piece | undefined {
    return this.#pieces[at]
  }

  slice(from: number, to: number): readonly Piece[] {
    return this.#pieces.slice(from, to)
  }

  /** The pieces that the pattern takes from here on, without moving; undefined when it does not fit. */
  peek(wanted: RegExp): readonly Piece[] | undefined {
    const found = wanted.exec(this.rest)
    if (found === null || found.index !== 0) return undefined
    const text = found[0].trim()
    const length = text === '' ? 0 : text.split(' ').length
    return this.#pieces.slice(this.at, this.at + length)
  }

  /** Like `peek`, and moves behind what was taken. */
  take(wanted: RegExp): readonly Piece[] | undefined {
    const taken = this.peek(wanted)
    if (taken !== undefined) this.at += taken.length
    return taken
  }
}

const separators = new Set([',', '.', '!', '?', 'and', 'but', 'or', 'then', 'plus', 'so'])

/** A pattern over codes that begins here and ends at the end of a word. Upper-case codes stand for names and numbers. */
export function pattern(source: string): RegExp {
  return new RegExp(`^(?:${source})(?= |$)`)
}
