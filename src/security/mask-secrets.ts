import { SecretFollower, type KnownSecret } from './secret-follower.ts'
import { knownSecrets, secretPatterns, type SecretPart, type SecretPattern } from './secret-patterns.ts'

/** Lets a text through piece by piece, with `***` in the place of every secret, wherever the pieces were cut. */
export interface OutputMask {
  /** What can be shown now: all but an end that may still become a secret. */
  push(text: string): string
  /** The rest, when nothing more comes. */
  end(): string
}

/** A mask that tells what it holds back, for the case that it breaks. */
export interface HoldingMask extends OutputMask {
  readonly held: string
}

export interface Masker {
  /** A mask for one text, with these secrets beside the patterns and those that are always known. */
  mask(secrets?: readonly string[]): StreamMask
  /** A whole text at once. */
  maskText(text: string, secrets?: readonly string[]): string
}

const shown = '***'

/** The search for one known secret, and the last place where it was found. */
interface Follower {
  readonly search: SecretFollower
  place: Place | undefined
}

/** Patterns by the code of the first character of what they look for. */
type Beginnings = ReadonlyMap<number, readonly Beginning[]>

interface Beginning {
  readonly pattern: SecretPattern
  readonly text: string
}

/** Masks what looks like a key, and these secrets, as far as they are long enough to be none of ordinary words. */
export function createMasker(secrets: readonly string[]): Masker {
  const always = knownSecrets(secrets)
  const mask = (own: readonly string[] = []): StreamMask =>
    new StreamMask(own.length === 0 ? always : [...always, ...knownSecrets(own)])
  return {
    mask,
    maskText(text, own) {
      const whole = mask(own)
      return whole.push(text) + whole.end()
    },
  }
}

const beginnings: Beginnings = Map.groupBy(
  secretPatterns.flatMap((pattern) => {
    const [first] = pattern.parts
    return first?.kind === 'text' ? [{ pattern, text: first.text }] : []
  }),
  ({ text }) => text.charCodeAt(0),
)

/** Where in a text secrets are, as a list of places that grows while they are read. */
interface Place {
  readonly start: number
  end: number
}

/**
 * Every character is masked or not, whatever the pieces are: it is when it belongs to any secret in the whole text.
 * A character is held back only while it belongs to the beginning of one that is not decided yet.
 */
export class StreamMask implements HoldingMask {
  readonly #followers: readonly Follower[]
  #candidates: Candidate[] = []
  /** Secrets that reach beyond what was shown, in no order; they may overlap. */
  #places: Place[] = []
  /** Characters that were read and not shown yet, and the position of the first of them in the whole text. */
  #held = ''
  #heldFrom = 0
  /** Whether the last character that was read is a letter or a digit. */
  #isInWord = false
  #isMasking = false

  constructor(known: readonly KnownSecret[]) {
    this.#followers = known.map((secret) => ({ search: new SecretFollower(secret), place: undefined }))
  }

  /** How many places are followed at the moment, beside the known secrets: what one more character costs. */
  get followed(): number {
    return this.#candidates.length
  }

  /** How many characters were compared with those of known secrets. */
  get steps(): number {
    return this.#followers.reduce((sum, { search }) => sum + search.steps, 0)
  }

  get held(): string {
    return this.#held
  }

  push(text: string): string {
    const start = this.#heldFrom + this.#held.length
    this.#held += text
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      const found = this.#isInWord ? undefined : beginnings.get(code)
      if (found !== undefined) this.#begin(found, { text, at, position: start + at })
      this.#isInWord = isAlphanumeric(code)
      if (this.#candidates.length > 0) this.#read(text.charAt(at), start + at)
      for (const follower of this.#followers) {
        if (follower.search.heeds(code)) this.#follow(follower, code, start + at)
      }
    }
    return this.#show(this.#decidedTo(start + text.length))
  }

  end(): string {
    this.#candidates = []
    return this.#show(this.#heldFrom + this.#held.length)
  }

