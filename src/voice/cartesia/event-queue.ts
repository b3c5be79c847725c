/** Events on their way from a socket to the one reader. Whoever pushes keeps count of them. */
export class EventQueue<Event> {
  readonly #events: Event[] = []
  #ending: { readonly error?: unknown } | null = null
  #wake = (): void => {}

  /** What is pushed after the end is dropped. */
  push(event: Event): void {
    if (this.#ending !== null) return
    this.#events.push(event)
    this.#wake()
  }

  /** The reader still gets what waits. */
  end(): void {
    this.#ending ??= {}
    this.#wake()
  }

  /** The reader gets the error at once, and nothing of what waits. */
  fail(error: unknown): void {
    this.#ending = { error }
    this.#events.length = 0
    this.#wake()
  }

  async *read(): AsyncGenerator<Event, void, void> {
    for (;;) {
      const event = this.#events.shift()
      if (event !== undefined) yield event
      else if (this.#ending === null) await new Promise<void>((resolve) => (this.#wake = resolve))
      else if ('error' in this.#ending) throw this.#ending.error
      else return
    }
  }
}
