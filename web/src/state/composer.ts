import { signal } from '@preact/signals'

/** What the guest is writing. */
export function createComposerText() {
  const text = signal('')
  /** Grows whenever the guest is to go on writing. */
  const focusWishes = signal(0)
  return {
    text,
    focusWishes,
    focus: () => void focusWishes.value++,
    /** Words that the guest may say next. */
    put(words: string): void {
      text.value = [text.value.trim(), words].filter((part) => part !== '').join(' ')
      focusWishes.value++
    },
    /** Words that were not taken come back to where they came from, before what has been written since. */
    putBack(words: string): void {
      text.value = text.value.trim() === '' ? words : `${words}\n${text.value}`
    },
  }
}
