import type { WebSocket } from 'ws'
import type { ListenMode } from '../../src/voice/speech-to-text.ts'

export interface HearingOptions {
  /** Sound before somebody is heard to speak, and sound for each word of theirs. A second has 32,000 bytes. */
  readonly fromBytes?: number
  readonly bytesPerWord?: number
  /** Sound after the last word until it is taken for the end. */
  readonly endBytes?: number
  /** Whether only sound counts that is no silence, as from a microphone that is open all the time. */
  readonly isLoud?: boolean
}

/** A message that will be heard. */
export interface Hearing extends Required<HearingOptions> {
  readonly words: readonly string[]
}

export function hearing(text: string, options: HearingOptions): Hearing {
  const words = text.split(/\s+/).filter((word) => word !== '')
  return { fromBytes: 3200, bytesPerWord: 3200, endBytes: 3200, isLoud: false, ...options, words }
}

export interface CartesiaListenerOptions {
  readonly socket: WebSocket
  readonly mode: ListenMode
  readonly query: Readonly<Record<string, string>>
  /** What all listeners together will hear; each takes the first when it begins to hear somebody. */
  readonly hearings: Hearing[]
  readonly tell: () => void
}

/** From here on a piece of sound is no silence: the root mean square of its samples. */
const loudFrom = 300

/** One guest that is listened to, as the server has it. */
export class CartesiaListener {
  readonly mode: ListenMode
  readonly query: Readonly<Record<string, string>>
  readonly socket: WebSocket
  /** The texts that it was sent: `finalize`, `close`. */
  readonly commands: string[] = []
  readonly frames: Buffer[] = []
  bytes = 0
  loudBytes = 0
  /** Whether the usual answer to a command is left out. */
  ignoresCommands = false
  readonly #options: CartesiaListenerOptions
  #hearing: Hearing | undefined
  #begin = { bytes: 0, loudBytes: 0 }
  #wordsHeard = 0
  /** Where the last word was heard. */
  #lastWordAt = 0

  constructor(options: CartesiaListenerOptions) {
    this.#options = options
    this.mode = options.mode
    this.query = options.query
    this.socket = options.socket
    if (this.mode === 'hands-free') this.send({ type: 'connected' })
    this.socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) this.#hear(data)
      else this.#obey(String(data))
      options.tell()
    })
  }

  /** All of the sound, as it came. */
  get sound(): Buffer {
    return Buffer.concat(this.frames)
  }

  send(event: object): void {
    this.socket.send(JSON.stringify({ request_id: 'request-1', ...event }))
  }

  #hear(sound: Buffer): void {
    this.frames.push(sound)
    this.bytes += sound.byteLength
    if (loudnessOf(sound) >= loudFrom) this.loudBytes += sound.byteLength
    this.#understand()
  }

  #understand(): void {
    const { hearings } = this.#options
    const next = this.#hearing ?? hearings[0]
    if (next === undefined) {
      this.#begin = { bytes: this.bytes, loudBytes: this.loudBytes }
      return
    }
    const { fromBytes, bytesPerWord, endBytes, isLoud, words } = next
    const heard = isLoud ? this.loudBytes - this.#begin.loudBytes : this.bytes - this.#begin.bytes
    const count = Math.min(words.length, Math.floor((heard - fromBytes) / bytesPerWord))
    if (count > 0) this.#hearing ??= hearings.shift()
    const isTurn = this.mode === 'hands-free'
    if (this.#wordsHeard === 0 && count > 0 && isTurn) this.send({ type: 'turn.start' })
    if (count > this.#wordsHeard) {
      const said = words.slice(0, count).join(' ')
      if (isTurn) this.send({ type: 'turn.update', transcript: said })
      else this.send({ type: 'transcript', is_final: false, text: said })
      this.#wordsHeard = count
      this.#lastWordAt = this.bytes
    }
    if (isTurn && count === words.length && this.bytes - this.#lastWordAt >= endBytes) this.#endTurn()
  }

  #endTurn(): void {
    const words = this.#hearing?.words.slice(0, this.#wordsHeard) ?? []
    if (words.length > 0) this.send({ type: 'turn.end', transcript: words.join(' ') })
    this.#hearing = undefined
    this.#wordsHeard = 0
    this.#begin = { bytes: this.bytes, loudBytes: this.loudBytes }
  }

  #obey(command: string): void {
    this.commands.push(command)
    if (this.ignoresCommands) return
    if (this.mode === 'hands-free') {
      this.#endTurn()
      this.socket.close(1000)
    } else if (command === 'finalize') {
      // The pieces of a text follow each other as they are, each with its own spaces.
      const words = this.#hearing?.words.slice(0, this.#wordsHeard) ?? []
      for (const [at, word] of words.entries()) {
        this.send({ type: 'transcript', is_final: true, text: at === 0 ? word : ` ${word}` })
      }
      this.#hearing = undefined
      this.#wordsHeard = 0
      this.send({ type: 'flush_done' })
    } else {
      this.send({ type: 'done' })
      this.socket.close(1000)
    }
  }
}

function loudnessOf(sound: Buffer): number {
  const count = Math.floor(sound.byteLength / 2)
  let squares = 0
  for (let at = 0; at < count; at++) squares += sound.readInt16LE(at * 2) ** 2
  return count === 0 ? 0 : Math.sqrt(squares / count)
}
