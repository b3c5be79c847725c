/** What a frame holds in memory beside its bytes, about: many small ones fill the queue too. */
const frameOverheadBytes = 256

/**
 * Sound on its way from a guest to the ears, in its order. It never refuses a frame: whoever fills it stops when it
 * is full, and is called when half of it is free again.
 */
export class SoundQueue implements AsyncIterable<Uint8Array> {
  readonly #bytesMax: number
  readonly #onRoom: () => void
  #frames: Uint8Array[] = []
  #bytes = 0
  #isEnded = false
  #isWaitedFor = false
  #wake = (): void => {}

  constructor({ bytesMax, onRoom }: { readonly bytesMax: number; readonly onRoom: () => void }) {
    this.#bytesMax = bytesMax
    this.#onRoom = onRoom
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Takes a frame and says whether it is full now. */
  push(frame: Uint8Array): { readonly isFull: boolean } {
    this.#frames.push(frame)
    this.#bytes += heldBy(frame)
    this.#isWaitedFor ||= this.#bytes >= this.#bytesMax
    this.#wake()
    return { isFull: this.#isWaitedFor }
  }

  /** There is no more sound; what waits is still handed out. */
  end(): void {
    this.#isEnded = true
    this.#wake()
  }

  /** Nobody hears it any more. */
  discard(): void {
    this.#frames = []
    this.#bytes = 0
    this.end()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    for (;;) {
      const frame = this.#take()
      if (frame !== undefined) yield frame
      else if (this.#isEnded) return
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  #take(): Uint8Array | undefined {
    const frame = this.#frames.shift()
    if (frame === undefined) return undefined
    this.#bytes -= heldBy(frame)
    if (this.#isWaitedFor && this.#bytes <= this.#bytesMax / 2) {
      this.#isWaitedFor = false
      this.#onRoom()
    }
    return frame
  }
}

function heldBy({ byteLength }: Uint8Array): number {
  return byteLength + frameOverheadBytes
}
