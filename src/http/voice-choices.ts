import type { Clock } from '../clock.ts'
import type { TextToSpeech, VoiceChoice } from '../voice/text-to-speech.ts'

export interface VoiceChoicesOptions {
  readonly clock: Clock
  /** How long a provider may take to list its voices. */
  readonly timeoutMs: number
}

/** How long a list is shown before it is asked for again, and how long nobody asks again when there was none. */
const keptMs = 5 * 60_000
const missedMs = 10_000

/** Shown where a provider cannot say which voices it has: it takes an id that it does not know for its default. */
export const defaultChoice: VoiceChoice = { id: 'default', name: 'Maya' }

interface Listed {
  readonly choices: Promise<readonly VoiceChoice[]>
  staleAt: number
}

/** The voices of each provider, asked for only now and then: whoever opens the page wants to know them. */
export class VoiceChoices {
  readonly #options: VoiceChoicesOptions
  readonly #listed = new WeakMap<TextToSpeech, Listed>()

  constructor(options: VoiceChoicesOptions) {
    this.#options = options
  }

  /** The default first. Never fails and never takes long. */
  async of(textToSpeech: TextToSpeech): Promise<readonly VoiceChoice[]> {
    const { clock, timeoutMs } = this.#options
    const known = this.#listed.get(textToSpeech)
    if (known !== undefined && clock.now() < known.staleAt) return known.choices
    // Also all who ask meanwhile get this list.
    const listed: Listed = { choices: this.#ask(textToSpeech), staleAt: clock.now() + timeoutMs + missedMs }
    this.#listed.set(textToSpeech, listed)
    const choices = await listed.choices
    listed.staleAt = clock.now() + (choices.includes(defaultChoice) ? missedMs : keptMs)
    return choices
  }

  async #ask(textToSpeech: TextToSpeech): Promise<readonly VoiceChoice[]> {
    const { clock, timeoutMs } = this.#options
    const late = Promise.withResolvers<readonly VoiceChoice[]>()
    const ending = new AbortController()
    const cancel = clock.after(timeoutMs, () => late.resolve([]))
    try {
      const choices = await Promise.race([textToSpeech.voices(ending.signal), late.promise])
      return choices.length > 0 ? choices : [defaultChoice]
    } catch {
      // Which voices there are is not worth an error; speaking will say what is wrong.
      return [defaultChoice]
    } finally {
      cancel()
      ending.abort('The voices were asked for.')
    }
  }
}
