import type { Bus } from '../log/bus.ts'
import { StoreError } from '../log/store.ts'

/** The bus of one process: for a store that nobody else uses, and for several services in one test. */
export function createMemoryBus(): Bus {
  return new MemoryBus()
}

class MemoryBus implements Bus {
  readonly #listeners = new Map<string, Set<(message: string) => void>>()
  #closed = false

  async publish(channel: string, message: string): Promise<number> {
    this.#assertOpen()
    const listeners = [...(this.#listeners.get(channel) ?? [])]
    for (const listener of listeners) queueMicrotask(() => this.#deliver(channel, listener, message))
    return listeners.length
  }

  async subscribe(channel: string, listener: (message: string) => void): Promise<() => void> {
    this.#assertOpen()
    const listeners = this.#listeners.get(channel) ?? new Set()
    this.#listeners.set(channel, listeners)
    // Of its own, so that one who listens twice hears everything twice.
    const own = (message: string): void => listener(message)
    listeners.add(own)
    return () => {
      listeners.delete(own)
      if (listeners.size === 0 && this.#listeners.get(channel) === listeners) this.#listeners.delete(channel)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#listeners.clear()
  }

  #deliver(channel: string, listener: (message: string) => void, message: string): void {
    if (this.#listeners.get(channel)?.has(listener)) listener(message)
  }

  #assertOpen(): void {
    if (this.#closed) throw new StoreError('The bus is closed.')
  }
}
