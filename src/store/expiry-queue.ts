/** Something that expires. Only the queue writes `place`. */
export interface Expiring {
  readonly expiresAt: number
  /** Where the queue keeps the item. */
  place: number
}

/** Items in order of expiry: a binary heap in which every item knows its place, so that it can move or leave. */
export class ExpiryQueue<Item extends Expiring> {
  readonly #heap: Item[] = []

  get first(): Item | undefined {
    return this.#heap[0]
  }

  add(item: Item): void {
    item.place = this.#heap.length
    this.#heap.push(item)
    this.#rise(item)
  }

  /** Must be called after every change of an item's `expiresAt`. */
  reorder(item: Item): void {
    this.#rise(item)
    this.#sink(item)
  }

  remove(item: Item): void {
    const last = this.#heap.pop()
    if (last === undefined || last === item) return
    this.#put(last, item.place)
    this.reorder(last)
  }

  /** Up to `max` items that have expired at `now`, the oldest first. They stay in the queue. */
  expired(now: number, max: number): readonly Item[] {
    const taken: Item[] = []
    while (taken.length < max && this.first !== undefined && this.first.expiresAt <= now) {
      taken.push(this.first)
      this.remove(this.first)
    }
    for (const item of taken) this.add(item)
    return taken
  }

  #rise(item: Item): void {
    while (item.place > 0) {
      const parent = this.#heap[(item.place - 1) >> 1]
      if (parent === undefined || parent.expiresAt <= item.expiresAt) return
      this.#swap(item, parent)
    }
  }

  #sink(item: Item): void {
    for (;;) {
      const child = this.#earlierChild(item.place)
      if (child === undefined || child.expiresAt >= item.expiresAt) return
      this.#swap(item, child)
    }
  }

  #earlierChild(place: number): Item | undefined {
    const left = this.#heap[2 * place + 1]
    const right = this.#heap[2 * place + 2]
    return left !== undefined && right !== undefined && right.expiresAt < left.expiresAt ? right : left
  }

  #swap(one: Item, other: Item): void {
    const { place } = one
    this.#put(one, other.place)
    this.#put(other, place)
  }

  #put(item: Item, place: number): void {
    this.#heap[place] = item
    item.place = place
  }
}
