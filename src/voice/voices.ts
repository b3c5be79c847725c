import { createHash } from 'node:crypto'
import type { SpeechToText } from './speech-to-text.ts'
import { VoiceError, type TextToSpeech } from './text-to-speech.ts'

/** Who speaks and who listens, and closes with one call; null for what there is not. */
export interface VoiceClient {
  readonly textToSpeech: TextToSpeech | null
  readonly speechToText: SpeechToText | null
  close(): Promise<void>
}

export interface VoicesOptions {
  /** The server's own. */
  readonly own: VoiceClient
  /** Makes the client that a guest's key pays for. */
  readonly createForKey: (key: string) => VoiceClient
  /** How many of those may be open at the same time. */
  readonly guestClientsMax: number
  /** Told when a client cannot be closed; nobody else could do anything about it. */
  readonly reportDefect: (error: unknown) => void
}

/** The right to use a client. It stays open at least until the release; a second release does nothing. */
export interface VoiceLease {
  readonly client: VoiceClient
  readonly release: () => void
}

interface GuestClient {
  readonly client: VoiceClient
  leases: number
}

/**
 * Where sessions get their voice from: the server's own, or one for a guest's key that all sessions with this key
 * share, so that its connection is warm and its plan's limit holds for all of them.
 */
export class Voices {
  readonly own: VoiceClient
  readonly #options: VoicesOptions
  /** By hash, so that no key outlives its client. */
  readonly #byKey = new Map<string, GuestClient>()
  readonly #closing = new Set<Promise<void>>()
  #isClosed = false

  constructor(options: VoicesOptions) {
    this.own = options.own
    this.#options = options
  }

  /** How many guests' clients are open. */
  get guestClientCount(): number {
    return this.#byKey.size
  }

  /** Throws a `VoiceError` `VOICE_UNAVAILABLE` where too many are open, or after `close`. */
  lease(guestKey: string): VoiceLease {
    if (this.#isClosed) throw new VoiceError('VOICE_UNAVAILABLE', 'The bar is closing.')
    const hash = createHash('sha256').update(guestKey).digest('base64')
    const guest = this.#byKey.get(hash) ?? this.#open(hash, guestKey)
    guest.leases++
    let isReleased = false
    return {
      client: guest.client,
      release: () => {
        if (isReleased) return
        isReleased = true
        guest.leases--
        if (guest.leases === 0 && this.#byKey.get(hash) === guest) this.#close(hash, guest)
      },
    }
  }

  /** Leases nothing any more and closes everything. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const [hash, guest] of this.#byKey) this.#close(hash, guest)
    await Promise.all([...this.#closing, this.own.close()])
  }

  #open(hash: string, guestKey: string): GuestClient {
    if (this.#byKey.size >= this.#options.guestClientsMax) {
      const message = 'Too many guests bring a voice of their own right now. Try again in a moment.'
      throw new VoiceError('VOICE_UNAVAILABLE', message)
    }
    const guest = { client: this.#options.createForKey(guestKey), leases: 0 }
    this.#byKey.set(hash, guest)
    return guest
  }

  #close(hash: string, { client }: GuestClient): void {
    this.#byKey.delete(hash)
    const closed = client.close().catch(this.#options.reportDefect)
    this.#closing.add(closed)
    void closed.finally(() => this.#closing.delete(closed))
  }
}