  #begin(
    found: readonly Beginning[],
    { text, at, position }: { readonly text: string; readonly at: number; readonly position: number },
  ): void {
    for (const beginning of found) {
      if (agree(beginning.text, text, at)) this.#candidates.push(new Candidate(beginning.pattern, position))
    }
  }

  #read(character: string, position: number): void {
    const going = this.#candidates.filter((candidate) => this.#goesOn(candidate, character, position))
    this.#candidates = going.length < 2 ? going : withoutDoubles(going)
  }

  #goesOn(candidate: Candidate, character: string, position: number): boolean {
    const state = candidate.read(character)
    if (state === 'failed' || state === 'over') return false
    if (state === 'undecided') return true
    if (candidate.place === undefined) {
      candidate.place = { start: candidate.start, end: position + 1 }
      this.#places.push(candidate.place)
    }
    candidate.place.end = position + 1
    return state !== 'complete'
  }

  #follow(follower: Follower, code: number, position: number): void {
    if (!follower.search.read(code)) return
    const end = position + 1
    const start = end - follower.search.length
    // One place for all that overlap: the last one is still kept, as the text from this start on was not shown yet.
    if (follower.place !== undefined && start < follower.place.end) {
      follower.place.end = end
      return
    }
    follower.place = { start, end }
    this.#places.push(follower.place)
  }

  /** Up to where it is known what is a secret, of a text that was read to its end. */
  #decidedTo(end: number): number {
    const undecided = this.#candidates.find(({ place }) => place === undefined)
    return this.#followers.reduce(
      (first, { search }) => Math.min(first, end - search.matched),
      undecided?.start ?? end,
    )
  }

  /** Shows what comes before a position, each run of masked characters as one sign. */
  #show(position: number): string {
    const length = position - this.#heldFrom
    const text = this.#held.slice(0, length)
    this.#held = this.#held.slice(length)
    const from = this.#heldFrom
    this.#heldFrom = position
    if (this.#places.length === 0) {
      if (text !== '') this.#isMasking = false
      return text
    }
    const result = this.#cover(text, from)
    const inUse = new Set(this.#candidates.map(({ place }) => place))
    this.#places = this.#places.filter((place) => place.end > position || inUse.has(place))
    return result
  }

  #cover(text: string, from: number): string {
    const isMasked = new Uint8Array(text.length)
    for (const { start, end } of this.#places)
      isMasked.fill(1, Math.max(0, start - from), Math.max(0, end - from))
    let result = ''
    for (let at = 0; at < text.length; at++) {
      const masks = isMasked[at] === 1
      if (!masks) result += text.charAt(at)
      else if (!this.#isMasking) result += shown
      this.#isMasking = masks
    }
    return result
  }
}

/** One place where a secret may have begun. */
class Candidate {
  readonly pattern: SecretPattern
  readonly start: number
  /** Set as soon as it is a secret; it may still grow. */
  place: Place | undefined
  #part = 0
  /** Characters that the current part has. */
  #count = 0

  constructor(pattern: SecretPattern, start: number) {
    this.pattern = pattern
    this.start = start
  }

  /**
   * Takes the next character. `secret`: it is one, up to here at least; `complete`: up to here and no further;
   * `over`: it was one, up to the character before.
   */
  read(character: string): 'undecided' | 'failed' | 'secret' | 'complete' | 'over' {
    const { parts } = this.pattern
    const part = parts[this.#part]
    if (part === undefined) throw new Error('A pattern has no part left.')
    const isLast = this.#part === parts.length - 1
    switch (part.kind) {
      case 'text':
        return this.#readText(part.text, character, isLast)
      case 'run':
        return this.#readRun(part, character, isLast)
      case 'block':
        this.#count = character === '-' ? this.#count + 1 : 0
        return this.#count === 5 ? 'complete' : 'secret'
    }
  }

  #readText(text: string, character: string, isLast: boolean): 'undecided' | 'failed' | 'complete' {
    if (text.charAt(this.#count) !== character) return 'failed'
    this.#count++
    if (this.#count < text.length) return 'undecided'
    if (isLast) return 'complete'
    this.#enter(this.#part + 1)
    return 'undecided'
  }

  #readRun(
    part: Extract<SecretPart, { kind: 'run' }>,
    character: string,
    isLast: boolean,
  ): ReturnType<Candidate['read']> {
    if (part.of.test(character)) {
      this.#count++
      return isLast && this.#count >= part.min ? 'secret' : 'undecided'
    }
    if (isLast && this.#count >= part.min) return 'over'
    if (isLast || this.#count < part.min) return 'failed'
    this.#enter(this.#part + 1)
    return this.read(character)
  }

  #enter(part: number): void {
    this.#part = part
    this.#count = 0
  }

  /** Whether both will be secrets by the same characters from here on. */
  goesOnAs(other: Candidate): boolean {
    if (this.pattern !== other.pattern || this.#part !== other.#part) return false
    const part = this.pattern.parts[this.#part]
    const enough = part?.kind === 'run' ? part.min : Infinity
    return Math.min(this.#count, enough) === Math.min(other.#count, enough)
  }
}

/** The earlier one of two that go on alike masks all that the later one would: so there are never many. */
function withoutDoubles(candidates: readonly Candidate[]): Candidate[] {
  return candidates.filter(
    (candidate, at) => !candidates.some((earlier, index) => index < at && earlier.goesOnAs(candidate)),
  )
}

/** Whether a text goes on from a position as a secret begins, as far as it is known. */
function agree(beginning: string, text: string, at: number): boolean {
  const length = Math.min(beginning.length, text.length - at)
  for (let index = 1; index < length; index++) {
    if (beginning.charCodeAt(index) !== text.charCodeAt(at + index)) return false
  }
  return true
}

function isAlphanumeric(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122)
}
