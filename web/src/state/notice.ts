import { computed, signal } from '@preact/signals'
import type { Tell } from '../api/persist.ts'
import type { Problem } from '../api/problem.ts'

export interface Wait {
  readonly problem: Problem
  readonly seconds: number
}

const sentences: Partial<Record<string, string>> = {
  SESSION_LIMIT: 'The bar is full.',
  MEMORY_PRESSURE: 'The bar is full.',
  INTERRUPTED: 'The answer broke off. Going on with it.',
}

/** The one line that tells the guest what is going on beside the conversation. */
export class Notice {
  readonly #said = signal('')
  readonly #waits = signal<ReadonlyMap<symbol, Wait>>(new Map())
  /** What is waited for. Of several the first counts, so that the line does not change all the time. */
  readonly wait = computed(() => [...this.#waits.value.values()][0] ?? null)
  readonly isOffline = computed(() =>
    [...this.#waits.value.values()].some(({ problem }) => problem.isOffline),
  )
  readonly text = computed(() => (this.wait.value === null ? this.#said.value : sentenceOf(this.wait.value)))
  readonly countdown = computed(() => countdownOf(this.wait.value))

  say(sentence: string): void {
    this.#said.value = sentence
  }

  /** For one thing that may have to be waited for. */
  waiter(): Tell {
    const key = Symbol('wait')
    return (problem, seconds) => {
      const waits = new Map(this.#waits.value)
      if (problem === null) waits.delete(key)
      else waits.set(key, { problem, seconds })
      this.#waits.value = waits
      // Whatever was said before has been overtaken.
      if (problem !== null) this.#said.value = ''
    }
  }
}

function sentenceOf({ problem }: Wait): string {
  return problem.isOffline ? 'The connection is lost.' : (sentences[problem.code] ?? problem.message)
}

function countdownOf(wait: Wait | null): string {
  if (wait === null) return ''
  const { seconds } = wait
  return seconds > 90 ? `Trying again in ${Math.ceil(seconds / 60)} min …` : `Trying again in ${seconds} s …`
}
