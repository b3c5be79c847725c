import { createPlace, isRecord, type Place, type Shelf } from './shelf.ts'

/** A message of the guest whose answer has not ended. */
export interface OutgoingMessage {
  /** Under which it is asked once, however often it is sent. */
  readonly key: string
  /** As it is sent: the same key with another body would be refused. */
  readonly body: { readonly user_input: string }
  /** The turn that answers it, as soon as the server has said so. */
  readonly turnId: string | null
  /** Why its answer broke off; such a message waits for the guest to try again. */
  readonly failure: string | null
}

const name = 'maya-outbox'

/** As many may wait; more are not taken. */
export const waitingMax = 20

/**
 * The messages that this browser tab must not forget over a reload, oldest first. They are bound to their session: in
 * another one they are nobody's.
 */
export class Outbox {
  readonly #place: Place<readonly OutgoingMessage[]>
  #session: string | null = null
  #messages: readonly OutgoingMessage[] = []

  constructor(shelf: Shelf) {
    this.#place = createPlace(shelf, name, areMessages)
  }

  get messages(): readonly OutgoingMessage[] {
    return this.#messages
  }

  get isFull(): boolean {
    return this.#messages.length >= waitingMax
  }

  /** The one to be asked now. */
  get next(): OutgoingMessage | undefined {
    return this.#messages.find(({ failure }) => failure === null)
  }

  /** Takes up what is left of this session. What was said before there was one belongs to it. */
  open(session: string): void {
    if (this.#session === session) return
    const early = this.#messages
    this.#session = session
    this.#keep([...(this.#place.read(session) ?? []), ...early])
  }

  add(message: OutgoingMessage): void {
    this.#keep([...this.#messages, message])
  }

  change(key: string, changes: Partial<Pick<OutgoingMessage, 'turnId' | 'failure'>>): void {
    this.#keep(this.#messages.map((message) => (message.key === key ? { ...message, ...changes } : message)))
  }

  remove(key: string): void {
    this.#keep(this.#messages.filter((message) => message.key !== key))
  }

  dropFailed(): void {
    this.#keep(this.#messages.filter(({ failure }) => failure === null))
  }

  /** Gives all of them back and forgets them. */
  empty(): readonly OutgoingMessage[] {
    const messages = this.#messages
    this.#keep([])
    return messages
  }

  #keep(messages: readonly OutgoingMessage[]): void {
    this.#messages = messages
    // What is kept may be of a session that is not found yet.
    if (this.#session === null) return
    if (messages.length === 0) this.#place.clear()
    else this.#place.write(this.#session, messages)
  }
}

function areMessages(value: unknown): value is readonly OutgoingMessage[] {
  return Array.isArray(value) && value.every((each) => isRecord(each) && typeof each['key'] === 'string')
}
