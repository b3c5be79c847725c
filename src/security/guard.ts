import type { Clock } from '../clock.ts'
import { ServiceError } from '../errors.ts'
import { injectionMarks, marksOf } from './injection-patterns.ts'
import { createMasker, type HoldingMask, type OutputMask } from './mask-secrets.ts'
import { normaliseText, saysSomething } from './normalise-text.ts'

export type { OutputMask } from './mask-secrets.ts'

/** What becomes of a guest's message. The text is what the conversation gets; the message says why it gets none. */
export type InputVerdict =
  | { readonly ok: true; readonly text: string; readonly marks: readonly string[] }
  | { readonly ok: false; readonly code: 'BAD_REQUEST' | 'OVERLOADED'; readonly message: string }

/** A guest's message, and the keys that this guest has brought. */
export interface GuardInput {
  readonly text: string
  readonly secrets: readonly string[]
}

/** What is decided about texts. A guard of another kind implements this; `guardWithPolicy` makes it bearable. */
export interface GuardRules {
  /** May take its time and may fail; is aborted when it was too slow. */
  checkInput(input: GuardInput, signal: AbortSignal): InputVerdict | Promise<InputVerdict>
  /** A mask for one answer, with the secrets of its session beside those of the server. */
  maskOutput(secrets: readonly string[]): HoldingMask
}

/** What a failing guard means: `closed` stops what it cannot check, `open` lets it pass. */
export type GuardPolicy = 'open' | 'closed'

/** Stands between guests and models: never throws for an input, and says how it is. */
export interface Guard {
  checkInput(text: string, secrets?: readonly string[]): Promise<InputVerdict>
  /** Its `push` and `end` throw a `ServiceError` when the mask fails and the policy is `closed`. */
  maskOutput(secrets?: readonly string[]): OutputMask
  readonly policy: GuardPolicy
  /** Whether it failed when it was used last, and that is not long ago: who is not used cannot show that it works. */
  readonly isFailing: boolean
}

/** What the guard reports. Metrics implement it; tests record it. */
export interface GuardObserver {
  guardFailed(): void
  guardMarked(mark: string): void
  guardRefused(): void
}

export interface RulesOptions {
  /** The server's own, never to be shown to anybody. */
  readonly secrets: readonly string[]
  readonly messageCharactersMax: number
}

/** The guard without a model: normalises, marks and masks by rules, in time proportional to the text. */
export function createGuardRules({ secrets, messageCharactersMax }: RulesOptions): GuardRules {
  const masker = createMasker(secrets)
  // By their looks alone: whoever tries to guess a secret of the server must not see when it was right.
  const lookalikes = createMasker([])
  return {
    checkInput({ text, secrets: own }) {
      const normal = normaliseText(text)
      if (!saysSomething(normal)) return refusal('BAD_REQUEST', 'The message must not be blank.')
      if (isLonger(normal, messageCharactersMax)) return tooLong(messageCharactersMax)
      // A key that a guest pastes into the chat is nothing for the log nor for a model.
      const masked = lookalikes.maskText(normal, own)
      const marks = marksOf(normal)
      return { ok: true, text: masked, marks: masked === normal ? marks : [...marks, 'secret'] }
    },
    maskOutput: (own) => masker.mask(own),
  }
}

export interface PolicyOptions {
  readonly onError: GuardPolicy
  /** How long a message may be thought about. */
  readonly timeoutMs: number
  readonly messageCharactersMax: number
  readonly retryAfterSeconds: number
  /** How long after its last failure it counts as failing. */
  readonly failingMs: number
  readonly clock: Clock
  readonly observer: GuardObserver
}

/** The mark of a message that was let through unread. */
const unguarded = 'unguarded'

/** All that are counted; what rules of another kind find beside them is `other`. */
export const guardMarks: readonly string[] = [...injectionMarks, 'secret', unguarded, 'other']

/** Rules that may fail or hang, and what happens then. */
export function guardWithPolicy(rules: GuardRules, options: PolicyOptions): Guard {
  return new PolicyGuard(rules, options)
}

/** Given as the reason, because without one every abort makes an exception with its stack. */
const judged = 'The message was judged.'

