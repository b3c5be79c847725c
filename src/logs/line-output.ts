import { destination } from 'pino'
import { every, type Clock } from '../clock.ts'
import type { Log } from './log.ts'

export interface LineOutputOptions {
  readonly fileDescriptor: number
  readonly clock: Clock
  /** Bytes that are gathered before they are written, or as many as come in a second; 0 writes each line at once. */
  readonly gatheredBytes: number
  /** Bytes that wait because nobody takes them. Lines beyond are dropped and counted. */
  readonly waitingBytesMax: number
}

const flushMs = 1000

/**
 * Where lines go, written aside from the server's work. Nobody has to take them: what waits is bounded, and neither
 * the server nor its end waits for a reader or for room on a disk.
 */
export class LineOutput {
  readonly #clock: Clock
  readonly #sink: ReturnType<typeof destination>
  #lost = 0
  #isEnding = false
  /** Whether it was given up with lines that nobody took. */
  #isOver = false
  /** Whether the last try to write has failed. What could not be written is tried again. */
  #isBroken = false

  constructor({ fileDescriptor, clock, gatheredBytes, waitingBytesMax }: LineOutputOptions) {
    this.#clock = clock
    this.#sink = destination({
      fd: fileDescriptor,
      sync: false,
      minLength: gatheredBytes,
      maxLength: waitingBytesMax,
      retryEAGAIN: () => !this.#isEnding,
    })
    this.#sink.on('drop', () => this.#lost++)
    this.#sink.on('error', () => (this.#isBroken = true))
    this.#sink.on('write', () => (this.#isBroken = false))
    every(clock, flushMs, () => this.#sink.flush())
  }

  write(line: string): void {
    if (!this.#isOver) this.#sink.write(line)
  }

  /** Says how many lines were lost, as soon as there is room again. */
  reportLosses(log: Log): void {
    this.#sink.on('drain', () => {
      if (this.#lost === 0) return
      const lines = this.#lost
      this.#lost = 0
      log('lines lost', { lines })
    })
  }

  /** Writes what waits, if somebody takes it within a second. */
  async end(): Promise<void> {
    const flushed = new Promise<void>((resolve) => this.#sink.flush(() => resolve()))
    const patience = new Promise<void>((resolve) => this.#clock.after(flushMs, resolve))
    await Promise.race([flushed, patience])
    this.endNow()
  }

  /** The same with what is taken at once. */
  endNow(): void {
    this.#isEnding = true
    try {
      // It would try for ever where writing fails.
      if (!this.#isBroken) return this.#sink.flushSync()
    } catch {
      // There is no room in the pipe.
    }
    this.#isOver = true
    this.#sink.destroy()
  }
}
