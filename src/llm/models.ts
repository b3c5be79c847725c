import { createHash } from 'node:crypto'
import { ModelError, type ClosableModel, type Model } from './model.ts'
import { watchEnd } from './stream-end.ts'

export interface ModelsOptions {
  /** The server's own. */
  readonly own: ClosableModel
  /** Makes the model that a guest's key pays for. */
  readonly createForKey: (key: string) => ClosableModel
  /** How many of those may be open at the same time. */
  readonly guestModelsMax: number
  /** Told when a model cannot be closed; nobody else could do anything about it. */
  readonly reportDefect: (error: unknown) => void
}

/** The right to ask a model. It is kept open at least until the release; a second release does nothing. */
export interface ModelLease {
  /** Throws a `ModelError` when it is asked after the release. */
  readonly model: Model
  release(): void
}

interface GuestModel {
  readonly keyHash: string
  readonly model: ClosableModel
  readonly closed: PromiseWithResolvers<void>
  leases: number
  streams: number
}

/**
 * Where sessions get their model from: the server's own, or one for a guest's key that all sessions with this key
 * share. A guest's model is closed as soon as nobody leases it and none of its streams runs.
 */
export class Models {
  readonly own: Model
  readonly #options: ModelsOptions
  /** By hash, so that no key outlives its model. */
  readonly #byKey = new Map<string, GuestModel>()
  /** With those that are being closed. */
  readonly #open = new Set<GuestModel>()
  #isClosed = false

  constructor(options: ModelsOptions) {
    this.own = options.own
    this.#options = options
  }

  /** How many guests' models are open. */
  get guestModelCount(): number {
    return this.#open.size
  }

  /**
   * A key gives the model made for it, null the server's own.
   * Throws a `ModelError` `MODEL_UNAVAILABLE` that is retryable where too many are open, or after `close`.
   */
  lease(guestKey: string | null): ModelLease {
    if (this.#isClosed) throw unavailable('The bar is closing.')
    if (guestKey === null) return { model: this.own, release: () => {} }
    const guest = this.#find(guestKey)
    guest.leases++
    let isReleased = false
    return {
      model: this.#leased(guest, () => isReleased),
      release: () => {
        if (isReleased) return
        isReleased = true
        guest.leases--
        this.#closeUnused(guest)
      },
    }
  }

  /** Leases nothing any more, waits for the streams that still run (end them first), and closes everything. */
  async close(): Promise<void> {
    this.#isClosed = true
    const guests = [...this.#open]
    for (const guest of guests) {
      guest.leases = 0
      this.#closeUnused(guest)
    }
    await Promise.all(guests.map(({ closed }) => closed.promise))
    await this.#options.own.close()
  }

  #find(guestKey: string): GuestModel {
    const keyHash = createHash('sha256').update(guestKey).digest('base64')
    const known = this.#byKey.get(keyHash)
    if (known !== undefined) return known
    const { createForKey, guestModelsMax } = this.#options
    if (this.#open.size >= guestModelsMax) {
      throw unavailable('Too many guests bring a key of their own right now. Ask again in a moment.')
    }
    const model = createForKey(guestKey)
    const guest = { keyHash, model, closed: Promise.withResolvers<void>(), leases: 0, streams: 0 }
    this.#byKey.set(keyHash, guest)
    this.#open.add(guest)
    return guest
  }

  #leased(guest: GuestModel, isReleased: () => boolean): Model {
    const { name, isGeneral } = guest.model
    return {
      name,
      isGeneral,
      stream: (request, signal) => ({
        [Symbol.asyncIterator]: () => {
          if (this.#isClosed) throw unavailable('The bar is closing.')
          if (isReleased()) throw unavailable('The key of this session has changed. Ask again.')
          const events = guest.model.stream(request, signal)
          guest.streams++
          const counted = watchEnd(events, () => {
            guest.streams--
            this.#closeUnused(guest)
          })
          return counted[Symbol.asyncIterator]()
        },
      }),
    }
  }

  #closeUnused(guest: GuestModel): void {
    if (guest.leases > 0 || guest.streams > 0 || this.#byKey.get(guest.keyHash) !== guest) return
    this.#byKey.delete(guest.keyHash)
    void guest.model
      .close()
      .catch(this.#options.reportDefect)
      .finally(() => {
        this.#open.delete(guest)
        guest.closed.resolve()
      })
  }
}

function unavailable(message: string): ModelError {
  return new ModelError('MODEL_UNAVAILABLE', message, { retryable: true })
}
