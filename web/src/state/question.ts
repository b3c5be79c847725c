import { signal } from '@preact/signals'

export interface AskedQuestion {
  readonly title: string
  readonly text: string
  /** What the button says that agrees. */
  readonly yes: string
}

/** One yes-or-no question to the guest at a time. Closing it means no. */
export class GuestQuestion {
  readonly asked = signal<AskedQuestion | null>(null)
  #answer: (isYes: boolean) => void = () => {}

  ask(question: AskedQuestion): Promise<boolean> {
    this.answer(false)
    return new Promise((resolve) => {
      this.#answer = resolve
      this.asked.value = question
    })
  }

  answer(isYes: boolean): void {
    this.asked.value = null
    this.#answer(isYes)
  }
}