class PolicyGuard implements Guard {
  readonly #rules: GuardRules
  readonly #options: PolicyOptions
  /** When each side failed, unless it has worked since. */
  readonly #failedAt = { input: -Infinity, output: -Infinity }

  constructor(rules: GuardRules, options: PolicyOptions) {
    this.#rules = rules
    this.#options = options
  }

  get policy(): GuardPolicy {
    return this.#options.onError
  }

  get isFailing(): boolean {
    const { clock, failingMs } = this.#options
    return clock.now() - Math.max(this.#failedAt.input, this.#failedAt.output) < failingMs
  }

  async checkInput(text: string, secrets: readonly string[] = []): Promise<InputVerdict> {
    const { observer } = this.#options
    const given = await this.#ask({ text, secrets })
    this.#used('input', given !== undefined)
    const verdict = given ?? this.#unread(text)
    if (!verdict.ok) {
      observer.guardRefused()
      return verdict
    }
    const marks = namesOf(verdict.marks)
    for (const mark of marks) observer.guardMarked(guardMarks.includes(mark) ? mark : 'other')
    return { ...verdict, marks }
  }

  maskOutput(secrets: readonly string[] = []): OutputMask {
    let mask: HoldingMask | undefined
    let isBroken = false
    let held = ''
    const pass = (text: string, use: (mask: HoldingMask) => string): string => {
      if (isBroken) return text
      try {
        mask ??= this.#rules.maskOutput(secrets)
        const shown = use(mask)
        held = mask.held
        this.#used('output', true)
        return shown
      } catch (error) {
        this.#used('output', false)
        if (this.policy === 'closed') throw this.#unmasked(error)
        isBroken = true
        return held + text
      }
    }
    return {
      push: (text) => pass(text, (known) => known.push(text)),
      end: () => pass('', (known) => known.end()),
    }
  }

  /** Undefined when the rules fail or are too slow. */
  async #ask(input: GuardInput): Promise<InputVerdict | undefined> {
    const { clock, timeoutMs } = this.#options
    const over = new AbortController()
    const { promise: tooSlow, resolve } = Promise.withResolvers<undefined>()
    const cancel = clock.after(timeoutMs, () => resolve(undefined))
    try {
      return await Promise.race([this.#rules.checkInput(input, over.signal), tooSlow])
    } catch {
      return undefined
    } finally {
      cancel()
      over.abort(judged)
    }
  }

  #unread(text: string): InputVerdict {
    const { messageCharactersMax: charactersMax } = this.#options
    if (isLonger(text, charactersMax)) return tooLong(charactersMax)
    if (this.policy === 'open') return { ok: true, text, marks: [unguarded] }
    return refusal('OVERLOADED', 'Messages cannot be checked right now. Please try again in a moment.')
  }

  /** What was shown of the answer cannot be taken back: so nothing more of it is, and the turn says why. */
  #unmasked(cause: unknown): ServiceError {
    const { retryAfterSeconds } = this.#options
    const message = 'The answer could not be checked and was ended. Please ask again in a moment.'
    return new ServiceError('OVERLOADED', message, { cause, retryAfterSeconds })
  }

  #used(side: 'input' | 'output', went: boolean): void {
    this.#failedAt[side] = went ? -Infinity : this.#options.clock.now()
    if (!went) this.#options.observer.guardFailed()
  }
}

const marksMax = 16

/** Marks stand in the prompt and in metrics: they are names and nothing else. */
function namesOf(marks: readonly string[]): readonly string[] {
  return [...new Set(marks)].filter((mark) => /^[a-z][a-z-]{0,39}$/.test(mark)).slice(0, marksMax)
}

function refusal(code: 'BAD_REQUEST' | 'OVERLOADED', message: string): InputVerdict {
  return { ok: false, code, message }
}

function tooLong(charactersMax: number): InputVerdict {
  return refusal('BAD_REQUEST', `The message may have up to ${charactersMax} characters.`)
}

/** Characters as a schema counts them: a surrogate pair is one. */
function isLonger(text: string, charactersMax: number): boolean {
  if (text.length <= charactersMax) return false
  return Array.from(text).length > charactersMax
}
