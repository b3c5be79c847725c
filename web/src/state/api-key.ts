import { signal } from '@preact/signals'
import type { Shelf } from './shelf.ts'

const name = 'maya-api-key'

export type ApiKey = ReturnType<typeof createApiKey>

/** The key of a bar that is for members. It is kept as long as this browser tab is open. */
export function createApiKey(shelf: Shelf) {
  /** What the bar says when it asks for a key; null when it does not. */
  const asked = signal<string | null>(null)
  let answer: ((isGiven: boolean) => void) | undefined
  const keep = (isGiven: boolean): void => {
    asked.value = null
    answer?.(isGiven)
  }
  return {
    asked,
    get value(): string | null {
      const kept = shelf.read(name)
      return typeof kept === 'string' ? kept : null
    },
    /** True when the guest has given one, which may not fit either. */
    ask(sentence: string): Promise<boolean> {
      const wasGiven = typeof shelf.read(name) === 'string'
      shelf.remove(name)
      asked.value = wasGiven ? `That key does not fit. ${sentence}` : sentence
      return new Promise((resolve) => {
        answer = resolve
      })
    },
    give(key: string): void {
      shelf.write(name, key)
      keep(true)
    },
    refuse: () => keep(false),
  }
}
