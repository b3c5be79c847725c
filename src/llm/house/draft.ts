import type { Act, Topic } from './acts.ts'
import type { Retraction } from './correction-acts.ts'
import type { Drink, DrinkList } from './drinks.ts'
import type { Mood } from './mood.ts'
import type { Wish } from './order-acts.ts'

/** Words that no act was found in. */
export interface Skipped {
  readonly mood: Mood
  /** It began like an order. */
  readonly isWish: boolean
  /** It is about drinks that are there already. */
  readonly isNoted: boolean
  readonly drinks: readonly Drink[]
  readonly strangers: readonly string[]
}

/** The acts of one message while it is read: later words may still correct earlier ones. */
export class Draft {
  #acts: Act[] = []
  #isCorrecting = false

  get acts(): readonly Act[] {
    return this.#acts
  }

  get hasOrder(): boolean {
    return this.#lastOrderAt !== -1
  }

  /** The drink that was named right before, if nothing came after it. */
  get lastDrink(): Drink | undefined {
    const last = this.#acts.at(-1)
    return last?.type === 'order' ? last.list.drinks.at(-1) : undefined
  }

  get #lastOrderAt(): number {
    return this.#acts.findLastIndex(({ type }) => type === 'order')
  }

  add(act: Act): void {
    const last = this.#acts[this.#lastOrderAt]
    if (last?.type === 'order' && this.#amend(act, last.list)) return
    // Only the last word on the tip counts.
    if (act.type === 'tip') this.#acts = this.#acts.filter(({ type }) => type !== 'tip')
    this.#acts.push(act)
    this.#isCorrecting = false
  }

  /** `(same again) but no beer`. False when nothing is repeated. */
  leaveOut(list: DrinkList): boolean {
    const last = this.#acts.at(-1)
    if (last?.type !== 'again' || last.quantity !== 'same') return false
    this.#acts[this.#acts.length - 1] = { ...last, except: list.drinks.map(({ item }) => item) }
    return true
  }

  order(wish: Wish, before: DrinkList | undefined, link: readonly string[]): void {
    const { list, isPlain } = wish
    const from = wish.instead ?? before
    const isSure = isPlain && !list.isChoice && !list.oddQuantity
    if (!isSure) this.#acts.push({ type: 'offer', list })
    else if (from !== undefined) this.#acts.push({ type: 'replace', from, to: list, isAside: true })
    else if (wish.saysInstead && !this.hasOrder) this.#acts.push({ type: 'revise', list, needsFresh: true })
    else this.#order(list, link, saysOnlyThis(wish, link))
    this.#isCorrecting = false
  }

  #order(list: DrinkList, link: readonly string[], isOnly: boolean): void {
    const last = this.#acts[this.#lastOrderAt]
    const isSame =
      last?.type === 'order' &&
      list.drinks.length === 1 &&
      last.list.drinks.at(-1)?.item === list.drinks[0]?.item
    const corrects = this.#isCorrecting || (isSame && (isOnly || link.includes('no')))
    if (corrects && last?.type === 'order') {
      const kept = last.list.drinks.slice(0, -1)
      this.#replaceLast({
        ...list,
        drinks: [...kept, ...list.drinks],
        strangers: [...last.list.strangers, ...list.strangers],
      })
    } else {
      this.#acts.push({ type: 'order', list, ...(isOnly ? { isOnly } : {}) })
    }
  }

  retract(retraction: Retraction): void {
    switch (retraction) {
      case 'correct':
        this.#isCorrecting = true
        break
      case 'drop-last':
        this.#acts.splice(this.#lastOrderAt, 1, { type: 'talk', topic: 'never-mind' })
        break
      case 'drop-all':
        this.#acts = [{ type: 'talk', topic: 'never-mind' }]
        break
    }
  }

  /** Words that order nothing although drinks were named. */
  miss(topic: Topic, list: DrinkList): void {
    if (topic === 'hypothetical' || topic === 'later') this.#acts.push({ type: 'offer', list })
    else this.#acts.push({ type: 'talk', topic })
  }

  skip({ mood, isWish, isNoted, drinks, strangers }: Skipped): void {
    if (drinks.length + strangers.length === 0) {
      const topic =
        isWish && mood === 'plain' ? 'unknown-wish' : isNoted && mood === 'negated' ? 'negated' : 'unclear'
      this.#acts.push({ type: 'talk', topic })
    } else if (mood === 'plain' && isNoted && strangers.length === 0) {
      this.#acts.push({ type: 'talk', topic: 'noted' })
    } else if (mood === 'plain' && drinks.length === 1) {
      this.#acts.push({ type: 'offer', list: { drinks, strangers, isChoice: false, oddQuantity: false } })
    } else if (mood === 'plain' || mood === 'question') {
      this.#acts.push({ type: 'about', drinks, strangers })
    } else {
      this.#acts.push({ type: 'talk', topic: topicOf(mood) })
    }
  }

  /** `make that two` and `make it dirty` right behind an order of this message change that order. */
  #amend(act: Act, list: DrinkList): boolean {
    const last = list.drinks.at(-1)
    if (last === undefined) return false
    const kept = list.drinks.slice(0, -1)
    switch (act.type) {
      case 'total':
      case 'count':
        if (act.type === 'count' && !this.#isCorrecting) return false
        this.#replaceLast({ ...list, drinks: [...kept, { ...last, quantity: act.quantity }] })
        break
      case 'restyle':
        this.#replaceLast({
          ...list,
          drinks: [...kept, { ...last, modifiers: [...last.modifiers, ...act.modifiers] }],
        })
        break
      case 'revise':
        this.#replaceLast({ ...act.list, drinks: [...kept, ...rest(last, act.part), ...act.list.drinks] })
        break
      case 'again':
        if (act.quantity === 'same') return false
        this.#acts.push({
          type: 'order',
          list: { ...list, drinks: [{ ...last, quantity: act.quantity }], strangers: [] },
        })
        break
      case 'remove-last':
        this.#acts.splice(this.#lastOrderAt, 1)
        break
      default:
        return false
    }
    this.#isCorrecting = false
    return true
  }

  #replaceLast(list: DrinkList): void {
    this.#acts[this.#lastOrderAt] = { type: 'order', list }
  }
}

/** `only one beer`, `just one beer`, but not `just a beer` or `just one more`. */
function saysOnlyThis({ list, saysOnly, saysMore }: Wish, link: readonly string[]): boolean {
  const saysJust = link.includes('just') && list.drinks.some(({ isCounted }) => isCounted)
  return !saysMore && (saysOnly || saysJust || link.includes('only'))
}

/** What is left of a drink when a part of it becomes another. */
function rest(drink: Drink, part: number | undefined): readonly Drink[] {
  const left = part === undefined ? 0 : (drink.quantity ?? 0) - part
  return left > 0 ? [{ ...drink, quantity: left }] : []
}

function topicOf(mood: Exclude<Mood, 'plain' | 'question'>): Topic {
  return mood === 'reported' ? 'past' : mood
}
