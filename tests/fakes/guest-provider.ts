import type { ClosableModel, KeyCheck } from '../../src/llm/model.ts'
import type { KeyChecks } from '../../src/sessions/guest-keys.ts'
import { ScriptedModel, type ScriptedReply } from './scripted-model.ts'

/** A client of one key, which says whether it was closed. */
class GuestModel extends ScriptedModel implements ClosableModel {
  isClosed = false

  async close(): Promise<void> {
    this.isClosed = true
  }
}

/** Google and Cartesia as guests with keys of their own meet them: what each key gets is scripted. */
export class GuestProvider {
  /** Every key that was checked, in order. */
  readonly checked: string[] = []
  /** Every client that was made, with its key. */
  readonly clients: { readonly key: string; readonly model: GuestModel }[] = []
  readonly #answers = new Map<string, KeyCheck | 'never' | Error>()
  readonly #replies = new Map<string, ScriptedReply[]>()
  readonly #waiting: (() => void)[] = []

  /** What a check of this key says; `valid` where nothing else is said. */
  answer(key: string, answer: KeyCheck | 'never' | Error): void {
    this.#answers.set(key, answer)
  }

  /** Adds to what the clients of this key answer. */
  say(key: string, ...replies: readonly ScriptedReply[]): void {
    this.#repliesOf(key).push(...replies)
  }

  get open(): readonly string[] {
    return this.clients.filter(({ model }) => !model.isClosed).map(({ key }) => key)
  }

  get keyChecks(): KeyChecks {
    const check = (key: string, signal: AbortSignal) => this.#check(key, signal)
    return { gemini: check, cartesia: check }
  }

  /** Resolves when the next check has begun. */
  whenChecked(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  readonly guestModel = (key: string): ClosableModel => {
    const next: ScriptedReply = (request, signal) =>
      new ScriptedModel(...this.#repliesOf(key).splice(0, 1)).stream(request, signal)
    const model = new GuestModel(...Array<ScriptedReply>(20).fill(next))
    this.clients.push({ key, model })
    return model
  }

  #repliesOf(key: string): ScriptedReply[] {
    const replies = this.#replies.get(key) ?? []
    this.#replies.set(key, replies)
    return replies
  }

  async #check(key: string, signal: AbortSignal): Promise<KeyCheck> {
    this.checked.push(key)
    for (const seen of this.#waiting.splice(0)) seen()
    const answer = this.#answers.get(key) ?? { status: 'valid' }
    if (answer instanceof Error) throw answer
    if (answer !== 'never') return answer
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  }
}
