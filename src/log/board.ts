/**
 * Where every container shows one text to all containers that share the store, for a while by the board's own clock.
 * One that is gone leaves nothing behind. Every implementation passes tests/store/board.contract.ts.
 * A method that cannot reach the board rejects with a `StoreError`.
 */
export interface Board {
  /** Shows the text for `lifeMs`, in the place of this container's last one, which stays where this is refused. */
  post(container: string, text: string, lifeMs: number): Promise<PostResult>
  /** The texts that are shown now, by container. Never an older text than one that was answered before. */
  all(): Promise<ReadonlyMap<string, string>>
  /** Takes down what the container shows; no effect when that is nothing. */
  remove(container: string): Promise<void>
}

export type PostResult =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: 'too-large' | 'too-many' }

export interface BoardBounds {
  /** Containers that show a text at the same time. One that is among them may always change its text. */
  readonly containersMax: number
  /** The longest text, in UTF-8. */
  readonly textBytesMax: number
}
