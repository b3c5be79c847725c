/** A secret that is known by heart, and what its search needs to know of it. */
export class KnownSecret {
  readonly text: string
  /** By length of a beginning: the length of its longest shorter beginning that it also ends with. */
  readonly #borders: number[] = [0, 0]

  constructor(text: string) {
    this.text = text
  }

  /** Worked out only as far as a text has come: most texts hold nothing of a secret, and there may be many of them. */
  border(length: number): number {
    for (let known = this.#borders.length; known <= length; known++) {
      this.#borders.push(this.#longer(this.#borders[known - 1] ?? 0, this.text.charCodeAt(known - 1)))
    }
    return this.#borders[length] ?? 0
  }

  /** The length of the longest beginning that is read after one of this length and one more character. */
  #longer(length: number, code: number): number {
    let matched = length
    while (matched > 0 && this.text.charCodeAt(matched) !== code) matched = this.#borders[matched] ?? 0
    return this.text.charCodeAt(matched) === code ? matched + 1 : 0
  }
}

/**
 * Looks for one known secret in a text as Knuth, Morris and Pratt do: in time proportional to the text, whatever the
 * secret is. Trying each place by itself takes the square of it where a secret repeats itself, as a guest's own may.
 */
export class SecretFollower {
  readonly #secret: KnownSecret
  readonly #first: number
  /** How long a beginning of the secret the text ends with. */
  matched = 0
  /** Compared characters, all in all. */
  steps = 0

  constructor(secret: KnownSecret) {
    this.#secret = secret
    this.#first = secret.text.charCodeAt(0)
  }

  get length(): number {
    return this.#secret.text.length
  }

  /** Whether the next character changes anything: nearly never, and then it need not be read. */
  heeds(code: number): boolean {
    return this.matched > 0 || code === this.#first
  }

  /** Takes the next character. True when the text ends with the whole secret now. */
  read(code: number): boolean {
    const secret = this.#secret
    this.steps++
    while (this.matched > 0 && secret.text.charCodeAt(this.matched) !== code) {
      this.matched = secret.border(this.matched)
      this.steps++
    }
    if (secret.text.charCodeAt(this.matched) === code) this.matched++
    if (this.matched < secret.text.length) return false
    this.matched = secret.border(this.matched)
    return true
  }
}
