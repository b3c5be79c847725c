/**
 * Short messages between the containers that share a store. Nothing is kept: whoever does not listen at that moment
 * misses it, and one that is lost is not sent again. Every implementation passes tests/store/bus.contract.ts.
 * A method that cannot reach the others rejects with a `StoreError`.
 */
export interface Bus {
  /** Tells everybody who listens to the channel. Answers how many that are, as far as can be known: 0 is nobody. */
  publish(channel: string, message: string): Promise<number>
  /**
   * Listens from the moment at which it resolves, over reconnections too, until the returned function is called.
   * `listener` hears the messages of one sender in their order. It must not throw.
   */
  subscribe(channel: string, listener: (message: string) => void): Promise<() => void>
  /** Nobody hears anything any more. May be called again. */
  close(): Promise<void>
}
