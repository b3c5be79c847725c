import { createMasker, type Masker } from '../security/mask-secrets.ts'
import { secretPatterns } from '../security/secret-patterns.ts'

const shown = '***'

/** A field of such a name holds a credential, wherever it stands; numbers and yes or no are none. */
const secretName = /auth|key|token|secret|cookie|passw|credential|session[_-]id/i
const secretField = /(?:auth|key|token|secret|cookie|passw|credential|session[_-]id)[\w-]*":["[{]/i

/** Ids of sessions as clients show them. */
const sessionToken = /[\w-]{22}\.[\w-]{43}/g
/** Its end alone is found in a twentieth of the time. */
const sessionTokenEnd = /\.[\w-]{43}/

const secretBeginning = anyOf(
  secretPatterns.flatMap(({ parts: [first] }) => (first?.kind === 'text' ? [first.text] : [])),
)

/**
 * The last look at a line before it is written: what is a credential by the name of its field, by its value or by its
 * look becomes `***`. Our own lines hold none; this is for the day when one does. Nearly every line is only looked
 * through, which takes a few microseconds.
 */
export class LineRedaction {
  readonly #secrets = new Set<string>()
  #known: RegExp | undefined
  #masker: Masker = createMasker([])

  constructor(secrets: readonly string[]) {
    this.know(secrets)
  }

  /** Secrets to be masked from now on. Those of less than eight characters would be found in ordinary words. */
  know(secrets: readonly string[]): void {
    for (const secret of secrets.flatMap(spellingsOf)) this.#secrets.add(secret)
    const known = [...this.#secrets].filter((secret) => secret.length >= 8)
    this.#known = known.length === 0 ? undefined : anyOf(known.map(inJson))
    this.#masker = createMasker(known)
  }

  /** A line of JSON without its secrets. */
  readonly apply = (line: string): string => {
    if (!this.#isSuspicious(line)) return line
    const content: unknown = JSON.parse(line)
    return `${JSON.stringify(this.#redacted(content))}\n`
  }

  /** Any text without its secrets. */
  maskText(text: string): string {
    return this.#masker.maskText(text).replaceAll(sessionToken, shown)
  }

  #isSuspicious(line: string): boolean {
    return (
      this.#known?.test(line) === true ||
      secretBeginning.test(line) ||
      secretField.test(line) ||
      sessionTokenEnd.test(line)
    )
  }

  #redacted(value: unknown): unknown {
    if (typeof value === 'string') return this.maskText(value)
    if (Array.isArray(value)) return value.map((element) => this.#redacted(element))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [this.maskText(name), this.#redactedField(name, inner)]),
    )
  }

  #redactedField(name: string, value: unknown): unknown {
    const canHoldText = typeof value === 'string' || (typeof value === 'object' && value !== null)
    return canHoldText && secretName.test(name) ? shown : this.#redacted(value)
  }
}

/** As it is, and as it stands in a URL. */
function spellingsOf(secret: string): readonly string[] {
  return [secret, encodeURIComponent(secret)]
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

function anyOf(texts: readonly string[]): RegExp {
  return new RegExp(texts.map((text) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|'))
}
