/** What tests wait for at a fake: each condition is looked at again whenever the fake says that something happened. */
export class Conditions {
  readonly #waiting = new Set<() => void>()

  /** Something happened that a condition may depend on. */
  changed(): void {
    for (const check of this.#waiting) check()
  }

  /** Resolves as soon as it holds. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (!holds()) return
        this.#waiting.delete(check)
        resolve()
      }
      this.#waiting.add(check)
      check()
    })
  }
}
